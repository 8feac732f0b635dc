"""Evaluating a function many times, one element of its arguments moved each time.

The function works on private copies and sees them through read-only views. So it can neither edit
the caller's arrays nor spoil the copies between two evaluations: NumPy itself refuses, at no cost
per evaluation. Outputs are copied at once (a function may return its own argument, or the same
buffer every time) and handed on in blocks, so that the arithmetic is done on many evaluations
together. Whoever can evaluate many points at once (a compiled layer) says so with `many`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, repeat

import numpy as np

from .layout import Layout, machine_epsilon
from .tensors import Tensors

BLOCK = 2**17  # output values held at a time: 1 MiB in float64


class CoarserOutput(Exception):
    """An output has fewer digits than the arguments: the steps must be planned again."""


class Evaluator:
    """Calls a function with elements of its arguments moved, and collects the outputs as rows.

    Args:
        function: called with the values of `arguments`, in their order.
        arguments: name -> array or float. Anything else goes to the function as it is.
        upstream: the gradient with respect to the function's outputs, see `Layout`.
        wrt: names of the tensors to move. Default: all floating-point ones.
        complex_step: give the function complex copies of its floating-point arguments.
        many: evaluates a block of points at once, see `numeric_gradient`.

    Attributes:
        tensors: those to move.
        eps: machine epsilon of the least precise among these tensors and the outputs.
        layout: of the outputs; None before the first evaluation.
        evaluations: how many times the function was called so far.

    Raises:
        ValueError: for a name in `wrt` that is no floating-point argument, for NaN or infinity in a
            tensor to move, and later for a function that edits an argument in place.
    """

    def __init__(
        self,
        function: Callable,
        arguments: Mapping[str, object],
        upstream: object = None,
        wrt: Sequence[str] | None = None,
        complex_step: bool = False,
        many: Callable | None = None,
    ) -> None:
        self._function, self._upstream, self._complex_step = function, upstream, complex_step
        self._many = many
        self.layout: Layout | None = None
        self.evaluations = 0
        self._given = {name: _as_array(value) for name, value in arguments.items()}
        arrays = {n: value for n, value in self._given.items() if isinstance(value, np.ndarray)}
        self.tensors = Tensors({name: arrays[name] for name in _differentiable(arrays, wrt)})
        self.eps = max(map(machine_epsilon, set(self.tensors.dtypes)))
        self._pools = self.tensors.pools(complex_step)  # our copies of the tensors, which move
        self._copies = {}  # of the other arrays
        views = self.tensors.views([read_only(pool) for pool in self._pools])
        for name, value in arrays.items():
            if name not in views:
                grow = complex_step and value.dtype.kind == "f"
                dtype = np.result_type(value.dtype, np.complex64) if grow else value.dtype
                self._copies[name] = np.array(value, dtype=dtype, order="C")
                views[name] = read_only(self._copies[name])
        self._passed = [views.get(name, value) for name, value in self._given.items()]

    def elements(self, points: np.ndarray, chosen: np.ndarray | None = None) -> Iterator:
        """Evaluate with one element at a time set to each of its points.

        Args:
            points: what to set each element to, in turn. Shape (elements, points).
            chosen: True for the only elements to move; `points` then has their rows only.

        Yields:
            (rows, outputs): a slice of the rows of `points`, and the outputs there, of shape
            (rows, points, outputs).
        """
        if self._many is not None:
            return self._blocks(points, chosen)
        targets = [memoryview(p) if p.dtype.char in "fd" else p for p in self._pools]  # quick to set
        cells = zip(
            chain.from_iterable(map(repeat, targets, map(len, targets))),
            chain.from_iterable(map(range, map(len, targets))),
            self.tensors.x.tolist(),
            strict=True,
        )
        return self._sweep(cells if chosen is None else compress(cells, chosen), points.tolist())

    def whole(self, name: str, points: np.ndarray) -> Iterator:
        """As `elements`, with a whole tensor set to `points` of shape (rows, points, *shape)."""
        tensor = self.tensors.views(self._pools)[name]
        return self._sweep(repeat((tensor, ..., tensor.copy())), points)

    def here(self) -> np.ndarray:
        """The outputs at the arguments themselves. Shape (outputs,)."""
        ((_, outputs),) = self._sweep([(self._pools[0], slice(0, 0), 0.0)], [[0.0]])
        return outputs[0, 0]

    def _sweep(self, cells: Iterable, points: Sequence) -> Iterator[tuple[slice, np.ndarray]]:
        function, passed, layout = self._function, self._passed, self.layout
        seen = layout and layout.seen
        pieces: list[bytes] = []
        keep = pieces.append
        start, done, full = 0, 0, 0 if layout is None else layout.pieces(BLOCK)
        try:
            for (target, index, kept), settings in zip(cells, points, strict=False):
                for setting in settings:
                    target[index] = setting
                    outputs = function(*passed)
                    if layout is None:
                        function, outputs = self._learn(outputs)
                        layout = self.layout
                        seen, full = layout.seen, layout.pieces(BLOCK)
                    if seen is None:
                        keep(outputs.tobytes())
                    else:
                        for which in seen:
                            keep(outputs[which].tobytes())
                target[index] = kept
                done += 1
                if len(pieces) >= full or done == len(points):
                    rows = layout.rows(pieces, outputs)
                    self.evaluations += len(rows)
                    yield slice(start, done), rows.reshape(done - start, -1, layout.size)
                    pieces.clear()
                    start = done
        except ValueError as error:
            if "read-only" in str(error):
                self._blame(error)
            raise
        finally:
            target[index] = kept

    def _blocks(self, points: np.ndarray, chosen: np.ndarray | None) -> Iterator[tuple[slice, np.ndarray]]:
        """As `_sweep`, with the function evaluated at a block of points at a time."""
        if self.layout is None:
            self.here()
        which = np.arange(len(points)) if chosen is None else np.flatnonzero(chosen)
        count = points.shape[1]
        step = max(1, BLOCK // max(1, self.layout.size * count))
        for start in range(0, len(points), step):
            block = points[start : start + step]
            index = np.repeat(which[start : start + step], count)
            outputs = self.layout.numbers(np.asarray(self._many(index, block.reshape(-1)), np.float64))
            self.evaluations += len(outputs)
            yield slice(start, start + len(block)), outputs.reshape(len(block), count, self.layout.size)

    def _learn(self, outputs: object) -> tuple[Callable, object]:
        """Learn the layout from the first outputs; return the function and them as NumPy arrays."""
        self.layout = Layout(outputs, self._upstream, self._complex_step)
        if self.layout.converts:
            self._function = _converted(self._function)
            outputs = _as_arrays(outputs)
        if self.layout.eps > self.eps:
            self.eps = self.layout.eps
            self.evaluations += 1
            raise CoarserOutput
        return self._function, outputs

    def verify(self) -> None:
        """Raise if the function found a way to edit what it was given after all."""
        for fresh, pool in zip(self.tensors.pools(self._complex_step), self._pools, strict=True):
            if fresh.tobytes() != pool.tobytes():
                refuse_edit(" or ".join(self.tensors.names))
        for name, copy in self._copies.items():
            if self._given[name].astype(copy.dtype).tobytes() != copy.tobytes():
                refuse_edit(name)

    def _blame(self, error: ValueError) -> None:
        """Find out which argument the function tried to edit, by letting it edit copies."""
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in self._passed]
        try:
            self._function(*copies)
        except Exception as other:  # whatever it raises, what it edited by then is in the copies
            error.add_note(f"Called with copies that it may edit, the function raised {other!r}.")
        for name, old, new in zip(self._given, self._passed, copies, strict=True):
            if isinstance(old, np.ndarray) and old.tobytes() != new.tobytes():
                refuse_edit(name, error)


def refuse_edit(name: str, cause: Exception | None = None) -> None:
    """Raise the error that names an argument which a function edited."""
    raise ValueError(
        "A function must not edit its arguments in place: its caller needs them as they were. "
        f"Received: one that edits `{name}`. Work on a copy, or write `a = a + b` for `a += b`."
    ) from cause


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of `array` that can't be written through."""
    view = array.view()
    view.setflags(write=False)
    return view


