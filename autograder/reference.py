"""The instructor's side: reference answers and known mistakes, and what they give at chosen inputs.

Only a trusted process imports this: the `solutions` folder beside the `autograder` package is needed. A
student's installation has none, and `load` says so.
"""

from __future__ import annotations

import ast
import importlib
import sys
import textwrap
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from autograder import exercise as exercises
from autograder import gradients
from autograder.exercise import Case, Exercise
from autograder.expectation import Exact, Expectation, KnownMistake, Pattern, exact
from autograder.quiet import quiet
from autograder.subject import Observation, observe

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


class NoSolutions(RuntimeError):
    """This installation has no reference answers: it is a student's."""


def folder() -> Path:
    """The `solutions` folder.

    Raises:
        NoSolutions: when there is none beside the package.
    """
    found = ROOT / "solutions"
    if not (found / "__init__.py").is_file():
        raise NoSolutions(
            "This command needs the reference answers, which only an instructor's copy has. Expected: the "
            f"folder {found}. Install the course from its repository with `pip install -e .`."
        )
    return found


def source(module: str) -> str:
    """The text of a reference module."""
    return (folder() / f"{module}.py").read_text(encoding="utf-8")


def source_of(exercise_id: str) -> str:
    """The text of one exercise's object, decorators included.

    Raises:
        KeyError: if the reference does not define it.
    """
    module, name = exercise_id.split(".")
    text = source(module)
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return "\n".join(text.split("\n")[first - 1 : _last_line(text, node)])
    raise KeyError(f"solutions/{module}.py defines no `{name}`, which {exercise_id} needs.")


def _last_line(text: str, node: ast.stmt) -> int:
    """Where the object ends: a closing marker after its last statement belongs to it."""
    lines = text.split("\n")
    last = node.end_lineno
    while last < len(lines) and lines[last].startswith((" ", "\t")) and lines[last].strip().startswith("#"):
        last += 1
    return last


@cache
def load(module: str) -> Mapping[str, object]:
    """The reference module's names."""
    folder()
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    with quiet():
        return vars(importlib.import_module(f"solutions.{module}"))


@cache
def mistakes(module: str) -> tuple:
    """The known mistakes of a module: a tuple of `solutions.mistakes.Mistake`."""
    load(module)
    return tuple(importlib.import_module(f"solutions.mistakes.{module}").MISTAKES)


def blank(exercise_id: str) -> Mapping[str, object]:
    """The reference module with one exercise as a student first sees it."""
    lines, inside = [], False
    own = source_of(exercise_id)
    for line in own.split("\n"):
        if line.strip() == BEGIN:
            lines.append(line.replace(BEGIN, "raise NotImplementedError()"))
        inside = (inside or line.strip() == BEGIN) and line.strip() != END
        if not inside and line.strip() != END:
            lines.append(line)
    module = exercise_id.split(".")[0]
    return _execute(source(module).replace(own, "\n".join(lines)), f"blank {exercise_id}")


def mutate(mistake) -> Mapping[str, object]:
    """The reference module with one mistake in it.

    Raises:
        ValueError: when the edit does not match exactly once.
    """
    module = mistake.exercise.split(".")[0]
    own = source_of(mistake.exercise)
    found = own.count(mistake.find)
    if found != 1:
        raise ValueError(
            f"A mistake's `find` must stand exactly once in its object. Received: {found} times for {mistake.id}: "
            f"{mistake.find!r}. Make it longer, or mend it after a change of solutions/{module}.py."
        )
    text = source(module).replace(own, own.replace(mistake.find, mistake.replace))
    return _execute(text, mistake.id)


def _execute(text: str, name: str) -> Mapping[str, object]:
    """Our own text as a module that is not in `sys.modules`."""
    module = types.ModuleType("variant")
    # Keras keeps a registry of classes by name; a variant must not take the reference's place in it.
    text = text.replace("@keras.saving.register_keras_serializable", "@_unregistered")
    module.__dict__["_unregistered"] = lambda **_: lambda cls: cls
    exec(compile(text, f"<{name}>", "exec"), module.__dict__)
    return module.__dict__


