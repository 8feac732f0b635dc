"""Comparing a gradient with what it should be: how wrong, where, and in which way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DOUBT = 10  # times a numeric gradient's own error estimate, before an element counts as wrong


@dataclass(frozen=True, eq=False)
class Comparison:
    """How one tensor differs from what it should be.

    Attributes:
        ok: no element is wrong.
        wrong: which are. The tensor's shape, bool.
        worst_index: where the largest difference is.
        answer_value, expected_value: there.
        relative_error: the largest difference over the largest expected element.
        l2_error: the norm of the difference over the norm of what is expected.
        cosine: between the two, as vectors; NaN where one is zero.
        norm_ratio: the answer's norm over the expected one.
        factor: c, where the answer is c times what is expected; else None.
        transposed: the answer is the transpose of what is expected, and that is not symmetric.
        per_time: for each step along the time axis, whether all of it is right; None without such an axis.
    """

    ok: bool
    wrong: np.ndarray
    worst_index: tuple[int, ...]
    answer_value: float
    expected_value: float
    relative_error: float
    l2_error: float
    cosine: float
    norm_ratio: float
    factor: float | None
    transposed: bool
    per_time: tuple[bool, ...] | None

    @property
    def size(self) -> int:
        return self.wrong.size

    @property
    def wrong_count(self) -> int:
        return int(self.wrong.sum())

    def __str__(self) -> str:
        if self.ok:
            return f"ok ({self.size} elements, relative error {self.relative_error:.1e})"
        return (
            f"{self.wrong_count} of {self.size} elements wrong; worst at {list(self.worst_index)}: {self.answer_value:.6g}, "
            f"expected {self.expected_value:.6g}; relative error {self.relative_error:.1e}, cosine {self.cosine:.4f}, "
            f"norm ratio {self.norm_ratio:.4g}"
        )


def compare(
    answer: np.ndarray,
    expected: np.ndarray,
    *,
    error: np.ndarray | None = None,
    rtol: float = 1e-7,
    time_axis: int | None = None,
) -> Comparison:
    """Compare one tensor with what it should be.

    An element is wrong when it is off by more than `rtol` times the largest expected element, and, where
    `error` is given, by more than ten times its error estimate besides. NaN and infinity are wrong unless expected.

    Args:
        answer: the tensor in question.
        expected: what it should be. The same shape.
        error: error estimates of `expected`, where that is a numeric gradient. The same shape.
        rtol: see above.
        time_axis: which axis is time.

    Raises:
        ValueError: when the shapes differ.
    """
    answer, expected = np.asarray(answer), np.asarray(expected)
    if answer.shape != expected.shape:
        raise ValueError(
            f"Two tensors of one shape can be compared. Received: {answer.shape} and {expected.shape}. "
            "Check shapes before, and say what is wrong with them."
        )
    answer, expected = answer.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        off = np.abs(answer - expected)
        off[(answer == expected) | (np.isnan(answer) & np.isnan(expected))] = 0.0
        scale = np.abs(expected).max(initial=0.0, where=np.isfinite(expected))
        wrong = ~(off <= rtol * scale + (0.0 if error is None else DOUBT * np.asarray(error)))
        worst = _argmax(off)
        norm_answer, norm_expected = np.linalg.norm(answer), np.linalg.norm(expected)
        return Comparison(
            ok=not wrong.any(),
            wrong=wrong,
            worst_index=worst,
            answer_value=float(answer[worst]) if answer.size else 0.0,
            expected_value=float(expected[worst]) if answer.size else 0.0,
            relative_error=_ratio(off.max(initial=0.0), scale),
            l2_error=_ratio(np.linalg.norm(off), norm_expected),
            cosine=float(np.vdot(answer, expected) / (norm_answer * norm_expected)),
            norm_ratio=_ratio(norm_answer, norm_expected),
            factor=_factor(answer, expected, scale),
            transposed=_is_transposed(answer, expected, scale),
            per_time=_per_time(wrong, time_axis),
        )


def _argmax(off: np.ndarray) -> tuple[int, ...]:
    if not off.size:
        return ()
    finite = np.where(np.isnan(off), np.inf, off)
    return tuple(int(i) for i in np.unravel_index(np.argmax(finite), off.shape))


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return 0.0 if part == 0 else float("inf")
    return float(part / whole)


def _factor(answer: np.ndarray, expected: np.ndarray, scale: float) -> float | None:
    """The constant between the two, if one explains every element to a millionth."""
    if scale == 0 or expected.size < 2 or not np.isfinite(answer).all():
        return None
    c = float(np.vdot(answer, expected) / np.vdot(expected, expected))
    fits = np.abs(answer - c * expected).max() <= 1e-6 * abs(c) * scale
    return c if fits and c != 0 else None


def _is_transposed(answer: np.ndarray, expected: np.ndarray, scale: float) -> bool:
    if answer.ndim != 2 or answer.shape[0] != answer.shape[1] or not np.isfinite(answer).all():
        return False
    tolerance = 1e-6 * scale
    return bool(np.abs(answer - expected.T).max() <= tolerance < np.abs(expected - expected.T).max())


def _per_time(wrong: np.ndarray, axis: int | None) -> tuple[bool, ...] | None:
    if axis is None:
        return None
    steps = np.moveaxis(wrong, axis, 0)
    return tuple(not step.any() for step in steps)


def check_gradient(forward, backward, arguments: Mapping[str, np.ndarray], upstream, *, wrt=None, method="richardson"):
    """Check a backward pass against the numeric gradient of its forward pass.

    Args:
        forward: called with the values of `arguments`; returns an array.
        backward: called with `upstream` and then the same values; returns the gradients in the order of `wrt`.
        arguments: name -> array, float64.
        upstream: the gradient of the loss with respect to the forward pass's output.
        wrt: the names that `backward` gives gradients of; all by default.
        method: of `numeric_gradient`.

    Returns:
        name -> Comparison. `print` one to read it.

    Raises:
        ValueError: when `backward` does not return one array of the right shape for each name.
    """
    from .numeric import numeric_gradient

    names = list(arguments if wrt is None else wrt)
    numeric = numeric_gradient(forward, arguments, upstream=upstream, wrt=names, method=method)
    answers = backward(upstream, *arguments.values())
    if isinstance(answers, np.ndarray):
        answers = (answers,)
    if len(answers) != len(names):
        raise ValueError(
            f"A backward pass returns one gradient for each of {names}. Received: {len(answers)} values. Name fewer in `wrt`, "
            "or return them all."
        )
    return {
        name: compare(answer, numeric.values[name], error=numeric.error[name])
        for name, answer in zip(names, answers, strict=True)
    }
