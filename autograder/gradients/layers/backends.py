"""What differs between TensorFlow, JAX and PyTorch, behind one set of names.

A backend is a module with these functions. `function` takes a list of tensors and returns a list of
floating-point tensors; it depends on nothing else and changes nothing.

    double()                            context in which float64 arrays stay float64
    tensor(array)                       an array as a tensor of the backend
    differentiate(function, arrays, upstream)
                                        (outputs, gradients of sum(upstream * outputs)), as arrays;
                                        None for a gradient that the backend says is not connected
    many(function, arrays)              evaluates `function` at many points, see `numeric_gradient`
    compiled(function, arrays)          (name, function of arrays) of each way to compile it
    record(function, arrays)            its operations, as a `Record`; raises what `function` raises
                                        when it is traced
    holds_tensor(value)                 is it a tensor or variable of the backend's own?
    own_random()                        context after which random numbers of the backend's own go on as before
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from .user_code import Place

MODULES = {"tensorflow": ".on_tensorflow", "jax": ".on_jax", "torch": ".on_torch"}


@dataclass(frozen=True)
class Operation:
    """One operation of a recorded computation.

    Attributes:
        name: what the backend calls it.
        inputs, outputs: what identifies the tensors that go in and come out.
        blocks: None if a gradient passes through it, else the operation in words.
        hides: it takes the place of a choice (a comparison, an index), not of a value.
        narrows: the dtype that it casts to, if that is a floating-point one with fewer digits.
        place: the line of the layer's code that it comes from, if it can be told.
    """

    name: str
    inputs: tuple
    outputs: tuple
    blocks: str | None = None
    hides: bool = False
    narrows: str | None = None
    place: Place | None = None


@dataclass
class Record:
    """A recorded computation: operations in order, and what identifies its arguments and results."""

    sources: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    kept: object = None  # what must stay alive as long as this does


@contextlib.contextmanager
def keeping_float64() -> Iterator[None]:
    """Let `keras.ops` keep float64 on JAX and PyTorch, where Keras turns it into float32 by a table of its own."""
    from keras.src.backend.common import dtypes

    table = getattr(dtypes, "BIT64_TO_BIT32_DTYPE", {})
    before = table.get("float64")
    table["float64"] = "float64"
    try:
        yield
    finally:
        if before is None:
            del table["float64"]
        else:
            table["float64"] = before


def current() -> ModuleType:
    """The backend that Keras runs on.

    Raises:
        ValueError: for a backend that can't differentiate.
    """
    import keras

    name = keras.backend.backend()
    if name not in MODULES:
        raise ValueError(
            f"A layer is judged on one of the backends {', '.join(MODULES)}. Received: {name!r}. "
            'Set the environment variable KERAS_BACKEND="tensorflow" before Keras is imported.'
        )
    return importlib.import_module(MODULES[name], __package__)


def operation(
    name: str,
    inputs: tuple,
    outputs: tuple,
    before: list[str],
    after: list[str],
    place: Place | None,
    stopping: dict[str, str],
) -> Operation:
    """An `Operation`, judged by its name and by the dtypes of its inputs and outputs.

    Args:
        name, inputs, outputs, place: as in `Operation`.
        before, after: the names of the dtypes of the inputs and of the outputs.
        stopping: name -> words, of the operations that let no gradient pass.
    """
    floats_in, floats_out = (sorted({d for d in dtypes if is_float(d)}) for dtypes in (before, after))
    blocks, hides = stopping.get(name), False
    if blocks is None and floats_in and after and not floats_out:
        hides = after[0].startswith("bool") or not name.lower().startswith(("cast", "convert", "to"))
        blocks = f"a cast to {after[0]}" if not hides else f"`{name}`, which returns {after[0]}"
    narrows = None
    if floats_in and floats_out and digits(floats_out[0]) > max(map(digits, floats_in)):
        narrows = floats_out[0]
    return Operation(name, inputs, outputs, blocks, hides, narrows, place)


def is_float(dtype: str) -> bool:
    """Is it the name of a floating-point dtype?"""
    return "float" in dtype


def digits(dtype: str) -> float:
    """The machine epsilon of a floating-point dtype, by its name; "bfloat16" included."""
    if "bfloat16" in dtype:
        return 2.0**-7
    if "float8" in dtype:
        return 2.0**-2
    return float(np.finfo(dtype.removesuffix("_ref")).eps)
