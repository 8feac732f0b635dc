"""A Keras layer as a function of its weights and its inputs, so that both can be moved."""

from __future__ import annotations

import contextlib
import functools
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from . import backends

SHORT = 12  # time steps up to which a loop over time is written out: that is faster to run and to look into
DEPTH = 3  # of lists and dicts in a layer's attributes


class Refused(ValueError):
    """`check_layer` was used in a way that says nothing about the layer."""


class LayerRun:
    """A built layer, with what it is called with.

    Args:
        layer: a `keras.layers.Layer`, a cell as `keras.layers.RNN` takes it, or any function of tensors.
        inputs: what it is called with. An array, or any structure of arrays, is its first argument. A tuple
            holds its positional arguments, a dict its keyword arguments.
        states: the initial states of a cell, or of a recurrent layer. None: random ones for a cell, none for
            a layer.
        mask: passed on as `mask`. Shape (batch, time), boolean.
        call_arguments: further keyword arguments, which are not moved.
        seed: of the random initial states.
        floats: the dtype that floating-point inputs are given in. None: the layer's own.

    Attributes:
        given: the layer or cell itself.
        layer: what is called: the layer, or `keras.layers.RNN` around the cell.
        is_cell: it is a cell.
        inputs: name -> array of each floating-point input and state.
        variables: name -> variable of each floating-point weight.
        sizes: dimension name -> size, for `describe`.

    Raises:
        ValueError: for something else than a layer, and for inputs that do not suit a cell.
    """

    def __init__(
        self,
        layer: object,
        inputs: object,
        *,
        states: object = None,
        mask: np.ndarray | None = None,
        call_arguments: Mapping[str, object] | None = None,
        seed: int = 0,
        floats: str | None = None,
    ) -> None:
        import keras

        self.given, self.is_cell = layer, is_cell(layer)
        _refuse_other_than_layer(layer)
        own = getattr(layer, "compute_dtype", None)
        # a layer that computes in 16 bits gets float32, as from other layers, and casts it itself
        self.dtype = floats or (own if own in ("float32", "float64") else "float32")
        self.layer = layer
        if self.is_cell:
            policy = getattr(layer, "dtype_policy", None)
            self.layer = keras.layers.RNN(layer, return_sequences=True, return_state=True, dtype=policy)
        self._arguments = dict(call_arguments or {})
        if mask is not None:
            self._arguments["mask"] = np.asarray(mask, bool)
        positional, keyword = _as_arguments(inputs)
        states = self._states(positional, states, seed)
        if states is not None:
            keyword["initial_state"] = states
        self._structure = positional, keyword
        self._leaves = dict(_named_leaves(positional, keyword, _parameters(self.layer)))
        self._leaves = {name: _array(name, leaf) for name, leaf in self._leaves.items()}
        if own is None and not self.is_cell and floats is None:  # a function: in the dtype that it is given
            given = [leaf.dtype.name for leaf in self._leaves.values() if _is_floating(leaf)]
            self.dtype = "float64" if "float64" in given or not given else "float32"
        for name, leaf in self._leaves.items():
            self._leaves[name] = leaf.astype(self.dtype) if leaf.dtype.kind == "f" else leaf
        self.inputs = {name: leaf for name, leaf in self._leaves.items() if _is_floating(leaf)}
        self.sizes = _sizes(next(iter(self._leaves.values()), np.zeros(())))
        self._build()
        variables = list(getattr(self.layer, "variables", ()))
        self.variables = {
            name: variable for name, variable in _names(variables).items() if backends.is_float(str(variable.dtype))
        }

    def _build(self) -> None:
        """Call it once, which builds it. What it is after `build` it is afterwards, whatever the call does."""
        layer, tensors = self.layer, self.tensors()
        build = vars(layer).get("build") if hasattr(layer, "__dict__") else None
        with contextlib.ExitStack() as kept:
            if build is None or getattr(layer, "built", False):
                kept.enter_context(self._kept())
                self.call(tensors)
                return

            @functools.wraps(build)
            def build_and_keep(*arguments: object, **more: object) -> None:
                build(*arguments, **more)
                kept.enter_context(self._kept())

            layer.__dict__["build"] = build_and_keep
            kept.callback(layer.__dict__.__setitem__, "build", build)
            self.call(tensors)

    def _states(self, positional: tuple, states: object, seed: int) -> list | None:
        """The initial states, checked; random for a cell that got none."""
        if states is not None and not isinstance(states, (list, tuple)):
            states = [states]
        if not self.is_cell:
            return None if states is None else list(states)
        shape = np.shape(positional[0]) if positional and not isinstance(positional[0], (list, dict)) else ()
        if len(shape) < 3 or shape[1] < 3:
            raise Refused(
                "A cell is run under `keras.layers.RNN`, on inputs of shape (batch, time, features) with at least "
                f"three time steps. Received: inputs of shape {shape}. "
                "Example: inputs=rng.standard_normal((3, 6, 4))."
            )
        if states is not None:
            return list(states)
        rng = np.random.default_rng(seed)
        sizes = self.given.state_size
        sizes = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]

        def drawn(size: object) -> object:
            if isinstance(size, (list, tuple)) and any(isinstance(part, (list, tuple)) for part in size):
                return [drawn(part) for part in size]
            if isinstance(size, (list, tuple)) and hasattr(self.given, "cells"):
                return [drawn(part) for part in size]
            size = tuple(size) if isinstance(size, (list, tuple)) else (size,)
            return rng.uniform(-0.9, 0.9, (shape[0], *map(int, size))).astype(self.dtype)

        return [drawn(size) for size in sizes]

    def tensors(self, changed: Mapping[str, object] | None = None) -> dict[str, object]:
        """name -> tensor of every input, those in `changed` (arrays or tensors) in place of its own."""
        backend, changed = backends.current(), changed or {}
        found = {}
        for name, leaf in self._leaves.items():
            value = changed.get(name, leaf)
            found[name] = backend.tensor(value) if isinstance(value, (np.ndarray, np.generic)) else value
        return found

    def call(self, tensors: Mapping[str, object], **more: object) -> object:
        """Call the layer, really: it may keep state. Returns what it returns."""
        positional, keyword = _rebuilt(self._structure, iter(tensors.values()))
        return self.layer(*positional, **keyword, **{**self._arguments, **more})

    def call_purely(self, tensors: Mapping[str, object], **more: object) -> object:
        """As `call`, but what the layer puts into its weights is dropped."""
        import keras

        with keras.StatelessScope(), backends.current().own_random():
            return self.call(tensors, **more)

    @property
    def leaves(self) -> dict[str, np.ndarray]:
        """name -> array of every input, whole numbers included."""
        return dict(self._leaves)

    def values(self) -> dict[str, np.ndarray]:
        """name -> array of all that can be moved: the weights, then the inputs."""
        weights = {name: as_array(variable.value) for name, variable in self.variables.items()}
        for name, variable in self.variables.items():
            if str(variable.dtype) == "float64":  # JAX may have made it in float32
                weights[name] = weights[name].astype(np.float64)
        return weights | self.inputs

    def function(self, names: Sequence[str]) -> Callable:
        """The outputs as a pure function of a list of tensors, those with these names.

        Weights that the layer changes while it is called stay as they are.
        """
        import keras

        def run(tensors: Sequence[object]) -> list[object]:
            given = dict(zip(names, tensors, strict=True))
            mapping = [(variable, given[name]) for name, variable in self.variables.items() if name in given]
            with keras.StatelessScope(state_mapping=mapping), backends.current().own_random():
                return floating(self.call(self.tensors(given)))

        return run

    def outputs(self, changed: Mapping[str, np.ndarray] | None = None) -> list[np.ndarray]:
        """The floating-point outputs as arrays, some of the weights and inputs moved. Nothing is kept."""
        changed = changed or {}
        backend = backends.current()
        run = self.function(list(changed))
        with self.unrolled():  # JAX compiles a loop anew at every call
            return [as_array(output) for output in run([backend.tensor(value) for value in changed.values()])]

    @contextlib.contextmanager
    def preserved(self) -> Iterator[None]:
        """Whatever the layer keeps (weights, attributes) is afterwards as it was before."""
        # one that is not built yet may be built meanwhile, and keeps what it gets then
        layers = [layer for layer in all_layers(self.layer, self.given) if getattr(layer, "built", True)]
        attributes = [(layer, dict(layer.__dict__), _contents(layer)) for layer in layers]
        variables = [*getattr(self.layer, "variables", ()), *_unlisted(layers)]
        values = [(variable, as_array(variable.value)) for variable in variables]
        try:
            yield
        finally:
            for layer, before, contents in attributes:
                for name in set(layer.__dict__) - set(before):
                    layer.__dict__.pop(name)
                layer.__dict__.update(before)
                for container, items in contents:
                    _restore(container, items)
            for variable, value in values:
                if not same(as_array(variable.value), value):
                    variable.assign(value)

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[None]:
        """As `preserved`, the global seed of Keras too. In it, stateful layers start from their initial state."""
        with self._kept():
            for inner in all_layers(self.layer):
                if getattr(inner, "stateful", False) and hasattr(inner, "reset_state"):
                    inner.reset_state()
            yield

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        with _global_seed(), self.preserved():
            yield

    @contextlib.contextmanager
    def unrolled(self) -> Iterator[None]:
        """Loops over a short time are written out, so that every step can be seen and runs faster."""
        short = self.sizes.get("time", SHORT + 1) <= SHORT
        layers = all_layers(self.layer) if short else []
        loops = [layer for layer in layers if hasattr(layer, "unroll") and hasattr(layer, "cell")]
        before = [layer.unroll for layer in loops]
        for layer in loops:
            layer.unroll = True
        try:
            yield
        finally:
            for layer, value in zip(loops, before, strict=True):
                layer.unroll = value


