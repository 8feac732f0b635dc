"""Three tasks for sequence models: recall by a mark, recall by distance, and a parity that runs.

All three have the same shapes, so that one network can be tried on each: a symbol is one-hot, and two more features
mark what is to be kept and ask for it. Where no answer is wanted, the answer is `NO_ANSWER`.
"""

from collections.abc import Sequence

import numpy as np

RECALL_SYMBOLS = 8
NO_ANSWER = -1
RECALL_FEATURES = RECALL_SYMBOLS + 2
KEEP, ASK = RECALL_SYMBOLS, RECALL_SYMBOLS + 1  # the two features behind the symbols


def _coded(symbols: np.ndarray) -> np.ndarray:
    x = np.zeros((*symbols.shape, RECALL_FEATURES), np.float32)
    np.put_along_axis(x, symbols[..., None], 1.0, axis=2)
    return x


def _check(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}. Example: {name}=20.")


def recall(
    count: int, distance: int | tuple[int, int], length: int | None = None, seed: int | Sequence[int] = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make sequences in which one symbol is marked, and asked for at the last step.

    Every step but the last shows a random one of eight symbols. At one of them the feature `KEEP` is 1. The last
    step shows no symbol, and there the feature `ASK` is 1: the answer is the symbol that was marked.

    Args:
        count: how many sequences.
        distance: how many steps lie from the marked symbol to the last step; or (lowest, highest), and each sequence
            draws its own, all equally likely.
        length: of the sequences, in steps. Default: the largest distance plus 1.
        seed: the same seed gives the same sequences.

    Returns:
        (x, answers): shapes (count, length, 10), float32, and (count, length), int64. The answers are `NO_ANSWER`
        but for the last step.

    Raises:
        ValueError: if a size is too small, or the distance does not fit into the length.
    """
    low, high = (distance, distance) if isinstance(distance, (int, np.integer)) else distance
    length = high + 1 if length is None else length
    _check(count=count, distance=low)
    if not low <= high < length:
        raise ValueError(
            "`distance` must be a number, or (lowest, highest), below `length`. "
            f"Received: distance={distance}, length={length}. Example: recall(100, (1, 40), length=41)."
        )
    rng = np.random.default_rng(seed)
    symbols = rng.integers(0, RECALL_SYMBOLS, (count, length))
    marked = length - 1 - rng.integers(low, high + 1, count)
    x, rows = _coded(symbols), np.arange(count)
    x[rows, marked, KEEP] = 1.0
    x[:, -1] = 0.0
    x[:, -1, ASK] = 1.0
    answers = np.full((count, length), NO_ANSWER)
    answers[:, -1] = symbols[rows, marked]
    return x, answers


def recall_by_distance(
    count: int, distance: int, length: int, seed: int | Sequence[int] = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make sequences of random symbols; the answer at each step is the symbol a fixed number of steps before.

    Nothing is marked. Which symbol is meant follows from where it stands, and from nothing else.

    Args:
        count: how many sequences.
        distance: how many steps lie from the symbol to its answer.
        length: of the sequences, in steps, more than the distance.
        seed: the same seed gives the same sequences.

    Returns:
        (x, answers): shapes (count, length, 10), float32, and (count, length), int64. The first `distance` answers
        are `NO_ANSWER`.

    Raises:
        ValueError: if a size is too small.
    """
    _check(count=count, distance=distance, length=length - distance)
    symbols = np.random.default_rng(seed).integers(0, RECALL_SYMBOLS, (count, length))
    answers = np.full((count, length), NO_ANSWER)
    answers[:, distance:] = symbols[:, :-distance]
    return _coded(symbols), answers


def running_parity(count: int, length: int, seed: int | Sequence[int] = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make sequences of fair bits (the symbols 0 and 1); the answer at each step is 1 if the ones so far are odd.

    Args:
        count: how many sequences.
        length: of the sequences, in steps.
        seed: the same seed gives the same sequences.

    Returns:
        (x, answers): shapes (count, length, 10), float32, and (count, length), int64, 0 or 1.

    Raises:
        ValueError: if a size is too small.
    """
    _check(count=count, length=length)
    bits = np.random.default_rng(seed).integers(0, 2, (count, length))
    return _coded(bits), np.cumsum(bits, axis=1) % 2
