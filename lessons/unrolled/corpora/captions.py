"""Drawn shapes with captions, and clips of a moving shape: labelled frame by frame, named once, and described.

A picture or a frame is a small grey image, 0 for nothing and 1 for ink. Captions are tuples of words.
"""

from collections.abc import Sequence

import numpy as np

CAPTION_SIDE = 16
CAPTION_SHAPES = ("circle", "square", "triangle", "cross")
CAPTION_SIZES = ("small", "large")
CAPTION_RELATIONS = ("above", "beside")
CAPTION_VOCABULARY = ("a", *CAPTION_SIZES, *CAPTION_SHAPES, *CAPTION_RELATIONS)

CLIP_SIDE = 10
CLIP_STEPS = 12
CLIP_MOVES = ("still", "left", "right", "up", "down")
CLIP_ACTIONS = ("crosses", "returns", "turns", "waits")
CLIP_VOCABULARY = ("a", *CAPTION_SHAPES, "goes", *CLIP_MOVES[1:], "and", *CLIP_ACTIONS)

_RADII = {"small": 2, "large": 3}
_STEPS = np.array([(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)])  # (rows, columns) for each of CLIP_MOVES
_NOISE = 0.1


def shape_mask(shape: str, radius: int) -> np.ndarray:
    """Draw one shape.

    Args:
        shape: one of `CAPTION_SHAPES`.
        radius: half of its side, rounded down. At least 1.

    Returns:
        1 for ink. Shape (2 · radius + 1, 2 · radius + 1), float32.

    Raises:
        ValueError: for another shape, or a radius below 1.
    """
    if shape not in CAPTION_SHAPES or radius < 1:
        raise ValueError(
            f"`shape` must be one of {', '.join(CAPTION_SHAPES)}, and `radius` at least 1. "
            f'Received: shape={shape!r}, radius={radius}. Example: shape_mask("circle", 3).'
        )
    row, column = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    ink = {
        "circle": row**2 + column**2 <= (radius + 0.3) ** 2,
        "square": np.full(row.shape, True),
        "triangle": 2 * np.abs(column) <= row + radius,
        "cross": (row == 0) | (column == 0),
    }[shape]
    return ink.astype(np.float32)


def _check(count: int, example: str) -> None:
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}. Example: {example}.")


def captioned_pictures(count: int, seed: int | Sequence[int] = 0) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Draw pictures of two shapes, each with its caption.

    One shape stands above the other or beside it, moved a little by chance, in grey noise. The caption names the upper
    one or the left one first: "a large circle above a small square". There are 128 captions, all equally likely.

    Args:
        count: how many pictures, at least 1.
        seed: the same seed gives the same pictures.

    Returns:
        (pictures, captions): shape (count, 16, 16), float32, and a tuple of seven words for each.

    Raises:
        ValueError: if `count` is below 1.
    """
    _check(count, "captioned_pictures(100)")
    rng = np.random.default_rng(seed)
    pictures = _NOISE * rng.standard_normal((count, CAPTION_SIDE, CAPTION_SIDE)).astype(np.float32)
    captions = []
    for picture in pictures:
        relation = CAPTION_RELATIONS[rng.integers(2)]
        words = []
        for place in range(2):
            size, shape = CAPTION_SIZES[rng.integers(2)], CAPTION_SHAPES[rng.integers(4)]
            along, across = 3 + 9 * place, int(rng.integers(6, 10))
            row, column = (along, across) if relation == "above" else (across, along)
            radius = _RADII[size]
            picture[row - radius : row + radius + 1, column - radius : column + radius + 1] += shape_mask(shape, radius)
            words += [relation] * place + ["a", size, shape]
        captions.append(tuple(words))
    return pictures, captions


def shape_clips(
    count: int, steps: int = CLIP_STEPS, seed: int | Sequence[int] = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[str, ...]]]:
    """Make clips of one shape that moves by a pixel from frame to frame, or stands still.

    What leaves the picture on one side comes back on the other. An action has two parts, and where the second begins
    is drawn by chance, in the middle third of the clip:

        crosses: one direction all the time          returns: one direction, then the opposite one
        turns: one direction, then one at a right angle      waits: one direction, then nothing

    Args:
        count: how many clips, at least 1.
        steps: frames of each, at least 6.
        seed: the same seed gives the same clips.

    Returns:
        (clips, moves, actions, captions): the frames, shape (count, steps, 10, 10), float32; for each frame which way
        the shape has come since the frame before (an index of `CLIP_MOVES`; "still" for the first frame), shape (count,
        steps); an index of `CLIP_ACTIONS`, shape (count,); and captions such as "a circle goes left and turns up" or "a
        cross goes up and returns".

    Raises:
        ValueError: if there are too few clips or frames.
    """
    _check(count, "shape_clips(100)")
    if steps < 6:
        raise ValueError(f"`steps` must be at least 6. Received: steps={steps}. Example: shape_clips(100, steps=12).")
    rng = np.random.default_rng(seed)
    clips = np.zeros((count, steps, CLIP_SIDE, CLIP_SIDE), np.float32)
    moves, actions = np.zeros((count, steps), np.int64), rng.integers(0, len(CLIP_ACTIONS), count)
    captions = []
    for clip, move, action in zip(clips, moves, actions, strict=True):
        shape, way = CAPTION_SHAPES[rng.integers(4)], int(rng.integers(1, 5))
        opposite = (0, 2, 1, 4, 3)[way]
        aside = int(rng.integers(3, 5) if way < 3 else rng.integers(1, 3))
        second = {"crosses": way, "returns": opposite, "turns": aside, "waits": 0}[CLIP_ACTIONS[action]]
        change = int(rng.integers(steps // 3 + 1, 2 * steps // 3 + 1))
        move[1:change], move[change:] = way, second
        path = rng.integers(0, CLIP_SIDE, 2) + np.cumsum(_STEPS[move], axis=0)
        stamp = np.zeros((CLIP_SIDE, CLIP_SIDE), np.float32)
        stamp[:5, :5] = shape_mask(shape, 2)
        for frame, place in zip(clip, path, strict=True):
            frame += np.roll(stamp, tuple(place - 2), axis=(0, 1))
        frames_noise = _NOISE * rng.standard_normal(clip.shape)
        clip += frames_noise.astype(np.float32)
        told = ["a", shape, "goes", CLIP_MOVES[way], "and", CLIP_ACTIONS[action]]
        captions.append(tuple(told + ([CLIP_MOVES[second]] if CLIP_ACTIONS[action] == "turns" else [])))
    return clips, moves, actions, captions


def edge_sums(frames: np.ndarray) -> np.ndarray:
    """Describe images by how much ink each row and each column holds.

    Args:
        frames: images. Shape (..., side, side).

    Returns:
        the means over each row, then those over each column. Shape (..., 2 · side), the same dtype.
    """
    return np.concatenate([frames.mean(axis=-1), frames.mean(axis=-2)], axis=-1)
