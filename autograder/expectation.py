"""What the judge compares with: exact arrays while grading, fingerprints in the student's notebook.

A fingerprint is a tensor's shape, its rough scale and a few random projections. It tells whether an
array is right, and not what the right values are. Both kinds answer the same two questions, so there is one
judge.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from autograder.gradients import compare
from autograder.subject import Observation, Problem

PROJECTIONS = 4
REMEMBERED = 4096  # elements: the directions of larger tensors are drawn anew each time


@dataclass(frozen=True)
class Exact:
    """A tensor, known."""

    array: np.ndarray
    rtol: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def matches(self, answer: np.ndarray | str) -> bool:
        """Is every element within rtol times the largest of the tensor?"""
        if isinstance(answer, str) or answer.shape != self.array.shape:
            return False
        expected, scale = self._known
        return _close(answer, expected, self.rtol * scale)

    @cached_property
    def _known(self) -> tuple[np.ndarray, float]:
        """The tensor in float64, and its largest finite absolute element."""
        expected = self.array.astype(np.float64)
        return expected, float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))

    def factor(self, answer: np.ndarray) -> float | None:
        """c, if the answer is c times the tensor; None if it is not, or c is 1 or 0."""
        if answer.shape != self.shape or not answer.size:
            return None
        return compare(answer.astype(np.float64), self.array.astype(np.float64), rtol=self.rtol).factor

    @property
    def whole(self) -> bool:
        """Are all elements whole numbers?"""
        return _whole(self.array)


@dataclass(frozen=True)
class Fingerprint:
    """A tensor, known by a few projections.

    Attributes:
        shape: of the tensor.
        scale: its largest absolute element, rounded to a power of two.
        seed: of the directions.
        projections: the sums along those directions, of the finite elements.
        gaps: a checksum of where NaN and infinities are; 0 where none are.
        whole: whether all elements are whole numbers.
    """

    shape: tuple[int, ...]
    scale: float
    seed: int
    projections: tuple[float, ...]
    rtol: float
    gaps: int = 0
    whole: bool = False

    @classmethod
    def of(cls, array: np.ndarray, label: str, rtol: float) -> Fingerprint:
        """Take the fingerprint of an array. The label (exercise, case, name) chooses the directions."""
        array = array.astype(np.float64)
        scale = float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))
        rounded = 2.0 ** np.ceil(np.log2(scale)) if scale > 0 else 0.0
        seed = zlib.crc32(label.encode())
        projections = tuple(_project(array, seed))
        return cls(array.shape, float(rounded), seed, projections, rtol, _gaps(array), _whole(array))

    def matches(self, answer: np.ndarray | str) -> bool:
        """Do all projections agree, as far as errors below rtol/2 with random signs allow?"""
        if isinstance(answer, str) or answer.shape != self.shape:
            return False
        answer = answer.astype(np.float64)
        found = _project(answer, self.seed)
        atol = self.rtol * self.scale * max(1.0, np.sqrt(answer.size))
        return _close(found, np.array(self.projections), atol) and _gaps(answer) == self.gaps

    def factor(self, answer: np.ndarray) -> float | None:
        """c, if the answer is c times the tensor as far as the projections tell; None if it is not, or c is 1 or 0."""
        found, known = _project(answer.astype(np.float64), self.seed), np.array(self.projections)
        if self.gaps or _gaps(answer.astype(np.float64)) or not (np.isfinite(found).all() and known.any()):
            return None
        c = float(found @ known / (known @ known))
        atol = self.rtol * self.scale * max(1.0, np.sqrt(answer.size))
        fits = c != 0 and np.allclose(found, c * known, rtol=0, atol=abs(c) * atol)
        return c if fits and not self.matches(answer) else None


@dataclass(frozen=True)
class Text:
    """A text: what a layer promises."""

    text: str
    shape = None

    def matches(self, answer: np.ndarray | str) -> bool:
        return isinstance(answer, str) and answer == self.text


def _close(answer: np.ndarray, expected: np.ndarray, atol: float) -> bool:
    """Is every element within atol, NaN and infinities where they are expected? `np.allclose`, most of it saved."""
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.abs(answer - expected).max(initial=0.0)
    if np.isfinite(largest):
        return bool(largest <= atol)
    return bool(np.allclose(answer, expected, rtol=0, atol=atol, equal_nan=True))


def _whole(array: np.ndarray) -> bool:
    """Are all finite elements whole numbers?"""
    array = array.astype(np.float64)
    return bool(np.all(array[np.isfinite(array)] % 1 == 0))


def _project(array: np.ndarray, seed: int) -> np.ndarray:
    draw = _directions if array.size <= REMEMBERED else _directions.__wrapped__
    finite = np.where(np.isfinite(array), array, 0.0)
    with np.errstate(all="ignore"):
        return draw(seed, array.size) @ finite.ravel()


def _gaps(array: np.ndarray) -> int:
    """A checksum of where NaN and infinities are and of which kind; 0 where none are."""
    if np.isfinite(array).all():
        return 0
    return zlib.crc32(
        np.where(np.isnan(array), 3, np.isposinf(array) + 2 * np.isneginf(array)).astype(np.uint8).tobytes()
    )


@lru_cache(maxsize=512)
def _directions(seed: int, size: int) -> np.ndarray:
    """Random signs times lengths between 1/2 and 1. Shape (PROJECTIONS, size).

    Each element counts, as with +1 and -1, and equal and opposite errors (two elements swapped, two bits flipped) do
    not cancel.
    """
    rng = np.random.default_rng(seed)
    return rng.choice([-1.0, 1.0], (PROJECTIONS, size)) * rng.uniform(0.5, 1, (PROJECTIONS, size))


Mark = Exact | Fingerprint | Text


@dataclass(frozen=True)
class Pattern:
    """What an object, right or wrong, gives for one case."""

    marks: Mapping[str, Mark]
    problem: Problem | None = None
    edited: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()

    def matches(self, seen: Observation) -> bool:
        """Did the student's object do exactly this?"""
        if self.problem is not None or seen.problem is not None:
            return bool(
                self.problem
                and seen.problem
                and self.problem.signature
                and (self.problem.kind, self.problem.signature) == (seen.problem.kind, seen.problem.signature)
            )
        return (
            seen.edited == self.edited
            and seen.unstable == self.unstable
            and seen.values.keys() == self.marks.keys()
            and all(mark.matches(seen.values[name]) for name, mark in self.marks.items())
        )


