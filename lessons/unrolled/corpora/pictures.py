"""Small pictures in black and white, drawn by code: what the memory of lesson 03 keeps.

A picture has 20 rows and 20 columns. Black is +1, white is -1, so a picture is a pattern of 400 units.
"""

from collections.abc import Callable, Sequence

import numpy as np

SIDE = 20

# No two of these agree in many more, or many fewer, units than chance would have it.
UNLIKE_PICTURES = ("arrow", "ring", "cross", "stripes", "checkers", "waves")
# These all have their black in the middle and their white around it.
ALIKE_PICTURES = ("disc", "ring", "triangle", "heart", "moon", "arrow", "house", "face")

_row, _column = np.mgrid[0:SIDE, 0:SIDE]
_x, _y = (2 * _column - SIDE + 1) / (SIDE - 1), (2 * _row - SIDE + 1) / (SIDE - 1)  # -1 to 1; y grows downwards
_radius = np.hypot(_x, _y)


def _heart() -> np.ndarray:
    wide = 1.15 * np.abs(_x)
    return wide**2 + (0.15 - 1.2 * _y - 0.75 * np.sqrt(wide)) ** 2 < 0.95


def _arrow() -> np.ndarray:
    shaft = (np.abs(_y) < 0.3) & (_x < 0.2)
    return shaft | ((_x > -0.1) & (np.abs(_y) < 0.95 * (1.0 - _x) / 1.1))


def _house() -> np.ndarray:
    door = (np.abs(_x) < 0.2) & (_y > 0.35)
    walls = (_y > -0.1) & (_y < 0.95) & (np.abs(_x) < 0.75) & ~door
    return walls | ((_y <= -0.1) & (np.abs(_x) < 1.1 * (_y + 1)))


def _face() -> np.ndarray:
    eyes = np.hypot(np.abs(_x) - 0.38, _y + 0.3) < 0.2
    mouth = (_radius > 0.45) & (_radius < 0.68) & (_y > 0.2)
    return (_radius < 0.97) & ~eyes & ~mouth


_SHAPES: dict[str, Callable[[], np.ndarray]] = {
    "arrow": _arrow,
    "ring": lambda: (_radius > 0.45) & (_radius < 0.95),
    "cross": lambda: (np.abs(_x - _y) < 0.42) | (np.abs(_x + _y) < 0.42),
    "stripes": lambda: _column // 4 % 2 == 0,
    "checkers": lambda: (_column // 5 + _row // 5) % 2 == 0,
    "waves": lambda: np.sin(2 * np.pi * (1.2 * _y + 0.28 * np.sin(1.3 * np.pi * _x))) > 0,
    "disc": lambda: _radius < 0.82,
    "triangle": lambda: (np.abs(_x) < 0.55 * (_y + 0.95)) & (np.abs(_y) < 0.9),
    "heart": _heart,
    "moon": lambda: (_radius < 0.95) & (np.hypot(_x - 0.5, _y + 0.1) > 0.7),
    "house": _house,
    "face": _face,
}
PICTURE_NAMES = tuple(_SHAPES)


def draw_pictures(names: Sequence[str] = UNLIKE_PICTURES) -> np.ndarray:
    """Draw pictures, row by row.

    Args:
        names: which ones, from PICTURE_NAMES.

    Returns:
        The patterns, black +1 and white -1. Shape (names, 400), float64.

    Raises:
        ValueError: if there is no picture of a name, or no name.
    """
    unknown = [name for name in names if name not in _SHAPES]
    if unknown or len(names) == 0:
        raise ValueError(
            f"`names` must be names of pictures: {', '.join(PICTURE_NAMES)}. Received: {list(names)}. "
            "Example: draw_pictures(['ring', 'cross'])."
        )
    return np.array([np.where(_SHAPES[name](), 1.0, -1.0).ravel() for name in names])


def flip_units(patterns: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Damage patterns: turn over the same number of units in each, drawn anew for each.

    Args:
        patterns: +1 and -1. Shape (count, units).
        share: the share of the units that are turned over, from 0 to 1; rounded to whole units.
        seed: decides which.

    Returns:
        The damaged patterns. Shape (count, units). `patterns` itself is left as it was.

    Raises:
        ValueError: if `share` is no share.
    """
    if not 0 <= share <= 1:
        raise ValueError(
            f"`share` must be from 0 to 1. Received: share={share}. Example: flip_units(patterns, 0.2, seed=0)."
        )
    rng = np.random.default_rng(seed)
    units = patterns.shape[1]
    ranks = np.argsort(rng.random(patterns.shape), axis=1)
    return np.where(ranks < round(share * units), -patterns, patterns)
