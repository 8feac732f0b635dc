"""`autograder check NOTEBOOK`: what a student should know before handing a notebook in. Nothing is run."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from autograder import intake
from autograder.key import SUFFIX
from autograder.sandbox.limits import Limits

_STUB = "raise NotImplementedError()"


def examine(path: Path) -> tuple[list[str], list[str]]:
    """Read a notebook as the grader will.

    Returns:
        (problems, facts): one line each. Without problems it can be handed in.
    """
    if path.suffix != ".ipynb":
        return [f"A notebook's name ends in .ipynb. Received: {path.name}."], []
    try:
        data = path.read_bytes()
    except OSError as error:
        return [f"{path} cannot be read: {error.strerror}."], []
    try:
        cells = intake.read(data, Limits().notebook_bytes)
    except intake.BadSubmission as bad:
        return [str(bad)], []
    problems, facts = [], []
    key = path.with_name(f"{path.stem}{SUFFIX}")
    wanted = list(json.loads(key.read_text(encoding="utf-8"))["exercises"]) if key.exists() else []
    if not any(cell["grade_id"] for cell in cells):
        return [f"{path.name} has no answer cells: it is a page to read, or no notebook of this course."], []
    if not wanted:
        return [f"There is no {key.name} beside it, so nobody knows its exercises. Copy it here from the bundle."], []
    ids = [cell["grade_id"] for cell in cells if cell["grade_id"]]
    for id in sorted({id for id in ids if ids.count(id) > 1}):
        problems.append(f"The cell {id} is there {ids.count(id)} times: only the first will count. Delete the others.")
    answers = {cell["grade_id"]: cell["source"] for cell in reversed(cells) if cell["grade_id"]}
    open_exercises = []
    for exercise in wanted:
        grade_id = exercise.replace(".", "-")
        for needed in (f"{grade_id}-answer", grade_id):
            if needed not in answers:
                problems.append(f"The cell {needed} is missing. Copy your answer into a fresh notebook of the lesson.")
        source = answers.get(f"{grade_id}-answer", "")
        if _STUB in source:
            open_exercises.append(exercise)
        elif fault := _fault(source):
            problems.append(f"The answer to {exercise} does not run: {fault}.")
    facts.append(f"{len(wanted) - len(open_exercises)} of {len(wanted)} exercises have an answer.")
    if open_exercises:
        facts.append(f"Still open: {', '.join(open_exercises)}.")
    if any("YOUR ANSWER HERE" in cell["source"] for cell in cells if cell["kind"] == "markdown"):
        facts.append("The written question is not answered yet.")
    return problems, facts


def _fault(source: str) -> str | None:
    """A syntax error in a cell, as one line. Lines of IPython's own (%, !) are left out."""
    try:
        ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]
    return None
