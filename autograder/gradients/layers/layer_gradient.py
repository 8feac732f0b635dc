"""Fast numeric gradients of a Keras layer: the points are evaluated inside of one traced function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..numeric import NumericGradient, numeric_gradient
from . import backends
from .run import LayerRun, Refused

AGREES = 1e-9  # relative, between the traced function and the layer itself; times 2^29 in float32


def layer_gradient(
    layer: object,
    inputs: object,
    *,
    states: object = None,
    mask: np.ndarray | None = None,
    call_arguments: Mapping[str, object] | None = None,
    upstream: object = None,
    seed: int = 0,
    wrt: Sequence[str] | None = None,
    method: str = "central",
) -> NumericGradient:
    """Differentiate L = sum(upstream * layer(inputs)) numerically: every weight, every input.

    The layer is traced once, and the graph moves one element after the other: some twenty times faster than a
    loop that calls the layer. A layer that cannot be traced, or that traced gives other outputs, is called.

    Afterwards the layer's weights, its attributes and the global seed of Keras are as they were before the call. One
    that was not built is built. A stateful layer is judged from its initial state.

    The result is as good as the layer's dtype. Give it in float64: `keras.layers.Dense(5, dtype="float64")`.

    Args:
        layer: a `keras.layers.Layer`, a cell as `keras.layers.RNN` takes it, or a function of tensors.
        inputs: its first argument, an array or a structure of arrays. A tuple holds its positional arguments,
            a dict its keyword arguments. A cell takes (batch, time, features) with at least three time steps.
        states: the initial states of a cell or of a recurrent layer. None: random ones for a cell.
        mask: passed on as `mask`.
        call_arguments: further keyword arguments, for example {"training": True}.
        upstream: the gradient of L with respect to the output, or a list of them for several. None: drawn.
        seed: of the upstream gradient and of the initial states.
        wrt: names to differentiate with respect to. Default: every floating-point weight and input.
        method: "central" or "richardson", see `numeric_gradient`. Only the latter finds kinks.

    Returns:
        A `NumericGradient`: weights by their names, inputs by the names of the arguments of `call`, states
        as `initial_state`.

    Raises:
        ValueError: as `numeric_gradient`; for inputs that do not suit the layer; for a layer with nothing to move.
    """
    with backends.current().double():
        run = LayerRun(layer, inputs, states=states, mask=mask, call_arguments=call_arguments, seed=seed)
        with run.borrowed():
            _refuse_nothing_to_differentiate(run)
            return gradient_of(run, upstreams(run, upstream, seed), wrt=wrt, method=method)


def _refuse_nothing_to_differentiate(run: LayerRun) -> None:
    if not run.values():
        raise Refused(
            "The layer must have a floating-point weight or a floating-point input, so that one can be moved. "
            f"Received: {run.given!r} with the inputs {', '.join(run.leaves) or 'none'} and neither. "
            "Whole numbers have no gradient."
        )
    if not run.outputs():
        raise Refused(
            f"The layer must have a floating-point output to differentiate. Received: {run.given!r} with none. "
            "Whole numbers have no gradient."
        )


def upstreams(run: LayerRun, upstream: object, seed: int) -> list[np.ndarray]:
    """An upstream gradient for each floating-point output, drawn where none is given."""
    shapes = [output.shape for output in run.outputs()]
    if upstream is None:
        rng = np.random.default_rng([seed, 1])
        return [rng.standard_normal(shape) for shape in shapes]
    given = list(upstream) if isinstance(upstream, (list, tuple)) else [upstream]
    found = [np.zeros(s) if g is None else np.asarray(g, float) for g, s in zip(given, shapes, strict=False)]
    if len(given) != len(shapes) or [g.shape for g in found] != shapes:
        raise Refused(
            f"`upstream` must hold one array for each floating-point output, of the shapes {shapes}. "
            f"Received: {[np.shape(g) for g in given]}. Leave it out to have one drawn."
        )
    return found


def gradient_of(
    run: LayerRun,
    upstream: Sequence[np.ndarray],
    *,
    wrt: Sequence[str] | None = None,
    method: str = "richardson",
    fast: bool = True,
    coarse: bool = False,
) -> NumericGradient:
    """The numeric gradient of a `LayerRun`.

    Args:
        run: the layer and its inputs.
        upstream: one array per floating-point output.
        wrt, method: as for `numeric_gradient`.
        fast: try to trace the layer.
        coarse: the outputs have the digits of float32 only, whatever their dtype is: steps and errors are those of
            float32.
    """
    values = run.values()
    names = list(values) if wrt is None else list(wrt)
    moved = {name: values[name] for name in names if name in values}
    if not moved or len(moved) < len(names):
        raise ValueError(
            "`wrt` must name floating-point weights and inputs of the layer, at least one. "
            f"Received: {names}. It has {', '.join(values) or 'none'}."
        )

    def outputs(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        found = run.outputs(dict(zip(moved, arrays, strict=True)))
        return tuple(output.astype(np.float32) if coarse else output for output in found)

    traced = _traced(run, moved) if fast else None
    return numeric_gradient(outputs, moved, upstream=tuple(upstream), method=method, many=traced)


def _traced(run: LayerRun, moved: Mapping[str, np.ndarray]) -> Callable | None:
    """`many` for `numeric_gradient`, if the layer can be traced and gives the same outputs then."""
    arrays = list(moved.values())
    try:
        with run.preserved(), run.unrolled():
            many = backends.current().many(run.function(list(moved)), arrays)
            points = _trial_points(arrays)
            found = many(*points)
    except Exception:  # whatever the layer does that a trace does not allow
        return None
    with run.preserved():
        for index, value, row in zip(*points, found, strict=True):
            outputs = run.outputs(_with(moved, index, value))
            expected = np.concatenate([output.reshape(-1) for output in outputs])
            digits = max(np.finfo(output.dtype).eps for output in outputs)
            if not _close(row, expected, AGREES * digits / 2.0**-52):
                return None
    return many


def _trial_points(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(index, value): nothing moved, and the first element of the first and of the last tensor, by a good deal."""
    starts = np.cumsum([0, *[array.size for array in arrays]])[:-1]
    first = [(start, array.flat[0]) for start, array in zip(starts, arrays, strict=True) if array.size]
    chosen = [first[0], *[(index, value + 0.37) for index, value in (first[0], first[-1])]]
    return np.array([index for index, _ in chosen]), np.array([value for _, value in chosen], np.float64)


def _with(arrays: Mapping[str, np.ndarray], index: int, value: float) -> dict[str, np.ndarray]:
    """The arrays with one element of all of them, counted through, set to a value."""
    changed, start = {}, 0
    for name, array in arrays.items():
        changed[name] = array
        if start <= index < start + array.size:
            changed[name] = array.copy()
            changed[name].flat[index - start] = value
        start += array.size
    return changed


def _close(found: np.ndarray, expected: np.ndarray, relative: float) -> bool:
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape or not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return False
    finite = np.isfinite(expected)
    off = np.max(np.abs(found - expected), where=finite, initial=0.0)
    return bool(off <= relative * max(1.0, np.max(np.abs(expected), where=finite, initial=0.0)))
