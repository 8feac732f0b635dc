"""Derivatives along random directions: a few evaluations however large the tensor is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .evaluate import CoarserOutput, Evaluator

SAFETY = 8.0  # times the truncation that the bend along the direction suggests


@dataclass(frozen=True, eq=False)
class ProjectedGradient:
    """Gradients seen along random directions.

    Attributes:
        directions: name -> directions of +1 and -1. Shape (projections, *shape), int8.
        values: name -> sum(gradient * direction) for each direction. Shape (projections,), float64.
        error: name -> estimated absolute error of the values. Shape (projections,), float64.
        evaluations: how many times the function was called.
    """

    directions: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    error: dict[str, np.ndarray]
    evaluations: int


def project(array: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Look at an array along directions: sum(array * direction) for each.

    Args:
        array: any real array.
        directions: shape (projections, *array.shape).

    Returns:
        Shape (projections,), float64.

    Raises:
        ValueError: if the directions are not of the array's shape.
    """
    array, directions = np.asarray(array), np.asarray(directions)
    if directions.shape[1:] != array.shape or directions.ndim == 0:
        raise ValueError(
            "`directions` must have the shape (projections, *array.shape). "
            f"Received: {directions.shape} for an array of shape {array.shape}. "
            "Use the directions that `projected_gradient` returned for this tensor."
        )
    flat = np.asarray(array, np.float64).reshape(-1)
    return np.array([direction.reshape(-1) @ flat for direction in directions], np.float64)


def projected_gradient(
    function: Callable,
    arguments: Mapping[str, object],
    *,
    rng: np.random.Generator,
    upstream: object = None,
    wrt: Sequence[str] | None = None,
    projections: int = 4,
    method: str = "central",
) -> ProjectedGradient:
    """Differentiate L = sum(upstream * function(*arguments)) along random directions.

    Each tensor is moved as a whole, by +1 or -1 times a step in every element (Rademacher). Compare
    with `project(gradient, directions)`. A single wrong element is off by the same amount in every
    projection, but the projection of a large tensor is large too: take several, and
    `numeric_gradient` when in doubt.

    Args:
        function, arguments, upstream, wrt: as for `numeric_gradient`.
        rng: draws the directions.
        projections: how many directions per tensor.
        method: "central", two evaluations per projection, or "richardson", four; both one more in
            all.

    Returns:
        A `ProjectedGradient`.

    Raises:
        ValueError: as `numeric_gradient`; for another method; for fewer than one projection.

    Source: Hutchinson 1990 for the +1 and -1; steps as in `step_size`.
    """
    if method not in ("central", "richardson"):
        raise ValueError(
            "`method` must be 'central' or 'richardson' along directions. "
            f"Received: method={method!r}. For a complex step take `numeric_gradient`."
        )
    if projections < 1:
        raise ValueError(
            f"`projections` must be a positive integer. Received: projections={projections!r}. Example: projections=4."
        )
    evaluator = Evaluator(function, arguments, upstream, wrt)
    tensors = evaluator.tensors
    directions = {
        name: rng.integers(0, 2, (projections, *shape), dtype=np.int8) * np.int8(2) - np.int8(1)
        for name, shape in zip(tensors.names, tensors.shapes, strict=True)
    }
    order = 2 if method == "central" else 4
    with np.errstate(all="ignore"):
        try:
            found = _all_along(evaluator, directions, order)
        except CoarserOutput:
            found = _all_along(evaluator, directions, order)
    evaluator.verify()
    values = {name: value for name, (value, _) in found.items()}
    error = {name: np.where(np.isfinite(e), e, np.inf) for name, (_, e) in found.items()}
    return ProjectedGradient(directions, values, error, evaluator.evaluations)


def _all_along(
    evaluator: Evaluator, directions: dict[str, np.ndarray], order: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """name -> (values, error) along the directions, each of shape (projections,)."""
    tensors = evaluator.tensors
    middle = evaluator.here()  # (outputs,)
    steps = tensors.split(tensors.spread(tensors.steps(evaluator.eps, order, None)))[0]
    values, truncation, shortest = {}, {}, {}
    noise = np.linalg.norm(evaluator.layout.weights * middle)
    for name, x in tensors.split(tensors.x)[0].items():
        if not x.size:
            values[name] = np.zeros(len(directions[name]))
            truncation[name], shortest[name] = 0.0, 1.0
            continue
        # n elements together may move something by n^(1/2) steps or by one: between, as `step_size`
        shorter = math.log2(x.size) / 2 * order / (order + 1)
        h = steps[name].flat[0] * 2.0 ** -round(shorter)
        lengths = np.array([h] if order == 2 else [h / 2, h])
        along = directions[name]
        values[name], truncation[name] = _along(evaluator, name, x, along, lengths, middle)
        shortest[name] = lengths[0]
        noise = math.hypot(noise, np.sqrt(np.mean(x**2)) * np.abs(values[name]).max())
    noise *= evaluator.eps
    return {
        name: (value, np.full(value.shape, noise / shortest[name] + truncation[name])) for name, value in values.items()
    }


def _along(
    evaluator: Evaluator,
    name: str,
    x: np.ndarray,
    directions: np.ndarray,
    lengths: np.ndarray,
    middle: np.ndarray,
) -> tuple[np.ndarray, float]:
    """(values, truncation error): central differences, or Richardson's if there are two lengths."""
    weights = evaluator.layout.weights
    offsets = np.array([sign * length for length in lengths for sign in (1, -1)])
    moves = np.moveaxis(np.multiply.outer(directions, offsets), -1, 1)  # (projections, points, *shape)
    slope, size, bend = np.empty((3, len(directions), len(lengths)))
    gap = np.empty(len(directions))
    for rows, outputs in evaluator.whole(name, x + moves):  # (rows, points, outputs)
        odd = (outputs[:, ::2] - outputs[:, 1::2]) * weights / (2 * lengths[:, None])
        even = (outputs[:, ::2] + outputs[:, 1::2] - 2 * middle) * weights / (2 * lengths[:, None])
        slope[rows] = odd.sum(axis=2)
        size[rows], bend[rows] = np.linalg.norm(odd, axis=2), np.linalg.norm(even, axis=2)
        gap[rows] = np.linalg.norm(odd[:, -1] - odd[:, 0], axis=1)
    values = slope[:, 0] + (slope[:, 0] - slope[:, -1]) / 3  # the second term is 0 for one length
    top = size[:, 0].max()
    square = 2 * gap.max() / top + (2 * bend[:, 0].max() / top) ** 2  # (h/c)^2
    return values, 0.0 if top == 0 else SAFETY * square ** len(lengths) * top
