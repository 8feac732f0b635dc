"""The answer key: what a student's notebook needs to check answers offline, and nothing that gives them away.

A key is one JSON file beside the notebook. It holds fingerprints (see `autograder.expectation`) of the right
answers and of the known mistakes at the public inputs, and each mistake's sentence. Inputs that have changed since are
noticed: what was right then would be called wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autograder import exercise as exercises
from autograder.expectation import Expectation, Fingerprint, KnownMistake, Mark, Pattern, Text
from autograder.subject import Problem

SUFFIX = ".key.json"
FORMAT = 4
DIGITS = 6  # of the inputs: the last ones may differ from machine to machine


def write(path: Path, lesson: str, expectations: Mapping[str, tuple[float, Expectation]]) -> None:
    """Write a key.

    Args:
        path: of the file.
        lesson: its name, for example "04_elman".
        expectations: exercise id -> (points in this course, fingerprinted expectation).
    """
    entries = {
        id: {
            "points": points,
            "inputs": _inputs(id),
            "right": [_pattern(p) for p in e.right],
            "mistakes": [[m.id, m.sentence, [_pattern(p) for p in m.patterns]] for m in e.mistakes],
            "follow_through": {
                mistake: [[_pattern(p) for p in answer] for answer in answers]
                for mistake, answers in (e.follow_through or {}).items()
            },
        }
        for id, (points, e) in expectations.items()
    }
    plain = {"format": FORMAT, "lesson": lesson, "exercises": entries}
    path.write_text(json.dumps(plain, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")


def find(exercise_id: str, folder: Path) -> tuple[float, Expectation]:
    """Points and expectation of an exercise, from whichever key in the folder has it.

    Raises:
        FileNotFoundError: when no key has it, with what to do.
        ValueError: when the key was made by another version of the course, with other inputs or in another format.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            entry, other = plain["exercises"].get(exercise_id), plain["format"] != FORMAT
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            continue
        if entry and other:
            raise ValueError(
                f"The answer key {path.name} was made by another version of the course (keys of format {FORMAT} are "
                f"asked for, this one is {plain['format']!r:.20}). Install the version that the notebook came with, or "
                "fetch the lesson again."
            )
        if entry and entry["inputs"] != _inputs(exercise_id):
            raise ValueError(
                f"The answer key {path.name} and the installed course disagree about the inputs of {exercise_id}: one "
                "of them is older. Install the version that the notebook came with, or fetch the lesson again."
            )
        if entry:
            return entry["points"], _expectation(entry)
    raise FileNotFoundError(
        f"There is no answer key for {exercise_id!r} in {folder}. It comes with the notebook, as a file that ends in "
        f"{SUFFIX}: keep both in one folder, and start Jupyter's notebook from there."
    )


def _inputs(exercise_id: str) -> str:
    """A hash of an exercise's public inputs."""
    digest = hashlib.sha256()
    for case in exercises.find(exercise_id).public_cases():
        for name, array in case.inputs.items():
            array = np.asarray(array)
            numbers = np.round(array.astype(float), DIGITS) + 0.0 if array.dtype.kind in "fiub" else array
            digest.update(f"{name} {array.shape}".encode() + numbers.tobytes())
    return digest.hexdigest()[:12]


def _expectation(entry: dict) -> Expectation:
    return Expectation(
        tuple(map(_read_pattern, entry["right"])),
        tuple(KnownMistake(id, text, tuple(map(_read_pattern, ps))) for id, text, ps in entry["mistakes"]),
        {
            mistake: tuple(tuple(map(_read_pattern, answer)) for answer in answers)
            for mistake, answers in entry["follow_through"].items()
        },
    )


def _mark(mark: Mark) -> str | list:
    if isinstance(mark, Text):
        return mark.text
    return [list(mark.shape), mark.scale, mark.seed, list(mark.projections), mark.rtol, mark.gaps, mark.whole]


def _read_mark(plain: str | list) -> Mark:
    if isinstance(plain, str):
        return Text(plain)
    shape, scale, seed, projections, rtol, gaps, whole = plain
    return Fingerprint(tuple(shape), scale, seed, tuple(projections), rtol, gaps, whole)


def _pattern(pattern: Pattern) -> list:
    problem = pattern.problem and [pattern.problem.kind, "", pattern.problem.signature]
    marks = {name: _mark(mark) for name, mark in pattern.marks.items()}
    return [marks, problem, list(pattern.edited), list(pattern.unstable)]


def _read_pattern(plain: list) -> Pattern:
    marks, problem, edited, unstable = plain
    read = {name: _read_mark(mark) for name, mark in marks.items()}
    return Pattern(read, problem and Problem(*problem), tuple(edited), tuple(unstable))