@dataclass
class Expectations:
    """Reference and mistaken results at given cases, each computed once.

    Attributes:
        cases: exercise id -> its cases.
    """

    cases: Mapping[str, list[Case]]
    _mutants: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def of(self, exercise: Exercise) -> Expectation:
        """Everything the judge needs to know about one exercise."""
        cases = self.cases[exercise.id]
        right = exact(observe(exercise, load(exercise.module), cases), exercise.rtol)
        for pattern in right:
            if pattern.problem:
                raise RuntimeError(f"The reference fails its own exercise {exercise.id}: {pattern.problem.message}")
        with np.errstate(all="ignore"):  # some mistakes are overflows
            return Expectation(right, self._known(exercise, cases, right), self._follow_through(exercise, cases))

    def _known(self, exercise: Exercise, cases: list[Case], right: tuple[Pattern, ...]) -> tuple[KnownMistake, ...]:
        """The mistakes that can show in an exercise, and do at these cases."""
        known = []
        for mistake in mistakes(exercise.module):
            if not self._reaches(mistake.exercise, exercise.id):
                continue
            patterns = exact(observe(exercise, self._mutant(mistake), cases), exercise.rtol)
            if not _alike(patterns, right):
                known.append(KnownMistake(mistake.id, mistake.sentence, patterns))
        return tuple(known)

    def _mutant(self, mistake) -> Mapping[str, object]:
        if mistake.id not in self._mutants:
            self._mutants[mistake.id] = mutate(mistake)
        return self._mutants[mistake.id]

    @staticmethod
    def _reaches(mistaken: str, exercise_id: str) -> bool:
        """Can a mistake in one exercise show in another? Only if the other's code calls it."""
        return exercise_id in callers(mistaken)

    def _follow_through(self, exercise: Exercise, cases: list[Case]) -> dict[str, tuple[tuple[Pattern, ...], ...]]:
        """For each mistake in the forward pass, the answers that are consistent with it.

        Two earn half the points: the true gradient of the mistaken forward pass, and the right backward code
        run on top of the mistaken forward pass.
        """
        if exercise.kind != "backward":
            return {}
        found = {}
        for mistake in mistakes(exercise.module):
            if mistake.exercise == exercise.id or not self._reaches(mistake.exercise, exercise.forward):
                continue
            mutant = self._mutant(mistake)
            answers = [exact(observe(exercise, mutant, cases), exercise.rtol)]
            try:
                values = [true_gradient(exercise, mutant, case) for case in cases]
                answers.append(exact([Observation(v) for v in values], exercise.rtol))
            except Exception:  # a mistaken forward pass of another shape has no such gradient
                pass
            found[mistake.id] = tuple(a for a in answers if not any(p.problem for p in a))
        return found


@cache
def callers(exercise_id: str) -> frozenset[str]:
    """The exercises of the same module whose reference uses this one's object, itself included."""
    module, _ = exercise_id.split(".")
    uses = {}
    for other in exercises.of_module(module).values():
        tree = ast.parse(textwrap.dedent(source_of(other.id)))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        uses[other.id] = {f"{module}.{name}" for name in names} & set(exercises.of_module(module)) - {other.id}
    reached = {exercise_id}
    while True:
        more = {other for other, used in uses.items() if used & reached} - reached
        if not more:
            return frozenset(reached)
        reached |= more


def true_gradient(exercise: Exercise, namespace: Mapping[str, object], case: Case) -> dict[str, np.ndarray]:
    """The gradient of a forward pass, right or mistaken, by the complex step, or numerically where that fails.

    Returns:
        "d" + argument name -> gradient, for what the backward exercise returns.
    """
    function = namespace[exercises.find(exercise.forward).object]
    arguments, upstream = exercise.forward_call(case.inputs)
    wrt = [name[1:] for name in exercise.names]
    numeric = gradients.numeric_gradient(function, arguments, upstream=upstream, wrt=wrt, method="richardson").values
    try:
        exact_values = gradients.numeric_gradient(
            function, arguments, upstream=upstream, wrt=wrt, method="complex"
        ).values
    except ValueError:  # a function that drops the imaginary part
        exact_values = numeric
    found = {}
    for name in wrt:
        tolerance = 1e-6 * (1 + np.max(np.abs(numeric[name])))
        agree = np.allclose(exact_values[name], numeric[name], rtol=0, atol=tolerance)
        found[f"d{name}"] = exact_values[name] if agree else numeric[name]
    return found


def _alike(first: tuple[Pattern, ...], second: tuple[Pattern, ...]) -> bool:
    """Would the two give the same verdict? Then the mistake does not show in this exercise."""
    return all(
        a.problem is None
        and (a.edited, a.unstable, a.marks.keys()) == (b.edited, b.unstable, b.marks.keys())
        and all(b.marks[n].matches(m.array if isinstance(m, Exact) else m.text) for n, m in a.marks.items())
        for a, b in zip(first, second, strict=True)
    )