def is_cell(layer: object) -> bool:
    """Is it something that `keras.layers.RNN` takes, and not a recurrent layer itself?"""
    if not hasattr(layer, "state_size") or not hasattr(layer, "call"):
        return False
    with contextlib.suppress(TypeError, ValueError):
        return "states" in list(inspect.signature(layer.call).parameters)[:2]
    return False


def as_array(value: object) -> np.ndarray:
    """A tensor or variable of any backend as an array of its own. bfloat16 comes as float32."""
    import keras

    if keras.backend.standardize_dtype(getattr(value, "dtype", "float32")) == "bfloat16":
        value = keras.ops.cast(value, "float32")  # NumPy has no bfloat16, and no array of a single one
    return np.array(keras.ops.convert_to_numpy(value))


def flat(outputs: object) -> list[object]:
    """All tensors in what a layer returned, None left out."""
    import keras

    return [output for output in keras.tree.flatten(outputs) if output is not None]


def floating(outputs: object) -> list[object]:
    """The floating-point tensors in what a layer returned."""
    import keras

    return [output for output in flat(outputs) if backends.is_float(keras.backend.standardize_dtype(output.dtype))]


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal in shape and in every bit."""
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _refuse_other_than_layer(layer: object) -> None:
    if isinstance(layer, type) or not (callable(layer) or is_cell(layer)):
        raise Refused(
            "`layer` must be a Keras layer, a recurrent cell or a function of tensors. "
            f"Received: {layer!r}. Example: layer=keras.layers.Dense(5, dtype='float64'), made, not only its class."
        )


def _parameters(layer: object) -> list[str]:
    """The names of the arguments of the layer's call."""
    function = getattr(layer, "call", layer)
    with contextlib.suppress(TypeError, ValueError):
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]
    return []


