"""Where a tensor is wrong: a small map of levels, without the values. Text for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np

MOST_ROWS, MOST_COLUMNS = 12, 24  # larger tensors are pooled: a cell then shows the worst of its elements
BOUNDS = (0.01, 0.3)  # of the largest element: between the levels of what is wrong
GLYPHS = "·░▒█"
LEGEND = "· right, ░ off by less than 1 %, ▒ by less than 30 %, █ by more, of the largest element"
COLOURS = ("inherit", "#d55e00", "#d55e00", "#d55e00")  # readable on light and on dark


@dataclass(frozen=True)
class Heat:
    """The map of one tensor.

    Attributes:
        down, across: what its rows and its columns are, for example "time (6)" and "units (5)".
        rows: one text per row, one digit per cell: 0 right, 1 to 3 wrong, see LEGEND.
    """

    down: str
    across: str
    rows: tuple[str, ...]

    def label(self) -> str:
        """The map in words, for who does not see it: "time (6): 0 to 4 wrong throughout, 5 right"."""
        kinds = ["right" if set(row) == {"0"} else "wrong" if "0" not in row else "partly wrong" for row in self.rows]
        if len(self.rows) == 1:
            wrong = [str(i) for i, digit in enumerate(self.rows[0]) if digit != "0"]
            return f"{self.across}: wrong at {', '.join(wrong)}"
        runs, start = [], 0
        for end in range(1, len(kinds) + 1):
            if end == len(kinds) or kinds[end] != kinds[start]:
                which = str(start) if end - start == 1 else f"{start} to {end - 1}"
                runs.append(f"{which} {kinds[start]}")
                start = end
        return f"{self.down} by {self.across}: rows {', '.join(runs)}"

    def text(self) -> str:
        """The map in characters, several lines."""
        rows = ("".join(GLYPHS[int(digit)] for digit in row) for row in self.rows)
        axes = f"{self.down} down, {self.across} across" if self.down else f"{self.across} across"
        return "\n".join([axes, *rows])

    def html(self) -> str:
        """The map as coloured characters, which mean the same without colour and are one picture to a screen reader."""
        rows = "<br>".join(
            "".join(f"<span style='color:{COLOURS[int(digit)]}'>{GLYPHS[int(digit)]}</span>" for digit in row)
            for row in self.rows
        )
        label = escape(self.label(), quote=True)
        axes = f"{self.down} ↓ {self.across} →" if self.down else f"{self.across} →"
        return (
            f"<div style='font-size:.85em'>{escape(axes)}</div>"
            f"<div role='img' aria-label='{label}' title='{label}' style='font-family:monospace;line-height:1.05;"
            f"letter-spacing:.1em;white-space:pre'>{rows}</div>"
        )


def heat(
    answer: np.ndarray,
    expected: np.ndarray,
    wrong: np.ndarray,
    *,
    time_axis: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Heat | None:
    """Map where an answer is wrong.

    A sequence is shown as time by its last axis, any other tensor as its last two axes. What is left is pooled: a cell
    shows the worst of its elements.

    Args:
        answer, expected: of one shape.
        wrong: True at the wrong elements.
        time_axis: the axis that is time, if one is.
        sizes: dimension name -> size, all different: they name the axes.

    Returns:
        The map; None for a single number and an empty tensor.
    """
    if wrong.size < 2:
        return None
    shown = [axis for axis in (time_axis, wrong.ndim - 1) if axis is not None]
    if time_axis is None and wrong.ndim > 1:
        shown = [wrong.ndim - 2, wrong.ndim - 1]
    shown = sorted({axis % wrong.ndim for axis in shown})
    with np.errstate(all="ignore"):
        off = np.abs(answer.astype(np.float64) - expected)
        off = off / np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    levels = np.where(wrong, 3 - (off < BOUNDS[1]) - (off < BOUNDS[0]), 0)  # what is not finite is level 3
    others = tuple(axis for axis in range(wrong.ndim) if axis not in shown)
    grid = _pooled(_pooled(np.atleast_2d(levels.max(axis=others)), MOST_ROWS).T, MOST_COLUMNS).T
    names = [_axis(wrong.shape[axis], sizes or {}) for axis in shown]
    down, across = names if len(names) == 2 else ("", names[0])
    return Heat(down, across, tuple("".join(map(str, row)) for row in grid.tolist()))


def _pooled(grid: np.ndarray, most: int) -> np.ndarray:
    """At most `most` rows, each the maximum of neighbouring ones."""
    if len(grid) <= most:
        return grid
    return np.array([part.max(axis=0) for part in np.array_split(grid, most)])


def _axis(size: int, sizes: Mapping[str, int]) -> str:
    """For example "time (6)"."""
    return next((f"{name} ({size})" for name, known in sizes.items() if known == size), f"axis ({size})")
