"""Layers on TensorFlow: see `backends` for what these functions do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from .backends import Record, operation
from .user_code import inside_call

STOPPING = {
    "StopGradient": "`stop_gradient`",
    "PreventGradient": "`prevent_gradient`",
    "PyFunc": "a NumPy function",
    "PyFuncStateless": "a NumPy function",
    "Round": "`round`, whose gradient is zero",
    "Rint": "`rint`, whose gradient is zero",
    "Sign": "`sign`, whose gradient is zero",
    "Floor": "`floor`, whose gradient is zero",
    "Ceil": "`ceil`, whose gradient is zero",
    "FloorDiv": "a whole-number division, whose gradient is zero",
}
SHAPES_ONLY = {"Shape", "ShapeN", "Rank", "Size", "ZerosLike", "OnesLike"}  # they do not read values


@contextlib.contextmanager
def double() -> Iterator[None]:
    yield


def tensor(array: np.ndarray) -> tf.Tensor:
    return tf.constant(array)


def holds_tensor(value: object) -> bool:
    return isinstance(value, (tf.Tensor, tf.Variable))


def own_random() -> contextlib.AbstractContextManager:
    return contextlib.nullcontext()  # Keras draws from its seeds alone


def differentiate(
    function: Callable, arrays: Sequence[np.ndarray], upstream: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        for value in tensors:
            tape.watch(value)
        outputs = function(tensors)
        pairs = zip(outputs, upstream, strict=True)
        loss = tf.add_n([tf.reduce_sum(tf.cast(output, tf.float64) * up) for output, up in pairs])
    gradients = tape.gradient(loss, tensors)
    # the gradient of a table that is looked up is sparse
    dense = [None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in gradients]
    return [np.asarray(output) for output in outputs], dense


def many(function: Callable, arrays: Sequence[np.ndarray]) -> Callable:
    sizes = [array.size for array in arrays]
    base = tf.constant(np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64))

    def at(point: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        index, value = point
        moved = tf.tensor_scatter_nd_update(base, [[index]], [value])  # (elements,)
        parts = tf.split(moved, sizes)
        tensors = [tf.cast(tf.reshape(p, a.shape), a.dtype) for p, a in zip(parts, arrays, strict=True)]
        return tf.concat([tf.reshape(tf.cast(o, tf.float64), [-1]) for o in function(tensors)], 0)

    # a loop in the graph: no tracing per point, and any operation may stand in it
    loop = tf.function(
        lambda index, values: tf.map_fn(at, (index, values), fn_output_signature=tf.float64), autograph=False
    ).get_concrete_function(tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float64))
    return lambda index, values: loop(tf.constant(index, tf.int32), tf.constant(values, tf.float64)).numpy()


def compiled(function: Callable, arrays: Sequence[np.ndarray]) -> Iterator[tuple[str, Callable]]:
    for name, xla in (("tf.function", False), ("XLA", True)):
        traced = tf.function(lambda *tensors: function(list(tensors)), autograph=False, jit_compile=xla)

        def run(values: Sequence[np.ndarray], traced: Callable = traced) -> list[np.ndarray]:
            return [np.asarray(output) for output in traced(*map(tf.constant, values))]

        yield name, run


def record(function: Callable, arrays: Sequence[np.ndarray]) -> Record:
    specs = [tf.TensorSpec(array.shape, array.dtype) for array in arrays]
    traced = tf.function(lambda *tensors: function(list(tensors)), autograph=False)
    graph = traced.get_concrete_function(*specs).graph
    found = Record([t.name for t in graph.inputs[: len(arrays)]], [t.name for t in graph.outputs])
    for op in graph.get_operations():
        if op.type in SHAPES_ONLY:
            continue
        found.operations.append(
            operation(
                op.type,
                tuple(t.name for t in op.inputs),
                tuple(t.name for t in op.outputs),
                [t.dtype.name for t in op.inputs],
                [t.dtype.name for t in op.outputs],
                inside_call((f.filename, f.lineno, f.name) for f in op.traceback),
                STOPPING,
            )
        )
    return found