def _as_arguments(inputs: object) -> tuple[tuple, dict]:
    """(positional, keyword) arguments."""
    if isinstance(inputs, tuple):
        return inputs, {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (inputs,), {}


def _named_leaves(positional: tuple, keyword: dict, parameters: list[str]) -> Iterator[tuple[str, object]]:
    """(name, array) of each array, the arguments' names in front: inputs, pair[0], pair[1], …"""
    for index, value in enumerate(positional):
        yield from _leaves(value, parameters[index] if index < len(parameters) else f"inputs[{index}]")
    for name, value in keyword.items():
        yield from _leaves(value, name)


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, (list, tuple)) and not (value and all(isinstance(v, (int, float)) for v in value)):
        single = len(value) == 1 and name == "initial_state"
        for index, item in enumerate(value):
            yield from _leaves(item, name if single else f"{name}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}[{key!r}]")
    elif value is not None:
        yield name, value


def _rebuilt(structure: object, values: Iterator) -> object:
    """The structure with its arrays replaced by `values`, in the order of `_leaves`."""
    if isinstance(structure, (list, tuple)) and not (structure and all(isinstance(v, (int, float)) for v in structure)):
        items = [_rebuilt(item, values) for item in structure]
        return items if isinstance(structure, list) else tuple(items)
    if isinstance(structure, Mapping):
        return {key: _rebuilt(item, values) for key, item in structure.items()}
    return None if structure is None else next(values)


def _is_floating(array: np.ndarray) -> bool:
    return array.dtype.kind == "f"


def _sizes(first: np.ndarray) -> dict[str, int]:
    """The sizes of (batch, time, features) or (batch, features). Of other shapes only the batch is known."""
    names = {2: ["batch", "features"], 3: ["batch", "time", "features"]}.get(first.ndim, ["batch"])
    return dict(zip(names, first.shape, strict=False))


