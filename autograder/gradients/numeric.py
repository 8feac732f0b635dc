"""Derivatives by evaluation, element by element."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .evaluate import CoarserOutput, Evaluator
from .richardson import richardson, rounding
from .tensors import all_finite, weigh

FAINT = 1e-4  # of the largest change of the outputs: too little to tell how a tensor bends
SAFETY = 4.0  # times (h/c)^2, as c is only an estimate
COMPLEX = 4.0  # rounding errors that a derivative collects on its way, in units of eps


@dataclass(frozen=True, eq=False)
class NumericGradient:
    """A gradient found by evaluating the function, with an honest account of its own error.

    Attributes:
        values: name -> dL/dname, of the argument's shape and dtype.
        error: name -> estimated absolute error per element, from rounding and from the finite step.
            Same shapes, float64. Infinite where there is no derivative to be had (NaN, infinity).
        smooth: name -> False at the elements where the function has a kink: there is no derivative
            there; `values` has the mean of the slopes on both sides and `error` what separates it
            from either. All True from methods that can't tell ("central", "complex").
        evaluations: how many times the function was called.
    """

    values: dict[str, np.ndarray]
    error: dict[str, np.ndarray]
    smooth: dict[str, np.ndarray]
    evaluations: int


def numeric_gradient(
    function: Callable,
    arguments: Mapping[str, object],
    *,
    upstream: object = None,
    wrt: Sequence[str] | None = None,
    method: str = "central",
    step: float | None = None,
    many: Callable | None = None,
) -> NumericGradient:
    """Differentiate L = sum(upstream * function(*arguments)) with respect to every element.

    "central" evaluates twice per element. It does not see kinks.

    "richardson" evaluates four times per element and once more in all, is a hundred times as
    accurate, finds kinks, and looks again (six times, with smaller steps) at the few elements where
    the function has one or bends sharply.

    "complex" evaluates once per element and is exact to rounding, but only for functions that are
    analytic in every operation. Comparisons, abs, max, casts, conjugation and buffers of floats
    break it, some of them without a sign. Use it for code that you know.

    Outputs are subtracted before they are summed, so those that an element does not touch add no
    rounding error to its derivative.

    Args:
        function: takes the values of `arguments` in their order, returns a floating-point array, a
            number or a tuple of them. It must not edit its arguments and must return the same every
            time.
        arguments: name -> array or float. Anything else is passed on as it is.
        upstream: gradient of the loss with respect to the output, of its shape; for a tuple a
            tuple, with None for outputs that the loss does not see. None for a function that
            returns a single number.
        wrt: names to differentiate with respect to. Default: all floating-point arguments. What is
            left out is also left out of the estimate of the rounding error.
        method: "central", "richardson" or "complex".
        step: how far to move each element ("richardson": and twice as far). Default: chosen from
            each tensor's dtype and size, see `steps.step_size`.
        many: evaluates the function at a block of points at once, where that is faster. Called as
            many(index, values) with two arrays of shape (points,): in point i the element index[i]
            of the tensors in `wrt`, counted through all of them in order, has the value values[i]
            and all other elements are as in `arguments`. Returns the outputs that have an upstream
            gradient in rows, of shape (points, outputs). "central" and "richardson" use it.

    Returns:
        A `NumericGradient`.

    Raises:
        ValueError: for an unknown method, an upstream gradient that does not fit, arguments that
            are not finite, outputs that are not floating-point or change their shape, a function
            that edits its arguments, and a complex step that comes back real.

    Source: Press et al., Numerical Recipes, section 5.7; Squire and Trapp 1998, complex step.
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {', '.join(map(repr, METHODS))}. Received: method={method!r}. "
            'Example: method="central".'
        )
    if step is not None and not 0 < step < math.inf:
        raise ValueError(f"`step` must be a positive number. Received: step={step!r}. Leave it out to have a good one.")
    if many is not None and method == "complex":
        raise ValueError(
            '`many` evaluates at real numbers, so it must not come with method="complex". '
            'Received: both. Leave `many` out, or use method="richardson".'
        )
    evaluator = Evaluator(function, arguments, upstream, wrt, method == "complex", many)
    tensors = evaluator.tensors
    if not tensors.x.size:
        values, error, smooth = np.empty(0), np.empty(0), np.empty(0, bool)
    else:
        with np.errstate(all="ignore"):
            try:
                values, error, smooth = METHODS[method](evaluator, step)
            except CoarserOutput:
                values, error, smooth = METHODS[method](evaluator, step)
        evaluator.verify()
        if not (all_finite(values) and all_finite(error)):
            error[~(np.isfinite(error) & np.isfinite(values))] = np.inf
    value_of, error_of, smooth_of = tensors.split(values, error, smooth)
    for name, dtype in zip(tensors.names, tensors.dtypes, strict=True):
        if dtype != values.dtype:
            value_of[name] = value_of[name].astype(dtype)
    return NumericGradient(value_of, error_of, smooth_of, evaluator.evaluations)