@dataclass(frozen=True)
class KnownMistake:
    """A mistake of the catalogue, by what it does to one exercise."""

    id: str
    sentence: str
    patterns: tuple[Pattern, ...]

    @property
    def origin(self) -> str:
        """The exercise whose object makes the mistake; it may be one that this exercise's object calls."""
        return self.id.split(":")[0]

    def matches(self, seen: Sequence[Observation]) -> bool:
        """Does every case look like this mistake?"""
        return len(seen) == len(self.patterns) and all(
            pattern.matches(observation) for pattern, observation in zip(self.patterns, seen, strict=True)
        )


@dataclass(frozen=True)
class Expectation:
    """Everything the judge knows about one exercise at given inputs.

    Attributes:
        right: one pattern per case.
        mistakes: those that can be told apart from the right answer.
        follow_through: id of a mistake in the forward exercise -> answers, each one pattern per case, that
            are consistent with that mistaken forward pass.
    """

    right: tuple[Pattern, ...]
    mistakes: tuple[KnownMistake, ...] = ()
    follow_through: Mapping[str, tuple[tuple[Pattern, ...], ...]] | None = None

    def recognise(
        self, seen: Sequence[Observation], sound: Callable[[str], bool] = lambda _: False
    ) -> KnownMistake | None:
        """The one known mistake that explains every case; none if two would.

        Args:
            seen: one observation per case.
            sound: is the student's answer to an exercise right? Then a mistake in it explains nothing. Asked only about
                exercises that have a mistake with these values.
        """
        found = [mistake for mistake in self.mistakes if mistake.matches(seen)]
        cleared = {id for id in {mistake.origin for mistake in found} if sound(id)}
        found = [mistake for mistake in found if mistake.origin not in cleared]
        return found[0] if len(found) == 1 else None


def exact(observations: Sequence[Observation], rtol: float) -> tuple[Pattern, ...]:
    """Patterns that hold the arrays."""
    return tuple(
        Pattern(
            {n: Text(v) if isinstance(v, str) else Exact(v, rtol) for n, v in seen.values.items()},
            seen.problem, seen.edited, seen.unstable,
        )
        for seen in observations
    )  # fmt: skip


def fingerprinted(expectation: Expectation, exercise_id: str) -> Expectation:
    """The same expectation with every array replaced by its fingerprint."""

    def mark(value: Mark, label: str) -> Mark:
        return Fingerprint.of(value.array, label, value.rtol) if isinstance(value, Exact) else value

    def patterns(given: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
        return tuple(
            Pattern(
                {n: mark(m, f"{exercise_id}/{case}/{n}") for n, m in pattern.marks.items()},
                pattern.problem, pattern.edited, pattern.unstable,
            )
            for case, pattern in enumerate(given)
        )  # fmt: skip

    follow = {
        mistake: tuple(patterns(answer) for answer in answers)
        for mistake, answers in (expectation.follow_through or {}).items()
    }
    mistakes = tuple(KnownMistake(m.id, m.sentence, patterns(m.patterns)) for m in expectation.mistakes)
    return Expectation(patterns(expectation.right), mistakes, follow)
