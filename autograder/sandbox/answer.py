"""Runs in the student's kernel, when the grader asks: call the student's object, send back what it gave."""

from __future__ import annotations

import json

from autograder import exercise as exercises
from autograder.exercise import Case
from autograder.subject import decode_inputs, encode, observe

MIME = "application/vnd.unrolled.answer"


def request(exercise_id: str, cases: str) -> str:
    """The code that the grader executes in the kernel to have an exercise answered."""
    return f"__import__('autograder.sandbox.answer', fromlist=['publish']).publish({exercise_id!r}, {cases!r})"


def publish(exercise_id: str, cases: str) -> None:
    """Observe the exercise's object at the given inputs and publish the observations as text."""
    from IPython import get_ipython
    from IPython.display import publish_display_data

    given = [Case(inputs, {}) for inputs in decode_inputs(json.loads(cases))]
    seen = observe(exercises.find(exercise_id), get_ipython().user_ns, given)
    publish_display_data({MIME: encode(seen)})
