"""What a wrong tensor looks like, in a sentence: the signature of a mistake that nobody listed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .compare import Comparison

EXACT = 1e-4  # relative, between a factor and the sizes it may come from
ALIGNED = 1e-4  # 1 - cosine, below which two tensors point the same way


def describe(comparison: Comparison, *, sizes: Mapping[str, int] | None = None, figures: bool = True) -> str | None:
    """Say in one sentence what a wrong tensor looks like.

    It says what the numbers show and asks about the cause, which they do not show. Expected values
    are never in it.

    Args:
        comparison: of the tensor.
        sizes: dimension name -> size, for example {"batch": 3, "time": 6}: where a factor may come
            from.
        figures: tell a factor that has no usual cause. It would tell the expected values to who has the answer.

    Returns:
        The sentence, without a full stop; None if the tensor is right or looks like nothing known. A
        right one with kinks has the sentence that says so.
    """
    if comparison.wrong_count == 0:
        return _right_with_kinks(comparison)
    scaled = _scaled if figures else _scaled_somehow
    readers = (_not_finite, _beside_kinks, _zero, _turned, _factor, _in_time, _in_part, scaled, _length)
    return next(filter(None, (reader(comparison, sizes or {}) for reader in readers)), None)


def _not_finite(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.not_finite == 0:
        return None
    return (
        f"{_count(c.not_finite, c.size, 'value')} not finite (NaN or infinity): "
        "is there a division by zero, the logarithm of zero, or an overflow?"
    )


def _right_with_kinks(c: Comparison) -> str | None:
    kinks = int(c.not_smooth.sum())
    if kinks == 0:
        return None
    return (
        f"{_count(kinks, c.size, 'value')} at a kink of the function: not differentiable here, "
        "so any value between the slopes on both sides is accepted"
    )


def _beside_kinks(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    """All that is wrong is wrong at kinks."""
    if (c.wrong & ~c.not_smooth).any():
        return None
    return (
        f"{_count(c.wrong_count, c.size, 'value')} wrong at a kink of the function: not differentiable here, "
        "but a value must lie between the slopes on both sides"
    )


def _zero(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.norm_ratio != 0:
        return None
    return "every value is zero: is it ever computed, and is what was computed what is returned?"


def _turned(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.transposed:
        return "looks transposed: are the two sides of a matrix product swapped?"
    if c.negated:
        return "looks right but for its sign: is something subtracted the wrong way round?"
    return None


def _factor(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.factor is None:
        return None
    fits = [
        (name, question) for value, name, question in _known_factors(sizes) if abs(abs(c.factor) / value - 1) < EXACT
    ]
    if not fits:
        return None
    questions = [question for _, question in fits]
    if c.factor < 0:
        questions.append("and is the sign turned round")
    written = f"{'-' if c.factor < 0 else ''}{fits[0][0]}"
    return f"looks like a factor {written}: {', or '.join(questions).replace(', or and', ', and')}?"


def _known_factors(sizes: Mapping[str, int]) -> Iterator[tuple[float, str, str]]:
    """(value, how it is written, what to ask) of each factor that has a usual cause."""
    named = [(f"the {name} ({size})", size) for name, size in sizes.items() if size > 1]
    for name, size in named:
        yield 1 / size, f"1/{size}", f"is something averaged over {name} that should be summed"
        yield size, f"{size}", f"is something summed over {name} that should be averaged"
    yield 2, "2", "is something counted twice"
    yield 1 / 2, "1/2", "is something halved, or one of two equal parts left out"
    for (name, size), (other, more) in itertools.combinations(named, 2):
        both, product = f"{name} and {other}", size * more
        question = f"is something averaged over {both} that should be summed"
        yield 1 / product, f"1/{product}", question
        yield product, f"{product}", f"is something summed over {both} that should be averaged"
    for (name, size), (other, more) in itertools.permutations(named, 2):
        if size != more:
            question = f"is something averaged over {other} instead of {name}"
            yield size / more, f"{size}/{more}", question


def _in_time(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    steps = c.per_time
    if c.factor is not None:  # steps that are zero are right times any factor
        return None
    if steps is None or not any(steps) or all(steps):
        return None
    total, right = len(steps), sum(steps)
    if all(steps[-right:]):
        if right == 1:
            return "the last time step is exact, everything before it is not: is the gradient carried back in time?"
        if right < total - 1:
            return (
                f"the last {right} of {total} time steps are exact, those before them are not: "
                "is the gradient cut off on its way back in time?"
            )
    elif all(steps[:right]):
        if right == 1:
            return "the first time step is exact, everything after it is not: is the state handed from step to step?"
        if right < total - 1:
            return f"the first {right} of {total} time steps are exact, those after them are not"
    if right == total - 1:
        step = steps.index(False)
        if step in (0, total - 1):
            return f"only the {'last' if step else 'first'} of {total} time steps is wrong"
        return f"only time step {step} of {total} (counted from 0) is wrong"
    return None


def _in_part(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    """Only some rows, columns or other slices are wrong, and those mostly throughout."""
    if c.wrong_count == 1 and c.size > 1:
        return f"a single element of {c.size} is wrong: {list(c.worst_index)}"
    best = None
    for axis, length in enumerate(c.wrong.shape):
        others = tuple(other for other in range(c.wrong.ndim) if other != axis)
        hit = np.flatnonzero(c.wrong.any(axis=others))
        filled = c.wrong_count * length / (len(hit) * c.size)
        if len(hit) < length and filled > 0.5 and (best is None or len(hit) / length < best[0]):
            best = len(hit) / length, axis, hit, length
    if best is None:
        return None
    _, axis, hit, length = best
    kind, where = {1: ("element",), 2: ("row", "column")}.get(c.wrong.ndim), ""
    if kind is None:
        kind, where = ("slice",) * c.wrong.ndim, f" along axis {axis}"
    return f"only {_which(kind[axis], hit, length, where)} wrong, the others are right"


def _which(kind: str, hit: np.ndarray, length: int, where: str) -> str:
    """For example "columns 5 to 9 of 20 (counted from 0) are"."""
    first, last = int(hit[0]), int(hit[-1])
    if first == last:
        return f"{kind} {first} of {length}{where} (counted from 0) is"
    if last - first + 1 == len(hit):
        return f"{kind}s {first} to {last} of {length}{where} (counted from 0) are"
    return f"{len(hit)} of {length} {kind}s{where} are"


def _scaled(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.factor is None or c.size < 2:
        return None
    return f"every element is {c.factor:.4g} times what it should be: is a factor missing, or one too many?"


def _scaled_somehow(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.factor is None or c.size < 2:
        return None
    return "every element is too large or too small by one factor: is one missing, or one too many?"


def _length(c: Comparison, sizes: Mapping[str, int]) -> str | None:
    if c.size > 1 and c.cosine > 1 - ALIGNED:
        return "the direction is right, the length is not: is a factor missing, or one too many?"
    return None


def _count(some: int, total: int, noun: str) -> str:
    """For example "3 of 15 values are"; "the value is" for one of one."""
    if total == 1:
        return f"the {noun} is"
    return f"{some} of {total} {noun}s {'is' if some == 1 else 'are'}"
