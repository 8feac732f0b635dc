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
        down, across: what its rows and its columns are, for example "time (6)" and "units (5)"; `down` is "" for a
            single row.
        rows: one text per row, one digit per cell: 0 right, 1 to 3 wrong, see LEGEND.
        words: the map in words, for who does not see it: "time (6): 0 to 4 wrong, 5 right".
    """

    down: str
    across: str
    rows: tuple[str, ...]
    words: str = ""

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
        label = escape(self.words, quote=True)
        axes = f"{self.down} ↓ {self.across} →" if self.down else f"{self.across} →"
        return (
            f"<div style='font-size:.85em'>{escape(axes)}</div>"
            f"<div role='img' aria-label='{label}' style='font-family:monospace;line-height:1.05;"
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
    whole = np.atleast_2d(levels.max(axis=others))
    grid = _pooled(_pooled(whole, MOST_ROWS).T, MOST_COLUMNS).T
    names = _names(wrong.shape, shown, time_axis, sizes or {})
    parts = [f"{name}, in {cells} parts" if cells < length else name
             for name, length, cells in zip(["", *names][-2:], whole.shape, grid.shape, strict=True)]  # fmt: skip
    return Heat(*parts, tuple("".join(map(str, row)) for row in grid.tolist()), _in_words(whole, names))


def _pooled(grid: np.ndarray, most: int) -> np.ndarray:
    """At most `most` rows, each the maximum of neighbouring ones."""
    if len(grid) <= most:
        return grid
    return np.array([part.max(axis=0) for part in np.array_split(grid, most)])


def _names(shape: tuple[int, ...], shown: list[int], time_axis: int | None, sizes: Mapping[str, int]) -> list[str]:
    """What the shown axes are, with their sizes. Only the axes of a sequence are known by name."""
    kinds = ["elements"] if len(shape) == 1 else ["rows", "columns"] if len(shape) == 2 else None
    found = []
    for place, axis in enumerate(shown):
        name = kinds[place] if kinds else f"axis {axis}"
        if time_axis is not None:
            inner = [key for key, size in sizes.items() if size == shape[axis] and key not in ("batch", "time")]
            name = "time" if axis == time_axis % len(shape) else inner[0] if inner else name
        found.append(f"{name} ({shape[axis]})")
    return found


def _in_words(grid: np.ndarray, names: list[str]) -> str:
    """For example "time (6) by units (5): 0 to 4 wrong, 5 right"."""
    kinds = np.where(
        (grid > 0).all(axis=1), "wrong", np.where((grid > 0).any(axis=1), "partly wrong", "right")
    ).tolist()
    if len(grid) == 1:
        kinds = np.where(grid[0] > 0, "wrong", "right").tolist()
    runs, start = [], 0
    for end in range(1, len(kinds) + 1):
        if end == len(kinds) or kinds[end] != kinds[start]:
            runs.append(f"{start if end - start == 1 else f'{start} to {end - 1}'} {kinds[start]}")
            start = end
    return f"{' by '.join(names)}: {', '.join(runs)}"
