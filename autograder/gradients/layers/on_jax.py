"""Layers on JAX: see `backends` for what these functions do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from .backends import Record, keeping_float64, operation
from .user_code import Place, inside_call

STOPPING = {
    "stop_gradient": "`stop_gradient`",
    "pure_callback": "a NumPy function",
    "io_callback": "a NumPy function",
    "round": "`round`, whose gradient is zero",
    "sign": "`sign`, whose gradient is zero",
    "floor": "`floor`, whose gradient is zero",
    "ceil": "`ceil`, whose gradient is zero",
}
CHUNK = 256  # points at a time: one compilation serves all


@contextlib.contextmanager
def double() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        with keeping_float64():
            yield
    finally:
        jax.config.update("jax_enable_x64", before)


def tensor(array: np.ndarray) -> jax.Array:
    return jnp.array(array)


def holds_tensor(value: object) -> bool:
    return isinstance(value, jax.Array)


def own_random() -> contextlib.AbstractContextManager:
    return contextlib.nullcontext()  # Keras draws from its seeds alone


def differentiate(
    function: Callable, arrays: Sequence[np.ndarray], upstream: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    def loss(tensors: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
        outputs = function(tensors)
        total = sum((output.astype(np.float64) * up).sum() for output, up in zip(outputs, upstream, strict=True))
        return total, outputs

    gradients, outputs = jax.grad(loss, has_aux=True)([jnp.array(array) for array in arrays])
    return [np.asarray(output) for output in outputs], [np.asarray(gradient) for gradient in gradients]


def many(function: Callable, arrays: Sequence[np.ndarray]) -> Callable:
    base = jnp.concatenate([jnp.asarray(array, jnp.float64).reshape(-1) for array in arrays])
    ends = np.cumsum([array.size for array in arrays])[:-1].tolist()

    def at(index: jax.Array, value: jax.Array) -> jax.Array:
        parts = jnp.split(base.at[index].set(value), ends)
        tensors = [part.reshape(a.shape).astype(a.dtype) for part, a in zip(parts, arrays, strict=True)]
        return jnp.concatenate([output.astype(np.float64).reshape(-1) for output in function(tensors)])

    block = jax.jit(jax.vmap(at))

    def evaluate(index: np.ndarray, values: np.ndarray) -> np.ndarray:
        rows = []
        for start in range(0, len(index), CHUNK):
            some, those = index[start : start + CHUNK], values[start : start + CHUNK]
            missing = CHUNK - len(some)
            outputs = block(np.pad(some, (0, missing), mode="edge"), np.pad(those, (0, missing), mode="edge"))
            rows.append(np.asarray(outputs)[: len(some)])
        return np.concatenate(rows)

    return evaluate


def compiled(function: Callable, arrays: Sequence[np.ndarray]) -> Iterator[tuple[str, Callable]]:
    jitted = jax.jit(function)
    yield "jax.jit", lambda values: [np.asarray(output) for output in jitted([jnp.array(v) for v in values])]


def record(function: Callable, arrays: Sequence[np.ndarray]) -> Record:
    closed = jax.make_jaxpr(function)([jnp.array(array) for array in arrays])
    found = Record([id(v) for v in closed.jaxpr.invars], [id(v) for v in closed.jaxpr.outvars])
    _walk(closed.jaxpr, found, None)
    found.kept = closed  # so that the ids stay taken
    return found


def _walk(jaxpr: object, found: Record, outer: Place | None) -> None:
    """Record the equations, those inside of compiled functions and loops too, which come from the `outer` place."""
    for eqn in jaxpr.eqns:
        place = _place(eqn) or outer
        for inner in _inner(eqn):
            for given, own in zip(eqn.invars, inner.invars, strict=True):
                found.operations.append(operation("in", (id(given),), (id(own),), [], [], None, {}))
            _walk(inner, found, place)
            for own, result in zip(inner.outvars, eqn.outvars, strict=True):
                found.operations.append(operation("out", (id(own),), (id(result),), [], [], None, {}))
            if eqn.primitive.name == "scan":  # what is carried comes in again
                first, count = eqn.params["num_consts"], eqn.params["num_carry"]
                for own, again in zip(inner.outvars[:count], inner.invars[first : first + count], strict=True):
                    found.operations.append(operation("again", (id(own),), (id(again),), [], [], None, {}))
            break
        else:
            found.operations.append(
                operation(
                    eqn.primitive.name,
                    tuple(id(v) for v in eqn.invars),
                    tuple(id(v) for v in eqn.outvars),
                    [str(v.aval.dtype) for v in eqn.invars],
                    [str(v.aval.dtype) for v in eqn.outvars],
                    place,
                    STOPPING,
                )
            )


def _inner(eqn: object) -> Iterator[object]:
    """The function inside an equation, if its arguments and results are the equation's own."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = eqn.params.get(name)
        inner = getattr(inner, "jaxpr", inner)
        if hasattr(inner, "eqns") and (len(inner.invars), len(inner.outvars)) == (len(eqn.invars), len(eqn.outvars)):
            yield inner


def _place(eqn: object) -> Place | None:
    trace = eqn.source_info.traceback
    if trace is None:
        return None
    frames = [(f.file_name, f.line_num, f.function_name.rpartition(".")[2]) for f in trace.frames]  # without its class
    return inside_call(reversed(frames))
