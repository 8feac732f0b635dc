"""The outputs of a function in a row of numbers, next to their upstream gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .tensors import all_finite


class Layout:
    """How the outputs of a function are laid out in a row, learnt from its first outputs.

    Args:
        outputs: what the function returned: an array, a number, or a tuple of them.
        upstream: the gradient of the loss with respect to it, of the same structure and shapes.
            None stands for 1 where the output is a single number, and in a tuple for an output that
            the loss does not see.
        complex_step: the arguments are complex, so the outputs must be.

    Attributes:
        seen: indices of the outputs that the loss sees, None if the function returns no tuple.
        converts: the function returns something other than NumPy arrays and numbers.
        size: how many numbers the seen outputs have together.
        weights: the upstream gradient in a row. Shape (size,), float64.
        eps: machine epsilon of the least precise seen output.

    Raises:
        ValueError: for outputs that are not floating-point, and an upstream gradient that does not
            fit.
    """

    def __init__(self, outputs: object, upstream: object, complex_step: bool = False) -> None:
        several = isinstance(outputs, tuple)
        items = outputs if several else (outputs,)
        self.converts = not all(isinstance(item, (np.ndarray, np.generic)) for item in items)
        arrays = [np.asarray(item) for item in items]
        gradients = _gradients(arrays, upstream, several)
        chosen = [i for i, gradient in enumerate(gradients) if gradient is not None]
        self.seen = chosen if several else None
        self._shapes = [arrays[i].shape for i in chosen]
        self._dtypes = [arrays[i].dtype for i in chosen]
        for dtype in self._dtypes:
            _check_dtype(dtype, complex_step)
        self.eps = max(map(machine_epsilon, self._dtypes))
        self.weights = np.concatenate([gradients[i].reshape(-1) for i in chosen]).astype(np.float64)
        self.size = len(self.weights)
        self._bytes = sum(arrays[i].nbytes for i in chosen)

    def pieces(self, numbers: int) -> int:
        """How many pieces (outputs of one evaluation each) hold about that many numbers."""
        return max(1, len(self._shapes) * (numbers // max(1, self.size)))

    def rows(self, pieces: list[bytes], last: object) -> np.ndarray:
        """The rows that were collected, as numbers.

        Args:
            pieces: `tobytes()` of the seen outputs, one evaluation after the other.
            last: what the function returned last.

        Returns:
            One row per evaluation. Shape (evaluations, size), float64 or complex128.

        Raises:
            ValueError: if the outputs changed their shapes or dtypes along the way.
        """
        outputs = [last] if self.seen is None else [last[i] for i in self.seen]
        shapes = [output.shape for output in outputs]
        data = b"".join(pieces)
        evaluations = len(pieces) // len(shapes)
        if len(data) != evaluations * self._bytes or shapes != self._shapes:
            raise ValueError(
                "The function must return the same shapes and dtypes at every call. "
                f"Received: shapes {self._shapes} at first, and others later, such as {shapes}. "
                "Let what it returns depend on nothing but its arguments."
            )
        kinds = set(self._dtypes)
        if len(kinds) == 1:
            rows = np.frombuffer(data, kinds.pop())
        else:  # outputs of several precisions
            rows = np.concatenate(list(map(np.frombuffer, pieces, self._dtypes * evaluations)))
        return self.numbers(rows.reshape(evaluations, self.size))

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """Rows of outputs in the precision to reckon with. Shape (evaluations, size)."""
        rows = rows.astype(np.complex128 if rows.dtype.kind == "c" else np.float64, copy=False)
        if not all_finite(rows.reshape(-1).view(np.float64)):
            rows = _without_constant_infinities(rows)
        return rows


def _gradients(arrays: list, upstream: object, several: bool) -> list[np.ndarray | None]:
    """The upstream gradient as one array (or None) per output, checked."""
    shapes = [array.shape for array in arrays]
    if upstream is None:
        if shapes == [()]:
            return [np.ones(())]
        raise ValueError(
            "`upstream` may only be left out where the function returns a single number. "
            f"Received: {_in_words(several, shapes)} from the function. "
            "Give `upstream`, the gradient of the loss with respect to it, in the same shape."
        )
    in_parts = several and isinstance(upstream, (tuple, list))
    gradients = [None if g is None else np.asarray(g) for g in (upstream if in_parts else (upstream,))]
    received = [None if g is None else g.shape for g in gradients]
    fits = len(received) == len(shapes) and all(
        got in (None, shape) for got, shape in zip(received, shapes, strict=True)
    )
    if (
        not fits
        or received == [None] * len(shapes)
        or any(g is not None and g.dtype.kind not in "fiu" for g in gradients)
    ):
        raise ValueError(
            "`upstream` must have the structure and the shapes of what the function returns, "
            f"{_in_words(several, shapes)}, and hold real numbers. "
            f"Received: {_in_words(in_parts, received)}. "
            "Example: upstream=rng.standard_normal(output.shape)."
        )
    return gradients


def _without_constant_infinities(rows: np.ndarray) -> np.ndarray:
    """0 for each output that is the same infinity in every row: a masked logit has no gradient."""
    return np.where(np.isinf(rows[0]) & (rows == rows[0]).all(axis=0), 0.0, rows)


def machine_epsilon(dtype: np.dtype) -> float:
    """The distance from 1 to the next number, of a real or complex floating-point dtype."""
    return 2.0**-52 if dtype.char in "dD" else float(np.finfo(dtype).eps)


def _check_dtype(dtype: np.dtype, complex_step: bool) -> None:
    if complex_step and dtype.kind == "f":
        raise ValueError(
            "A complex step needs complex outputs from complex arguments. "
            f"Received: {dtype} from the function, which drops the imaginary part (abs, .real, a "
            'cast, a buffer of floats). Use method="richardson", or None as its upstream.'
        )
    if dtype.kind != ("c" if complex_step else "f"):
        raise ValueError(
            "The function must return floating-point arrays or numbers. "
            f"Received: {dtype}. Return, for example, np.asarray(output, float)."
        )


def _in_words(several: bool, shapes: Sequence) -> str:
    if not several and len(shapes) == 1:
        return f"one array of shape {shapes[0]}"
    return f"a tuple of {len(shapes)} with shapes {', '.join(map(str, shapes))}"
