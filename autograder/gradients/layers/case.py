"""The layer that is judged, with its copies and with what several checks need to know of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..numeric import NumericGradient
from . import backends
from .disconnected import Paths
from .layer_gradient import gradient_of, upstreams
from .run import LayerRun, all_layers, as_array, flat, same

HALF = ("float16", "bfloat16")
ROUNDINGS = 16  # in 16 bits, one after the other, that a layer may add up
STEP, POINTS, ROUGH = 1e-6, 9, 1e-9  # float32 is rough by some 1e-8 where float64 bends by less than 1e-11


@dataclass(frozen=True)
class Question:
    """What `check_layer` was asked, see there."""

    layer: object
    inputs: object
    states: object = None
    mask: np.ndarray | None = None
    call_arguments: Mapping[str, object] | None = None
    reference: Callable | np.ndarray | None = None
    upstream: object = None
    seed: int = 0
    expected_disconnected: Sequence[str] = ()
    constants: Sequence[str] = ()
    rtol: float | None = None


class LayerCase:
    """One layer, called and ready to be judged.

    Args:
        question: what is asked.
        until: when it is closed, the layer is as it was again.

    Attributes:
        own: the layer as it was given.
        plain: its outputs with its own weights.
        exact: the layer in float64: itself, or a copy with the same weights. After `nudge`, weights that are all
            the same number, as biases of zero are, are moved by random numbers: mistakes hide behind them.
        note: "", or what to know about `exact`.
    """

    def __init__(self, question: Question, until: contextlib.ExitStack) -> None:
        self.question = question
        self.own = self.run(question.layer)
        until.enter_context(self.own.borrowed())
        with self.own.preserved():
            self.plain = [as_array(output) for output in flat(self.own.call(self.own.tensors()))]
        self.exact, self.note = self.own, ""
        if self.own.dtype != "float64" or any(
            as_array(variable.value).dtype.itemsize < 8 for variable in self.own.variables.values()
        ):
            self.note = f"judged in {self.own.dtype}, which shows coarse mistakes only: no float64 copy can be made"
            with contextlib.suppress(Exception):  # the check "config" says what is wrong with it
                copy = self.copy("float64")
                if self.varies or near(copy.outputs(), self.own.outputs(), self.own_digits):
                    self.exact, self.note = copy, "judged on a float64 copy"

    def nudge(self) -> None:
        """Move the weights that are all the same number, see the class."""
        _nudge(self.exact, self.question.seed)

    def run(self, layer: object, **more: object) -> LayerRun:
        """A `LayerRun` of that layer with the arguments of the question."""
        q = self.question
        given = {"states": q.states, "mask": q.mask, "call_arguments": q.call_arguments, "seed": q.seed}
        return LayerRun(layer, q.inputs, **{**given, **more})

    def copy(self, policy: str | None = None, everywhere: bool = True, source: LayerRun | None = None) -> LayerRun:
        """The layer made again from its config, with the same weights.

        Args:
            policy: the dtype policy of the copy. None: its own.
            everywhere: this is the global policy while the copy is made, so that layers inside, which were made
                without a dtype, have it too.
            source: whose weights are copied. Default: those of the layer as given.
        """
        import keras

        source = source or self.own
        config = self.own.given.get_config()
        if policy is not None:
            config = _with_policy(config, policy)
        with keras.saving.custom_object_scope(self.classes), _policy(policy if everywhere else None):
            twin = type(self.own.given).from_config(config)
            run = self.run(twin, floats=policy if policy == "float64" else None)
        old, new = list(source.layer.variables), list(run.layer.variables)
        shapes = [[tuple(variable.shape) for variable in some] for some in (old, new)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "A layer made again from its config must have the same weights. "
                f"Received: weights of shapes {shapes[1]} where the layer has {shapes[0]}. "
                "Let `get_config` return every argument of the constructor."
            )
        for before, after in zip(old, new, strict=True):
            after.assign(as_array(before.value))
        return run

    @property
    def own_digits(self) -> float:
        """How near the outputs of the layer as given are to those in float64, relative: rounding explains as much."""
        inner = [str(getattr(layer, "compute_dtype", "")) for layer in all_layers(self.own.layer, self.own.given)]
        return max([1e-4, *(ROUNDINGS * backends.digits(name) for name in inner if name in HALF)])

    @property
    def is_half(self) -> bool:
        """Does the layer as given compute in 16 bits, or a layer inside of it?"""
        return self.own_digits > 1e-4

    @property
    def is_graph(self) -> bool:
        """Is it a model made from other layers, functional or sequential, which has no dtype of its own?"""
        import keras
        from keras.src.models.functional import Functional

        return isinstance(self.own.given, (keras.Sequential, Functional))

    @cached_property
    def has_outputs(self) -> bool:
        """Is there a floating-point output at all?"""
        with self.exact.preserved():
            return bool(self.exact.outputs())

    @property
    def classes(self) -> dict[str, type]:
        """name -> class of the layer and of all layers inside of it that are not Keras' own."""
        found = {type(layer).__name__: type(layer) for layer in all_layers(self.own.layer, self.own.given)}
        return {name: kind for name, kind in found.items() if not kind.__module__.startswith("keras.")}

    @cached_property
    def pure(self) -> bool:
        """Do the outputs depend on nothing but the weights and the inputs?"""
        with self.exact.preserved():
            first, second = self.exact.outputs(), self.exact.outputs()
        return all(same(a, b) for a, b in zip(first, second, strict=True))

    @cached_property
    def precise(self) -> bool:
        """Do the outputs have all the digits of their dtype?"""
        if self.exact.dtype != "float64" or not self.pure:
            return True
        return roughness(self.exact, self.question.seed) <= ROUGH

    @cached_property
    def varies(self) -> bool:
        """Do the outputs change from call to call, if only with the state that the layer keeps in its weights?"""
        with self.own.preserved():
            first, second = ([as_array(o) for o in flat(self.own.call(self.own.tensors()))] for _ in range(2))
        return not all(same(a, b) for a, b in zip(first, second, strict=True))

    @cached_property
    def upstream(self) -> list[np.ndarray]:
        return upstreams(self.exact, self.question.upstream, self.question.seed)

    @cached_property
    def numeric(self) -> NumericGradient:
        with self.exact.preserved():
            return gradient_of(self.exact, self.upstream, coarse=not self.precise)

    @cached_property
    def analytic(self) -> dict[str, np.ndarray | None]:
        """name -> gradient as the backend differentiates; None where it says that nothing is connected."""
        values = self.exact.values()
        with self.exact.preserved():
            _, gradients = backends.current().differentiate(
                self.exact.function(list(values)), list(values.values()), self.upstream
            )
        return dict(zip(values, gradients, strict=True))

    @cached_property
    def paths(self) -> Paths:
        return Paths(self.exact)

    def fixed(self, name: str) -> bool:
        """Is it a weight that is not trained?"""
        variable = self.exact.variables.get(name)
        return variable is not None and not variable.trainable

    def moves_outputs(self, name: str) -> bool:
        """Do the outputs change at all when all of a tensor moves by a good deal?"""
        value = self.exact.values()[name]
        moved = value + np.random.default_rng([self.question.seed, 3]).uniform(0.5, 1.5, value.shape)
        with self.exact.preserved():
            before, after = self.exact.outputs(), self.exact.outputs({name: moved.astype(value.dtype)})
        return not all(same(a, b) for a, b in zip(before, after, strict=True))