def _array(name: str, value: object) -> np.ndarray:
    """An input as an array.

    Raises:
        ValueError: for what is no real array with at least one example.
    """
    import keras

    if isinstance(value, keras.KerasTensor):
        raise Refused(
            f"`inputs` must be arrays of numbers. Received: `{name}` is a symbolic tensor, as keras.Input makes it. "
            "Example: inputs=rng.standard_normal((3, 4))."
        )
    array = np.asarray(value)
    if array.dtype.kind == "c":
        raise Refused(
            f"`inputs` must be real numbers. Received: `{name}` is {array.dtype}. "
            "Give the real and the imaginary part as two inputs."
        )
    if array.ndim and array.shape[0] == 0:
        raise Refused(
            f"`inputs` must hold at least one example. Received: `{name}` of shape {array.shape}. "
            "Example: inputs=rng.standard_normal((3, 4))."
        )
    return array


def _names(variables: Sequence[object]) -> dict[str, object]:
    """A name for each variable: the shortest end of its path that is its own."""
    paths = [variable.path.split("/") for variable in variables]
    found = {}
    for index, (path, variable) in enumerate(zip(paths, variables, strict=True)):
        others = paths[:index] + paths[index + 1 :]
        length = next((n for n in range(1, len(path) + 1) if all(o[-n:] != path[-n:] for o in others)), None)
        name = "/".join(path if length is None else path[-length:])
        found[name if name not in found else f"{name} (weight {index})"] = variable
    return found


def all_layers(*layers: object) -> list[object]:
    """The layers themselves and all those inside of them, each once."""
    found = []
    for layer in layers:
        inner = layer._flatten_layers() if hasattr(layer, "_flatten_layers") else [layer]
        found += [one for one in inner if hasattr(one, "__dict__") and all(one is not other for other in found)]
    return found


def _unlisted(layers: Sequence[object]) -> list[object]:
    """Variables in attributes of the layers, for example the state of a stateful one."""
    import keras

    held = [value for layer in layers for value in layer.__dict__.values() if isinstance(value, (list, keras.Variable))]
    return [variable for variable in keras.tree.flatten(held) if isinstance(variable, keras.Variable)]


def _contents(layer: object) -> list[tuple[object, object]]:
    """(container, what is in it now) of the lists, dicts, sets and arrays among a layer's attributes."""
    usual = _usual()
    return [pair for name, value in layer.__dict__.items() if name not in usual for pair in _inside(value, DEPTH)]


@functools.cache
def _usual() -> frozenset[str]:
    """The attributes that every Keras layer has, but for the lists that a symbolic call fills."""
    import keras

    return frozenset(keras.layers.Layer().__dict__) - {"_inbound_nodes", "_outbound_nodes"}


def _inside(value: object, depth: int) -> Iterator[tuple[object, object]]:
    value = getattr(value, "__wrapped__", value)  # TensorFlow puts a dict into an object of its own
    if isinstance(value, np.ndarray):
        yield value, value.copy()
    elif isinstance(value, (list, dict, set)) and depth:
        # Keras replaces lists, dicts and sets in attributes by classes of its own, which inherit from these
        yield value, dict(value) if isinstance(value, dict) else list(value)
        for item in value.values() if isinstance(value, dict) else value:
            yield from _inside(item, depth - 1)


def _restore(container: object, items: object) -> None:
    """Put back what was in a container, in place: others may hold it too."""
    if isinstance(container, np.ndarray):
        if container.flags.writeable:
            container[...] = items
    elif isinstance(container, list):
        if len(container) != len(items) or any(a is not b for a, b in zip(container, items, strict=True)):
            container[:] = items
    else:
        kind = dict if isinstance(container, dict) else set
        kind.clear(container)
        kind.update(container, items)


@contextlib.contextmanager
def _global_seed() -> Iterator[None]:
    """Where Keras takes random numbers from if no seed is given, is afterwards as it was.

    That is Python's own generator for seeds, and a seed generator, which is not there before it is needed.
    """
    from keras.src.backend.common import global_state

    before = global_state.get_global_attribute("global_seed_generator")
    state = None if before is None else as_array(before.state.value)
    of_python = random.getstate()
    try:
        yield
    finally:
        random.setstate(of_python)
        global_state.set_global_attribute("global_seed_generator", before)
        if before is not None:
            before.state.assign(state)
