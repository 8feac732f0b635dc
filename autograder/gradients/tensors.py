"""Several tensors as one long vector, so that arithmetic on all of them is one operation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

import numpy as np

from .steps import step_size

SMALL = 2**13  # numbers: BLAS starts threads for more, which a busy machine pays dearly for


def all_finite(values: np.ndarray) -> bool:
    """Is no element of a vector NaN or infinite? One product answers for all but huge numbers."""
    if values.size < SMALL and math.isfinite(values @ values):
        return True
    return bool(np.isfinite(values).all())


def weigh(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """rows @ weights, of shapes (rows, n) and (n,), on one thread."""
    if rows.size < SMALL:
        return rows @ weights
    return np.einsum("ij,j->i", rows, weights)


class Tensors:
    """Named tensors, their elements one after the other.

    Args:
        arrays: name -> floating-point array.

    Attributes:
        names, shapes, dtypes, sizes: of the tensors, in order.
        x: all elements. Shape (elements,), float64.

    Raises:
        ValueError: if there is NaN or infinity in a tensor.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.names = list(arrays)
        tensors = list(arrays.values())
        self.shapes = [tensor.shape for tensor in tensors]
        self.dtypes = [tensor.dtype for tensor in tensors]
        self.sizes = [tensor.size for tensor in tensors]
        flat = [tensor.reshape(-1) for tensor in tensors]
        self.x = np.concatenate(flat).astype(np.float64, copy=False)
        if not all_finite(self.x):
            bad = [name for name, tensor in arrays.items() if not np.isfinite(tensor).all()]
            raise ValueError(
                "A numeric gradient can only be taken at finite numbers. "
                f"Received: NaN or infinity in {', '.join(bad)}. "
                "Choose finite inputs, or leave these names out of `wrt`."
            )
        sizes = [size for size in self.sizes if size]  # those that have elements
        self._sizes = sizes
        self._starts = [0, *accumulate(sizes[:-1])]
        self._owner = np.repeat(np.arange(len(sizes)), np.array(sizes, int))  # (elements,)

    def pools(self, complex_step: bool) -> list[np.ndarray]:
        """Copies of all elements: one vector if the tensors share a dtype, else one per tensor.

        With `complex_step` in the complex dtype that belongs to the tensors' own.
        """
        dtypes = self.dtypes
        if complex_step:
            dtypes = [np.result_type(dtype, np.complex64) for dtype in dtypes]
        if len(set(dtypes)) == 1:
            return [self.x.astype(dtypes[0])]
        parts = self.split(self.x)[0].values()
        return [part.reshape(-1).astype(dtype) for part, dtype in zip(parts, dtypes, strict=True)]

    def views(self, pools: list[np.ndarray]) -> dict[str, np.ndarray]:
        """name -> its part of the pools, in its shape."""
        if len(pools) == 1:
            return self.split(pools[0])[0]
        return {n: p.reshape(s) for n, p, s in zip(self.names, pools, self.shapes, strict=True)}

    def steps(self, eps: float, order: int, step: float | None) -> np.ndarray:
        """The given step, or a good one, for each tensor with elements. Shape (tensors,)."""
        if step is not None:
            return np.full(len(self._starts), float(step))
        return np.array([step_size(size, eps, order) for size in self.typical])

    @cached_property
    def typical(self) -> list[float]:
        """The mean size of the numbers in each tensor with elements; 1 in one of zeros."""
        sums = np.add.reduceat(np.abs(self.x), self._starts).tolist()
        return [total / size or 1.0 for total, size in zip(sums, self._sizes, strict=True)]

    def points(self, offsets: list[np.ndarray]) -> np.ndarray:
        """x plus each offset, rounded to its tensor's dtype. Shape (elements, offsets)."""
        points = np.empty((self.x.size, len(offsets)))
        for column, offset in enumerate(offsets):
            np.add(self.x, offset, out=points[:, column])
        start = 0
        for size, dtype in zip(self.sizes, self.dtypes, strict=True):
            if dtype.itemsize < points.dtype.itemsize:
                rows = slice(start, start + size)
                points[rows] = points[rows].astype(dtype)
            start += size
        return points

    def largest(self, values: np.ndarray) -> np.ndarray:
        """The largest of (elements,) in each tensor with elements, NaN apart. Shape (tensors,)."""
        return np.fmax.reduceat(values, self._starts)

    def largest_norms(self, squares: np.ndarray) -> list[float]:
        """The root of each tensor's largest, 0 if all are NaN, for tensors with elements."""
        return [math.sqrt(square) if square > 0 else 0.0 for square in self.largest(squares).tolist()]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Give every element the value of its tensor. From (tensors,) to (elements,)."""
        return values[self._owner]

    def split(self, *vectors: np.ndarray) -> list[dict[str, np.ndarray]]:
        """Cut each (elements,) into name -> array of its tensor's shape."""
        pieces = [{} for _ in vectors]
        start = 0
        for name, shape, size in zip(self.names, self.shapes, self.sizes, strict=True):
            stop = start + size
            for piece, vector in zip(pieces, vectors, strict=True):
                piece[name] = vector[start:stop].reshape(shape)
            start = stop
        return pieces
