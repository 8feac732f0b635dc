"""One tensor against what it should be: right or wrong, where, by how much, and in what way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .signature import describe

MARGIN = 10.0  # an element is wrong when it is off by more than this many times the estimated error
KINK_MARGIN = 1.0  # at a kink the error is half the jump of the slope: what lies between the slopes is accepted
UNDEFINED = float("nan")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

    It holds expected values, and `str` shows one: what of it a student sees is for the caller to
    say.

    Attributes:
        ok: no element is wrong, and not all of them went unjudged.
        wrong: True at the wrong elements. Shape and position as in the tensor.
        wrong_count, size: how many elements are wrong, and of how many.
        not_finite: how many elements are NaN or infinite where a number is expected.
        not_judged: how many elements could not be judged, because their numeric gradient has no
            digits.
        not_smooth: True where the function has a kink, so that there is no derivative: any value
            between the slopes on both sides is accepted there. Shape as the tensor's.
        worst_index: the element furthest out of tolerance; None in an empty tensor.
        answer_value, expected_value: the two values there; None in an empty tensor.
        relative_error: how far the worst element is off, relative to max|expected|.
        l2_error: norm of the difference over norm of the expected.
        cosine, norm_ratio: of the answer and the expected as vectors; norm_ratio is
            |answer|/|expected|. NaN where undefined (a zero vector, an answer that is not finite).
        transposed: wrong, but the values are those of the expected matrix's transpose.
        negated: wrong, but right with the opposite sign.
        factor: c, if the answer is c times the expected; None if it is not, or if either is zero.
        per_time: for each step along the time axis, whether it is right; None without a time axis.
    """

    ok: bool
    wrong: np.ndarray
    wrong_count: int
    size: int
    not_finite: int
    not_judged: int
    not_smooth: np.ndarray
    worst_index: tuple[int, ...] | None
    answer_value: float | None
    expected_value: float | None
    relative_error: float
    l2_error: float
    cosine: float
    norm_ratio: float
    transposed: bool
    negated: bool
    factor: float | None
    per_time: list[bool] | None

    def __str__(self) -> str:
        unjudged = f", {self.not_judged} not judged" if self.not_judged else ""
        kinks = int(self.not_smooth.sum())
        unjudged += f", {kinks} not differentiable here (a kink)" if kinks else ""
        elements = f"{self.size} elements{unjudged}"
        if self.ok:
            return f"right: {elements}, relative error {self.relative_error:.1e}"
        guess = describe(self)
        return (
            f"wrong: {self.wrong_count} of {elements}; worst at {list(self.worst_index)}, "
            f"{self.answer_value:.6g} where {self.expected_value:.6g} is expected "
            f"(relative error {self.relative_error:.1e}); cosine {self.cosine:.4f}, "
            f"norm ratio {self.norm_ratio:.4g}" + (f"; {guess}" if guess else "")
        )


def compare(
    answer: np.ndarray,
    expected: np.ndarray,
    *,
    error: np.ndarray | None = None,
    rtol: float = 1e-7,
    atol: float = 0.0,
    time_axis: int | None = None,
    smooth: np.ndarray | None = None,
) -> Comparison:
    """Compare an answer with a reference, or a gradient with its numeric estimate.

    An element is wrong when it is off by more than

        rtol max|expected| + atol + 10 error

    with the largest finite value of the whole tensor. Small elements are small against their
    neighbours and carry their neighbours' rounding, so a bound relative to each would reject right
    answers. At a kink the error counts once: what lies between the slopes on both sides is
    accepted. Where the expected value is NaN or infinite, the answer must be the same; NaN or
    infinity elsewhere is wrong. An element whose error estimate is infinite is not judged.

    Args:
        answer: real numbers.
        expected: of the same shape and dtype.
        error: estimated absolute error of `expected`, of its shape: `NumericGradient.error`. None
            for a reference.
        rtol: relative tolerance. 1e-7 suits float64, 1e-5 float32.
        atol: absolute tolerance. Needed where the expected is zero but for rounding, as the
            gradient of a bias in front of a softmax over all its units.
        time_axis: the axis that is time, for `per_time`.
        smooth: False where the function has a kink, of its shape: `NumericGradient.smooth`. None if
            that is not known.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: if shapes or dtypes differ or are not of real numbers, or there is no such time
            axis.
    """
    answer, expected = np.asarray(answer), np.asarray(expected)
    error = np.zeros(expected.shape) if error is None else np.asarray(error, np.float64)
    smooth = np.ones(expected.shape, bool) if smooth is None else np.asarray(smooth, bool)
    _check(answer, expected, error, smooth, time_axis)
    with np.errstate(all="ignore"):
        floats = answer.astype(np.float64), expected.astype(np.float64)
        return _compare(*floats, np.where(smooth, MARGIN, KINK_MARGIN) * error, rtol, atol, time_axis, ~smooth)