def _nudge(run: LayerRun, seed: int) -> None:
    rng = np.random.default_rng([seed, 2])
    for variable in run.variables.values():
        value = as_array(variable.value)
        if value.size and (value == value.flat[0]).all():
            variable.assign(value + rng.uniform(0.1, 0.5, value.shape))


@contextlib.contextmanager
def _policy(name: str | None) -> Iterator[None]:
    import keras

    before = keras.config.dtype_policy()
    if name is not None:
        keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _with_policy(config: object, policy: str) -> object:
    """A config with another dtype policy in it and in all configs inside of it."""
    if isinstance(config, Mapping):
        return {key: policy if _is_policy(key, value) else _with_policy(value, policy) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_with_policy(item, policy) for item in config)
    return config


def _is_policy(key: object, value: object) -> bool:
    if key != "dtype":
        return False
    return (isinstance(value, str) and "int" not in value) or (
        isinstance(value, Mapping) and value.get("class_name") == "DTypePolicy"
    )


def roughness(run: LayerRun, seed: int) -> float:
    """How far the outputs are from a straight line on a very short way, relative to the largest.

    A smooth function is straight there but for its own rounding. A kink bends the way once at most, so the
    median over the way is taken.
    """
    values = run.values()
    rng = np.random.default_rng([seed, 6])
    ways = {name: rng.standard_normal(value.shape) for name, value in values.items()}
    path = [run.outputs({name: value + k * STEP * ways[name] for name, value in values.items()}) for k in range(POINTS)]
    worst = 0.0
    for outputs in zip(*path, strict=True):
        line = np.stack([output.astype(np.float64) for output in outputs])  # (points, *output)
        bends = np.median(np.abs(np.diff(line, n=2, axis=0)), axis=0)
        largest = np.max(np.abs(line), where=np.isfinite(line), initial=0.0)
        if largest > 0:
            worst = max(worst, float(np.max(bends, where=np.isfinite(bends), initial=0.0) / largest))
    return worst


def near(found: list[np.ndarray], expected: list[np.ndarray], relative: float) -> bool:
    """Are all outputs equal, up to a part of the largest number (or of 1) in each?"""
    if [a.shape for a in found] != [b.shape for b in expected]:
        return False
    return all(
        np.allclose(a, b, rtol=0, atol=relative * max(1.0, float(np.max(np.abs(b), initial=0.0))), equal_nan=True)
        for a, b in zip(found, expected, strict=True)
    )
