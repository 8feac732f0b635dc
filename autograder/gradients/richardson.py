"""Richardson extrapolation, with a second look where the function bends sharply or has a kink."""

from __future__ import annotations

import math

import numpy as np

from .evaluate import Evaluator
from .tensors import Tensors, weigh

KINK = 1e-6  # of the tensor's gradient: a change of slope that calls for a second look
GAP = 1e-4  # likewise, the difference that doubling the step makes
NOISE = 30.0  # times the rounding error is what counts as seen
SAFETY = 8.0  # times (h/c)^4, as c is only an estimate
CLOSER = (4, 16, 64)  # the steps of the second look, as fractions of the first


def rounding(evaluator: Evaluator, outputs: np.ndarray, slope: np.ndarray) -> float:
    """The rounding error of L: of the outputs, and of what the arguments go through on the way.

    Errors of single numbers are independent, so they add up as squares. A stable evaluation is
    exact for arguments that are off by one rounding each, which is what the second term counts.
    """
    own = evaluator.layout.weights * outputs
    inner = evaluator.tensors.x * slope
    total = math.sqrt(own @ own) + math.sqrt(inner @ inner)
    if not math.isfinite(total):
        total = np.linalg.norm(own[np.isfinite(own)]) + np.linalg.norm(inner[np.isfinite(inner)])
    return evaluator.eps * total


def richardson(evaluator: Evaluator, step: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(4 D(h) - D(2h))/3 for each element, D being central differences.

    Its error is h^4/30 times the fifth derivative. With c the length over which the function bends,
    that is about (h/c)^4 of the gradient, and (h/c)^2 shows twice: in D(2h) - D(h), which is h^2
    f'''/2, and in the square of h f'', from f(x + h) + f(x - h) - 2 f(x). Norms over the outputs
    and maxima over the tensor are taken, because one difference may vanish by chance.

    A kink shows as a bend that grows with h instead of h^2, or as a difference between the steps.

    Returns:
        (values, error, smooth), each of shape (elements,).

    Source: Press et al., Numerical Recipes, section 5.7 (Richardson 1927).
    """
    tensors = evaluator.tensors
    h = tensors.spread(tensors.steps(evaluator.eps, 4, step))
    if step is None:
        h /= 2  # 2h is the good step
    points = tensors.points([h, -h, 2 * h, -2 * h])
    widths = points[:, ::2] - points[:, 1::2]  # (elements, 2)
    near, far, size, bend, gap, kink = np.empty((6, h.size))
    middle = evaluator.here()  # (outputs,)
    weights = evaluator.layout.weights
    squares = weights * weights
    for rows, outputs in evaluator.elements(points):  # (rows, 4, outputs)
        odd = outputs[:, 0] - outputs[:, 1]
        odd2 = outputs[:, 2] - outputs[:, 3]
        even = outputs[:, 0] + outputs[:, 1] - 2 * middle
        even2 = outputs[:, 2] + outputs[:, 3] - 2 * middle
        near[rows], far[rows] = weigh(odd, weights), weigh(odd2, weights)
        size[rows] = weigh(odd * odd, squares)
        bend[rows] = weigh(even * even, squares)
        odd -= odd2 / 2
        gap[rows] = weigh(odd * odd, squares)
        even2 -= 4 * even
        kink[rows] = weigh(even2 * even2, squares)
    near /= widths[:, 0]
    far /= widths[:, 1]
    slope = near + (near - far) / 3
    size, bend, gap, kink = (np.sqrt(n) / (2 * h) for n in (size, bend, gap, kink))  # as slopes
    noise = rounding(evaluator, middle, slope)
    top = _largest(tensors, size, ~np.isfinite(size))
    seen = NOISE * noise / h
    rough = ~((kink <= np.maximum(KINK * top, seen)) & (gap <= np.maximum(GAP * top, seen)))
    gap, bend = _largest(tensors, gap, rough), _largest(tensors, bend, rough)
    square = 2 * gap / top + (2 * bend / top) ** 2  # (h/c)^2
    error = noise / h + np.fmin(SAFETY * square**2, 1) * top
    smooth = np.ones(h.size, bool)
    if rough.any():
        slope[rough], error[rough], smooth[rough] = _look_closer(evaluator, rough, h, middle, noise)
    return slope, error, smooth


def _largest(tensors: Tensors, values: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """For each element the largest value in its tensor, those set apart not counting."""
    return tensors.spread(tensors.largest(np.where(apart, 0, values)))


def _look_closer(
    evaluator: Evaluator, rough: np.ndarray, h: np.ndarray, middle: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find what smaller steps say about the rough elements: a kink keeps its jump, a bend loses it.

    Args:
        evaluator: of the function.
        rough: True for the elements to look at. Shape (elements,).
        h: the first steps. Shape (elements,).
        middle: the outputs where nothing is moved. Shape (outputs,).
        noise: the rounding error of L.

    Returns:
        (values, error, smooth), each of shape (rough elements,).

    Source: Ridders 1982, for choosing among extrapolations by their own estimated error.
    """
    offsets = [sign * h / part for part in CLOSER for sign in (1, -1)]
    points = evaluator.tensors.points(offsets)[rough]
    widths = points[:, ::2] - points[:, 1::2]  # (rough elements, steps)
    weights = evaluator.layout.weights
    slope, size, bend, either = np.empty((4, *widths.shape))
    gap = np.empty((len(widths), len(CLOSER) - 1))
    for rows, outputs in evaluator.elements(points, rough):  # (rows, 2 steps, outputs)
        width = widths[rows, :, None]
        odd = (outputs[:, ::2] - outputs[:, 1::2]) * weights / width
        even = (outputs[:, ::2] + outputs[:, 1::2] - 2 * middle) * weights / width
        slope[rows] = odd.sum(axis=2)
        size[rows] = np.linalg.norm(odd, axis=2)
        bend[rows] = np.linalg.norm(even, axis=2)
        either[rows] = np.abs(even).sum(axis=2)
        gap[rows] = np.linalg.norm(np.diff(odd, axis=1), axis=2)
    ratio = (widths[:, :-1] / widths[:, 1:]) ** 2
    values = slope[:, 1:] + np.diff(slope, axis=1) / (ratio - 1)  # (rough elements, pairs)
    square = gap / size[:, 1:] + (2 * bend[:, :-1] / size[:, 1:]) ** 2  # (h/c)^2
    error = 2 * noise / widths[:, 1:] + np.fmin(SAFETY * square**2, 1) * size[:, 1:]
    best = np.arange(len(widths)), np.argmin(np.where(np.isfinite(error), error, np.inf), axis=1)
    values, error = values[best], error[best]
    jump, seen = bend[:, -1], NOISE * 2 * noise / widths[:, -1]
    kink = (jump > seen) & (jump > bend[:, -2] / 2)
    values = np.where(kink, slope[:, -1], values)
    error = np.where(kink, seen + either[:, -1], error)
    return values, error, np.isfinite(error) & ~kink