def _central(evaluator: Evaluator, step: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(f(x + h) - f(x - h))/2h for each element.

    Its error is h^2/6 times the third derivative, which two points do not show. They show the
    second, if f(x) is known; it is guessed as the mean of all (f(x + h) + f(x - h))/2, those that
    move the outputs least counting most. With c the length over which the function bends, h/c is h
    f''/f', and h^2 f''' is about h/c times h f''. One tensor may bend little where it happens to be
    measured, so the shortest c counts for all. The estimate has to hold within the factor of ten
    that `compare` allows; for tanh networks of 1 to 30 steps and weights of scale .01 to 3 it does.

    Returns:
        (values, error, smooth), each of shape (elements,).
    """
    tensors = evaluator.tensors
    steps = tensors.steps(evaluator.eps, 2, step)
    h = tensors.spread(steps)
    points = tensors.points([h, -h])
    slope, moved, bent = np.empty((3, h.size))
    middle = None
    for rows, outputs in evaluator.elements(points):  # (rows, 2, outputs)
        weights = evaluator.layout.weights
        squares = weights * weights
        odd = outputs[:, 0] - outputs[:, 1]
        slope[rows] = weigh(odd, weights)
        odd *= odd
        moved[rows] = weigh(odd, squares)
        even = outputs[:, 0] + outputs[:, 1]
        if middle is None:
            middle = _middle(even, moved[rows])  # 2 f(x), nearly
        even -= middle
        even *= even
        bent[rows] = weigh(even, squares)
    slope /= points[:, 0] - points[:, 1]
    # a number per tensor from here: they are few, and NumPy would take longer
    sizes = tensors.largest_norms(moved)  # 2h f'
    bends = tensors.largest_norms(bent)  # h^2 f''
    told = [2 * b / s for b, s in zip(bends, sizes, strict=True) if s > FAINT * max(sizes)]
    ratio = max(told, default=0.0)  # h/c
    noise = rounding(evaluator, middle / 2, slope)
    error = []
    for length, bend, size, typical in zip(steps.tolist(), bends, sizes, tensors.typical, strict=True):
        seen = min(SAFETY * ratio, 1) * max(ratio * size / 2, bend)
        unseen = (length / min(typical, 1)) ** 2 * size  # c may be that short and the bend 0 by chance
        error.append((noise + seen + unseen) / length)
    return slope, tensors.spread(np.array(error)), np.ones(h.size, bool)


def _middle(even: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The mean of the rows of `even`, weighted by how little they moved the outputs. (outputs,)"""
    likely = 1 / (moved + FAINT**4 * np.fmax.reduce(moved))
    middle = weigh(even.T, likely / np.add.reduce(likely))
    if not all_finite(middle):  # some elements left the function's domain: the others tell
        known = np.isfinite(even) & np.isfinite(likely)[:, None]
        likely = np.where(known, likely[:, None], 0)
        middle = np.where(known, likely * even, 0).sum(axis=0) / likely.sum(axis=0)
    return middle


def _complex(evaluator: Evaluator, step: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Im f(x + ih) / h, with h so small that h^2 is nothing. Source: Squire and Trapp 1998."""
    tensors = evaluator.tensors
    h = step or (1e-30 if evaluator.eps < 1e-9 else 1e-20)  # complex64 ends at 1e-38
    points = (tensors.x + 1j * h)[:, None]
    slope, size = np.empty((2, tensors.x.size))
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            for rows, outputs in evaluator.elements(points):  # (rows, 1, outputs)
                parts = outputs[:, 0].imag / h * evaluator.layout.weights
                slope[rows] = parts.sum(axis=1)
                size[rows] = np.abs(parts).sum(axis=1)
        except (np.exceptions.ComplexWarning, TypeError) as error:
            if "complex" not in str(error):
                raise
            raise ValueError(
                "A complex step needs a function that keeps complex numbers complex. "
                f"Received: one that fails with {str(error)!r}. "
                'Use method="richardson", or make buffers with the dtype of the arguments.'
            ) from error
    size = np.maximum(size, tensors.spread(tensors.largest(size)))
    return slope, COMPLEX * evaluator.eps * size, np.ones(slope.size, bool)


METHODS = {"central": _central, "richardson": richardson, "complex": _complex}
