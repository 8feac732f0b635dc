"""What an exercise is: the inputs it draws, how the student's object is called, what is judged.

An exercise module lists its exercises in `EXERCISES`. Nothing here knows a right answer: expected values
come from running the same `probe` on the reference, in a process that never ran student code.
"""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

PUBLIC_SEED = 20_130_612  # of the inputs that students see; grading draws its own
PUBLIC_CASES = 2
GRADING_CASES = 3
GRADING_CASES_OF_LAYERS = 2  # calling one takes a hundred times as long, and one call tells more


class Malformed(Exception):
    """What a probe raises when the answer does not have the stated form. The text is shown to the student."""


@dataclass(frozen=True)
class Case:
    """One set of inputs.

    Attributes:
        inputs: argument name -> array, in the order of the signature.
        sizes: dimension name -> size, all different. Messages use them to guess at a wrong factor.
    """

    inputs: dict[str, np.ndarray]
    sizes: dict[str, int]


@dataclass(frozen=True)
class Part:
    """A share of an exercise's points.

    Attributes:
        share: fraction of the points, earned when every name is right in every case.
        names: which of the probe's values it covers.
        gate: if this part is wrong, no other part earns anything.
    """

    share: float
    names: tuple[str, ...]
    gate: bool = False


@dataclass(frozen=True)
class Exercise:
    """One graded exercise.

    Attributes:
        id: `module.object`, for example "elman.step_backward".
        points: the automatic points in the lesson as published.
        draw: makes one case from a random generator.
        probe: calls the student's object with a case's inputs and returns name -> array or text. It runs
            beside student code and must not contain an answer.
        parts: part name -> Part; shares add up to 1.
        kind: "forward", "backward", "layer" or "function": how the result is shown.
        forward: for a backward exercise, the id of the forward it is the gradient of.
        upstream: for a backward exercise, the input that is the upstream gradient; for a forward pass that returns
            several arrays, a tuple with one input for each, in their order.
        time_axis: value name -> axis that is time, for the error per time step.
        forbidden: dotted names that may not be used, because they would be the answer.
        about: value name -> what it is, in words, for values whose names do not say it.
        shown: what a student's notebook shows besides and the grade leaves out, because it takes a second:
            called with the object and a case's inputs, returns (name, right, detail) for each.
        rtol: an element is wrong when it is off by more than rtol times the largest of its tensor.
    """

    id: str
    points: float
    draw: Callable[[np.random.Generator], Case]
    probe: Callable[[object, Mapping[str, np.ndarray]], dict[str, object]]
    parts: Mapping[str, Part]
    kind: str = "function"
    forward: str | None = None
    upstream: str | tuple[str, ...] | None = None
    time_axis: Mapping[str, int] | None = None
    forbidden: tuple[str, ...] = ()
    about: Mapping[str, str] | None = None
    shown: Callable[[object, Mapping[str, np.ndarray]], list[tuple[str, bool, str]]] | None = None
    rtol: float = 1e-7

    def __post_init__(self) -> None:
        total = sum(part.share for part in self.parts.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"The shares of an exercise's parts must add up to 1. Received: {total} for {self.id}. "
                "Change the `share` of its parts."
            )
        if self.kind == "backward" and not (self.forward and self.upstream):
            raise ValueError(
                f"A backward exercise names its `forward` and its `upstream`. Received: {self.id} with "
                f"forward={self.forward!r}, upstream={self.upstream!r}."
            )

    @property
    def module(self) -> str:
        """The part of the id before the dot: the name of its module in every room."""
        return self.id.split(".")[0]

    @property
    def object(self) -> str:
        """The part of the id after the dot: the name that the student defines."""
        return self.id.split(".")[1]

    @property
    def names(self) -> tuple[str, ...]:
        """Every value that is judged, in the order of the parts."""
        return tuple(name for part in self.parts.values() for name in part.names)

    @property
    def grade_id(self) -> str:
        """The id of the check cell. Formgrader looks cells up by a CSS selector, where a dot is not a name."""
        return self.id.replace(".", "-")

    def forward_call(self, inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], object]:
        """Split a backward exercise's inputs into the arguments of its forward pass and the upstream gradient.

        Returns:
            (arguments, upstream): upstream is an array, or a tuple where the forward pass returns several.
        """
        names = (self.upstream,) if isinstance(self.upstream, str) else self.upstream
        arguments = {name: array for name, array in inputs.items() if name not in names}
        upstream = tuple(inputs[name] for name in names)
        return arguments, upstream[0] if isinstance(self.upstream, str) else upstream

    def cases(self, seed: int, count: int) -> list[Case]:
        """Draw `count` cases; the same seed draws the same cases."""
        rng = np.random.default_rng([seed, zlib.crc32(self.id.encode())])
        return [self.draw(rng) for _ in range(count)]

    def grading_cases(self, seed: int) -> list[Case]:
        """The cases of a grading run."""
        return self.cases(seed, GRADING_CASES_OF_LAYERS if self.kind == "layer" else GRADING_CASES)

    def public_cases(self) -> list[Case]:
        """The cases that students check against."""
        return self.cases(PUBLIC_SEED, PUBLIC_CASES)