def _as_array(value: object) -> object:
    """NumPy's numbers and floats as arrays, everything else as it is."""
    return np.asarray(value) if isinstance(value, (np.generic, float)) else value


def _differentiable(arrays: Mapping[str, np.ndarray], wrt: Sequence[str] | None) -> list[str]:
    """The names to differentiate with respect to, checked."""
    floating = [name for name, array in arrays.items() if array.dtype.char in "efd"]
    names = floating if wrt is None else [wrt] if isinstance(wrt, str) else list(wrt)
    if not names or not set(names) <= set(floating) or len(set(names)) < len(names):
        raise ValueError(
            "`wrt` must name floating-point arguments, at least one and each once. "
            f"Received: wrt={wrt!r}; the floating-point arguments are {floating}. "
            'Example: wrt=["Wx", "b"], with arrays made by np.asarray(values, float).'
        )
    return names


def _as_arrays(outputs: object) -> np.ndarray | tuple[np.ndarray, ...]:
    if isinstance(outputs, tuple):
        return tuple(np.asarray(output) for output in outputs)
    return np.asarray(outputs)


def _converted(function: Callable) -> Callable:
    """The function, with its outputs (Python numbers, lists, tensors) as NumPy arrays."""
    return lambda *arguments: _as_arrays(function(*arguments))
