"""The outcome of one exercise, and how it is shown: plain text, and a card for the notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape

from autograder.heat import LEGEND, Heat

MOST_MAPS = 3  # of one result: the first wrong values

VERDICTS = ("right", "follow_through", "partial", "wrong", "error", "missing", "forbidden", "limit", "not_reached")

SYMBOLS = {
    "right": "✓", "follow_through": "◐", "partial": "◐", "wrong": "✗", "error": "✗", "missing": "○",
    "forbidden": "✗", "limit": "✗", "not_reached": "○",
}  # fmt: skip

TITLES = {
    "right": "right",
    "follow_through": "fits your forward pass",
    "partial": "partly right",
    "wrong": "not right yet",
    "error": "stopped with an error",
    "missing": "not answered yet",
    "forbidden": "not allowed here",
    "limit": "over a limit",
    "not_reached": "not reached",
}


@dataclass(frozen=True)
class Line:
    """One judged value.

    Attributes:
        name: as the exercise names it.
        ok: right in every case.
        detail: what to know about it, in a few words: shape, worst element, figures.
        heat: where it is wrong, or None.
    """

    name: str
    ok: bool
    detail: str = ""
    heat: Heat | None = None

    @classmethod
    def from_plain(cls, plain: dict) -> Line:
        """The line that `asdict` wrote, and JSON read."""
        found = plain.get("heat")
        shown = Heat(found["down"], found["across"], tuple(found["rows"]), found["words"]) if found else None
        return cls(plain["name"], plain["ok"], plain["detail"], shown)


@dataclass(frozen=True)
class Result:
    """The verdict on one exercise.

    Attributes:
        exercise: its id.
        points: earned, from 0 to max_points.
        max_points: of the assignment.
        verdict: one of VERDICTS.
        message: one or two sentences for the student.
        mistake: the id of the known mistake, or None.
        lines: one per judged value.
        hint: what to try next.
        flag: something for the instructor to look at, not shown to the student.
    """

    exercise: str
    points: float
    max_points: float
    verdict: str
    message: str
    mistake: str | None = None
    lines: tuple[Line, ...] = ()
    hint: str = ""
    flag: str = ""

    def to_plain(self) -> dict[str, object]:
        """The result as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict) -> Result:
        """The result that `to_plain` wrote."""
        return cls(**{**plain, "lines": tuple(map(Line.from_plain, plain["lines"]))})

    def text(self) -> str:
        """The result for a terminal, a screen reader and `text/plain`."""
        head = f"{SYMBOLS[self.verdict]} {self.exercise}: {TITLES[self.verdict]} ({_points(self)})"
        rows = [f"    {'ok ' if line.ok else 'NO '} {line.name:<12} {line.detail}".rstrip() for line in self.lines]
        rest = [self.message] + ([f"Try: {self.hint}"] if self.hint else [])
        maps = [f"`{line.name}`: {line.heat.text()}" for line in self.maps()]
        if maps:
            maps = ["Where the errors are:", *maps, LEGEND]
        indented = [f"    {row}" for text in maps for row in text.split("\n")]
        return "\n".join([head, *rows, *(f"  {text}" for text in rest if text), *indented])

    def maps(self) -> list[Line]:
        """The lines whose maps are shown: the first few, not all."""
        return [line for line in self.lines if line.heat][:MOST_MAPS]

    def html(self) -> str:
        """The result as a card: colours from the page's own theme, a word beside every symbol."""
        tone = {"right": "#009e73", "partial": "#e69f00", "follow_through": "#e69f00"}.get(self.verdict, "#d55e00")
        if self.verdict in ("missing", "not_reached"):
            tone = "#888888"
        rows = "".join(
            f"<tr><td style='text-align:left;white-space:nowrap'>{'✓ ok' if line.ok else '✗ no'}</td>"
            f"<td style='text-align:left'><code>{escape(line.name)}</code></td>"
            f"<td style='text-align:left'>{escape(line.detail)}</td></tr>"
            for line in self.lines
        )
        table = f"<table aria-label='values' style='margin:.4em 0;color:inherit'>{rows}</table>" if rows else ""
        hint = f"<div><b>Try:</b> {escape(self.hint)}</div>" if self.hint else ""
        maps = maps_html(self.maps())
        return (
            f"<div role='group' aria-label='{escape(self.exercise)}: {TITLES[self.verdict]}' "
            f"style='border-left:.35em solid {tone};padding:.3em .8em;margin:.3em 0'>"
            f"<div><b>{SYMBOLS[self.verdict]} <code>{escape(self.exercise)}</code>: {TITLES[self.verdict]}</b>"
            f" &nbsp; {_points(self)}</div>{table}<div>{escape(self.message)}</div>{hint}{maps}</div>"
        )


def maps_html(lines: Sequence[Line]) -> str:
    """The maps of some wrong values side by side, with their legend; "" for none."""
    shown = "".join(
        f"<div style='margin:.4em 1.6em .2em 0'><code>{escape(line.name)}</code>{line.heat.html()}</div>"
        for line in lines
    )
    if not shown:
        return ""
    return (
        f"<div style='display:flex;flex-wrap:wrap;margin-top:.3em'>{shown}</div>"
        f"<div style='font-size:.85em'>{escape(LEGEND)}</div>"
    )


def _points(result: Result) -> str:
    return f"{result.points:g} of {result.max_points:g} points"


@dataclass
class Shown:
    """A result as a notebook shows it: the card, or its text twin."""

    result: Result
    extra: list[str] = field(default_factory=list)

    def _repr_html_(self) -> str:
        return self.result.html()

    def __repr__(self) -> str:
        return self.result.text()