def distinct_sizes(rng: np.random.Generator, *names: str, low: int = 2, high: int = 8) -> dict[str, int]:
    """Draw sizes that are all different, so that no wrong axis fits by chance. Time is at least 3."""
    while True:
        sizes = {
            name: int(size)
            for name, size in zip(names, rng.choice(np.arange(low, high), size=len(names), replace=False), strict=True)
        }
        if sizes.get("time", 3) >= 3:
            return sizes


def evenly(names: tuple[str, ...]) -> dict[str, Part]:
    """One part per name, with equal shares."""
    return {name: Part(1 / len(names), (name,)) for name in names}


def call_function(returns: tuple[str, ...]) -> Callable[[object, Mapping[str, np.ndarray]], dict[str, object]]:
    """A probe that calls a function with the inputs in order and names what it returns."""

    def probe(function, inputs):
        answer = function(*inputs.values())
        stated = ", ".join(returns)
        if len(returns) == 1:
            if isinstance(answer, tuple) and len(answer) == 1:
                answer = answer[0]
            return {returns[0]: answer}
        if answer is None:
            raise Malformed(f"It returned nothing. Stated: ({stated}). Is the `return` missing?")
        if not isinstance(answer, (tuple, list)):
            raise Malformed(
                f"It returned one {type(answer).__name__}. Stated: a tuple of {len(returns)} arrays, ({stated})."
            )
        if len(answer) != len(returns):
            raise Malformed(f"It returned {len(answer)} values. Stated: {len(returns)}, ({stated}).")
        return dict(zip(returns, answer, strict=True))

    return probe


# By hand means by hand: these would be the answer, or a gradient that nobody derived.
NOT_BY_HAND = (
    "tensorflow.GradientTape",
    "tensorflow.gradients",
    "keras.layers.SimpleRNN",
    "keras.layers.SimpleRNNCell",
    "keras.layers.LSTM",
    "keras.layers.LSTMCell",
    "keras.layers.GRU",
    "keras.layers.GRUCell",
    "keras.layers.RNN",
    "autograder.gradients.numeric_gradient",
    "autograder.gradients.projected_gradient",
    "autograder.gradients.check_gradient",
    "torch.autograd",
    "jax.grad",
    "jax.vjp",
)


def forward(
    id: str, points: float, draw: Callable, returns: tuple[str, ...], time_axis: Mapping[str, int] | None = None
) -> Exercise:
    """A forward pass written as a function of arrays."""
    return Exercise(
        id, points, draw, call_function(returns), evenly(returns), "forward",
        time_axis=time_axis, forbidden=NOT_BY_HAND,
    )  # fmt: skip


def backward(
    id: str,
    points: float,
    draw: Callable,
    returns: tuple[str, ...],
    *,
    forward: str,
    upstream: str | tuple[str, ...],
    time_axis: Mapping[str, int] | None = None,
) -> Exercise:
    """A backward pass written as a function of arrays. Each returned `dname` is the gradient of `name`."""
    return Exercise(
        id, points, draw, call_function(returns), evenly(returns), "backward",
        forward=forward, upstream=upstream, time_axis=time_axis, forbidden=NOT_BY_HAND,
    )  # fmt: skip


def modules() -> list[str]:
    """The names of the exercise modules, sorted."""
    from autograder import exercises

    return sorted(module.name for module in pkgutil.iter_modules(exercises.__path__))


@cache
def of_module(name: str) -> dict[str, Exercise]:
    """The exercises of one module: id -> Exercise.

    Raises:
        KeyError: if there is no such module.
    """
    if name not in modules():
        raise KeyError(f"no exercise module {name!r}; there are: {', '.join(modules())}")
    module = importlib.import_module(f"autograder.exercises.{name}")
    return {exercise.id: exercise for exercise in module.EXERCISES}


def find(id: str) -> Exercise:
    """The exercise of an id.

    Raises:
        KeyError: if there is none, with the nearest names.
    """
    import difflib

    module = id.split(".")[0]
    if module not in modules():
        raise KeyError(f"There is no exercise {id!r}. Modules: {', '.join(modules())}.")
    known = of_module(module)
    if id not in known:
        near = difflib.get_close_matches(id, known, n=3) or list(known)
        raise KeyError(f"There is no exercise {id!r}. Did you mean {' or '.join(map(repr, near))}?")
    return known[id]


def every() -> Iterator[Exercise]:
    """All exercises of all modules."""
    for name in modules():
        yield from of_module(name).values()
