"""The adding problem: two numbers far back in a long sequence, and their sum. Lesson 08's test of memory.

Source: Hochreiter and Schmidhuber 1997, experiment 4, for the task.
"""

import numpy as np

FIRST_MARKS = 10  # in the paper the first mark stands in one of the first ten steps
PLACES = ("halves", "1997")


def adding_problem(
    sequences: int, steps: int, seed: int | np.random.Generator, places: str = "halves"
) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences of pairs (number, mark), and the sum of the two numbers that are marked.

    Two marks are 1, the others 0. The numbers are uniform on [0, 1]. The paper has numbers from [-1, 1], and as its
    target 1/2 + (their sum) / 4, which is half of ours for the same draw. Its sequences vary in length and have a mark
    of -1 at both ends; ours do not.

    Args:
        sequences: how many.
        steps: length of each, at least 22, so that ten steps can bear the first mark.
        seed: a seed, or a generator to go on drawing from.
        places: where the marks fall. "halves": one in the first half, one in the second. "1997", as in the paper: one
            in the first ten steps, one in the first steps / 2 - 1 that are still unmarked.

    Returns:
        (x, target): x of shape (sequences, steps, 2), numbers and marks; target of shape (sequences, 1). float32.

    Raises:
        ValueError: if there are no sequences or too few steps, or `places` is neither of the two.

    Source: Hochreiter and Schmidhuber 1997, experiment 4.
    """
    example = "Example: adding_problem(50, 100, seed=1)."
    if sequences < 1:
        raise ValueError(f"`sequences` must be at least 1. Received: sequences={sequences}. {example}")
    if steps < 2 * FIRST_MARKS + 2:
        raise ValueError(
            f"`steps` must be at least {2 * FIRST_MARKS + 2}, to have room for both marks. "
            f"Received: steps={steps}. {example}"
        )
    if places not in PLACES:
        raise ValueError(f"`places` must be one of {PLACES}. Received: places={places!r}. {example}")
    rng = np.random.default_rng(seed)
    each = np.arange(sequences)
    numbers = rng.random((sequences, steps))
    if places == "halves":
        first = rng.integers(0, steps // 2, sequences)
        second = rng.integers(steps // 2, steps, sequences)
    else:
        first = rng.integers(0, FIRST_MARKS, sequences)
        second = rng.integers(0, steps // 2 - 2, sequences)
        second += second >= first  # one of the first steps / 2 - 1, without the one that is marked
    marks = np.zeros((sequences, steps))
    marks[each, first] = marks[each, second] = 1.0
    x = np.stack([numbers, marks], axis=-1).astype(np.float32)
    target = x[each, first, 0] + x[each, second, 0]
    return x, target[:, None]
