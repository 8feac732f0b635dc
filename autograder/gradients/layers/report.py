"""What the checks of a layer found, to be read by people."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..compare import Comparison

CELL = "color:inherit;text-align:left;vertical-align:top"
RIGHT, WRONG, NOT_JUDGED = "right", "wrong", "not judged"


@dataclass(frozen=True)
class LayerCheck:
    """What one check found.

    Attributes:
        name: of the check.
        status: "right", "wrong" or "not judged".
        sentence: what was found, and where it is wrong what to try next.
        comparisons: name of a weight, an input or an output -> `Comparison`.
    """

    name: str
    status: str
    sentence: str
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)

    def __str__(self) -> str:
        lead = f"{self.status:<11}{self.name:<16}"
        return textwrap.fill(f"{lead}{self.sentence}", 110, subsequent_indent=" " * len(lead), break_long_words=False)


@dataclass(frozen=True)
class LayerReport:
    """What `check_layer` found.

    Attributes:
        layer: the layer's class and name.
        checks: one `LayerCheck` for each check, in order.
    """

    layer: str
    checks: tuple[LayerCheck, ...]

    @property
    def ok(self) -> bool:
        """Is nothing wrong, and something right?"""
        statuses = [check.status for check in self.checks]
        return WRONG not in statuses and RIGHT in statuses

    @property
    def wrong(self) -> list[str]:
        """The names of the checks that found something wrong."""
        return [check.name for check in self.checks if check.status == WRONG]

    def __getitem__(self, name: str) -> LayerCheck:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"There is no check {name!r} in this report. It has {', '.join(c.name for c in self.checks)}.")

    def __iter__(self) -> Iterator[LayerCheck]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def _repr_html_(self) -> str:
        """The report as a table, as a notebook shows it."""
        rows = [_row("th", "check", "status", "what was found")]
        rows += [_row("td", check.name, check.status, check.sentence) for check in self.checks]
        head = html.escape(str(self).split("\n", 1)[0])
        return f'<div style="color:inherit"><p>{head}</p><table>{"".join(rows)}</table></div>'

    def __str__(self) -> str:
        counts = [sum(check.status == status for check in self.checks) for status in (RIGHT, WRONG, NOT_JUDGED)]
        head = f"{self.layer}: {counts[0]} right, {counts[1]} wrong, {counts[2]} not judged"
        return "\n".join([head, *(f"  {check}".replace("\n", "\n  ") for check in self.checks)])


def _row(tag: str, *texts: str) -> str:
    cells = (f'<{tag} style="{CELL}">{html.escape(text)}</{tag}>' for text in texts)
    return f"<tr>{''.join(cells)}</tr>"