def _compare(
    answer: np.ndarray,
    expected: np.ndarray,
    margin: np.ndarray,
    rtol: float,
    atol: float,
    time_axis: int | None,
    not_smooth: np.ndarray,
) -> Comparison:
    finite = np.isfinite(expected)
    top = float(np.max(np.abs(expected), where=finite, initial=0.0))
    tolerance = rtol * top + atol + margin
    judged = np.isfinite(tolerance)
    same = (answer == expected) | (np.isnan(answer) & np.isnan(expected))
    off = np.where(same | ~judged, 0.0, np.abs(answer - expected))
    wrong = ~(off <= tolerance) & judged
    ok = not wrong.any() and (bool(judged.any()) or not judged.size)
    excess = np.where(off > 0, off / tolerance, np.where(np.isnan(off), np.inf, 0.0))
    worst = tuple(map(int, np.unravel_index(np.argmax(excess), off.shape))) if off.size else None
    worst_off = float(off[worst]) if off.size else 0.0
    if math.isnan(worst_off):
        worst_off = math.inf
    l2_error, cosine, norm_ratio, factor = _as_vectors(answer, expected, judged & finite)
    if factor is not None and not _within(answer - factor * expected, abs(factor) * tolerance):
        factor = None
    transposed = False
    if expected.ndim == 2 and wrong.any():
        turned, turned_tolerance = (a.T.reshape(a.shape) for a in (expected, tolerance))
        transposed = _within(answer - turned, turned_tolerance)
    per_time = None
    if time_axis is not None:
        others = tuple(axis for axis in range(wrong.ndim) if axis != time_axis % wrong.ndim)
        per_time = [not step for step in wrong.any(axis=others).tolist()]
    return Comparison(
        ok=ok,
        wrong=wrong,
        wrong_count=int(wrong.sum()),
        size=wrong.size,
        not_finite=int((~np.isfinite(answer) & finite & judged).sum()),
        not_judged=int((~judged).sum()),
        not_smooth=not_smooth,
        worst_index=worst,
        answer_value=float(answer[worst]) if off.size else None,
        expected_value=float(expected[worst]) if off.size else None,
        relative_error=_ratio(worst_off, top),
        l2_error=l2_error,
        cosine=cosine,
        norm_ratio=norm_ratio,
        transposed=transposed,
        negated=bool(wrong.any()) and top > 0 and _within(answer + expected, tolerance),
        factor=factor,
        per_time=per_time,
    )


def _as_vectors(
    answer: np.ndarray, expected: np.ndarray, usable: np.ndarray
) -> tuple[float, float, float, float | None]:
    """(L2 error, cosine, norm ratio, least-squares factor) over the usable elements."""
    a, e = answer[usable], expected[usable]
    if not np.isfinite(a).all():
        return math.inf, UNDEFINED, UNDEFINED, None
    scale = max(np.max(np.abs(a), initial=0.0), np.max(np.abs(e), initial=0.0))
    if scale > 0:  # squares of very large and very small numbers stay finite
        a, e = a / scale, e / scale
    norm_a, norm_e = float(np.linalg.norm(a)), float(np.linalg.norm(e))
    l2_error = _ratio(float(np.linalg.norm(a - e)), norm_e)
    if norm_e == 0 or norm_a == 0:
        return l2_error, UNDEFINED, norm_a / norm_e if norm_e > 0 else UNDEFINED, None
    inner = float(a @ e)
    cosine = min(1.0, max(-1.0, inner / norm_a / norm_e))
    return l2_error, cosine, norm_a / norm_e, inner / norm_e / norm_e


def _ratio(off: float, size: float) -> float:
    """off/size; 0 if nothing is off, infinite if it is and there is nothing to measure it by."""
    if off == 0:
        return 0.0
    return off / size if size > 0 else math.inf


def _within(difference: np.ndarray, tolerance: np.ndarray) -> bool:
    """Is every judged element within its tolerance?"""
    return bool(np.all((np.abs(difference) <= tolerance) | ~np.isfinite(tolerance)))


def _check(
    answer: np.ndarray, expected: np.ndarray, error: np.ndarray, smooth: np.ndarray, time_axis: int | None
) -> None:
    if len({array.shape for array in (answer, expected, error, smooth)}) > 1:
        raise ValueError(
            "The answer, the expected values, their errors and their smoothness must have one shape. "
            f"Received: {answer.shape}, {expected.shape}, {error.shape} and {smooth.shape}. "
            "Check shapes first: a tensor of another shape is wrong as a whole."
        )
    if answer.dtype != expected.dtype or answer.dtype.kind not in "fiub":
        raise ValueError(
            "The answer and the expected values must be real numbers of one dtype. "
            f"Received: {answer.dtype} and {expected.dtype}. "
            "Check dtypes first; where precision is left free, use answer.astype(expected.dtype)."
        )
    if time_axis is not None and not -answer.ndim <= time_axis < answer.ndim:
        raise ValueError(
            f"`time_axis` must be an axis of the tensor. Received: {time_axis} for the shape "
            f"{answer.shape}. Leave it out for tensors without time."
        )
