"""A made class: submissions of lesson 04 as students, clumsy and sly ones among them, hand them in.

`submissions` gives notebooks; `python -m tests.classroom DIR` makes a course in DIR and grades the class.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder import reference
from autograder.course import Course
from tests.classroom import cheats, styles
from tests.variants import VARIANTS

LESSON = "04_elman"
SECOND = "02_word2vec"  # of the demo, with a small class


@dataclass(frozen=True)
class Submission:
    """One made submission.

    Attributes:
        student: the id.
        make: from the released notebook to the bytes that are handed in.
        expected: the automatic points it is worth, from what it does; None where only a bound is known.
        story: what it is, in a few words.
        mistake: the known mistake that must be named, or "".
    """

    student: str
    make: Callable[[NotebookNode], bytes]
    expected: float | None
    story: str
    mistake: str = ""


def submissions() -> list[Submission]:
    """The class."""
    mistaken = [
        # follow-through: the rest is right, on top of a mistaken step
        ("chie", "elman.step_backward:dWh_transposed"),
        ("dario", "elman.sequence_backward:no_carry"),
        ("emre", "elman.sequence_backward:dWx_overwritten"),
        ("fatou", "elman.step_backward:upstream_edited"),
        ("goran", "elman.ElmanCell:numpy_in_call"),
        ("hana", "elman.output_backward:dby_averaged"),
        ("ines", "elman.copy_weights:bias_left_out"),
        ("jonas", "elman.sequence_forward:initial_state_ignored"),
    ]
    full = [
        Submission("aiko", lambda nb: _dump(answered(nb)), 40, "perfect, as the reference"),
        Submission("bruno", lambda nb: _dump(answered(nb, styles.OTHER)), 40, "perfect, in another style"),
        Submission("kofi", lambda nb: _dump(nb), 0, "untouched"),
        Submission("lena", lambda nb: _dump(answered(nb, only=HALF)), 16, "the first half"),
    ]
    wrong = [
        Submission(
            student, lambda nb, id=id: _dump(answered(nb, {id.split(":")[0]: mistaken_source(id)})), None, id, id
        )
        for student, id in mistaken
    ]
    broken = [
        Submission("mei", _with_answer("elman.output_forward", "def output_forward(h, Wy, by)\n    return h @ Wy"),
                   38, "a syntax error"),
        Submission("nils", lambda nb: _dump(with_cell(answered(nb), 3, "import a_package_that_nobody_has")), 40,
                   "an exception at import, in a cell of their own"),
        Submission("olu", _with_answer("elman.sequence_forward", cheats.ENDLESS), None, "an endless loop"),
        Submission("pia", lambda nb: _dump(without_cell(answered(nb), "elman-step_backward")), 40, "a check cell deleted"),
        Submission("quinn", lambda nb: _dump(doubled_cell(answered(nb), "elman-step_backward")), 40,
                   "a check cell there twice"),
        Submission("rosa", lambda nb: _dump(tagged_cell(nb, "elman-step_backward", "skip-execution")), 0,
                   "a check cell tagged to be skipped"),
        Submission("sven", lambda nb: _dump(with_cell(answered(nb), 3, cheats.WARNS)), 40, "right, with warnings"),
        Submission("山田 花子", lambda nb: _dump(answered(nb)), 40, "perfect, with a name in Japanese"),
    ]  # fmt: skip
    sly = [
        Submission("theo", lambda nb: _dump(with_cell(answered(nb, only=("elman.step_forward",)), 3, cheats.PATCHES_NUMPY)),
                   3, "patches NumPy so that all is equal"),
        Submission("uma", lambda nb: _dump(with_cell(nb, 3, cheats.READS_SOLUTIONS)), 0, "looks for the solutions"),
        Submission("viktor", lambda nb: _dump(with_cell(nb, 3, cheats.PRINTS_A_GRADE)), 0, "prints a grade"),
        Submission("wanda", _with_answer("elman.ElmanCell", cheats.WRAPS_KERAS), 32, "wraps Keras' own layer"),
    ]  # fmt: skip
    return full + wrong + broken + sly


def put(course: Course, lesson: str, student: str, data: bytes) -> None:
    """Put one file where nbgrader looks for a submission."""
    path = course.folder("submitted", lesson, student) / f"{lesson}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def small_class(module: str) -> list[Submission]:
    """A few students of any lesson: one without a mistake, one in another style, one untouched, three with known mistakes."""
    styles_of = {id: text for id, text in VARIANTS.values() if id.startswith(f"{module}.")}
    known = {mistake.exercise: mistake.id for mistake in reference.mistakes(module)}  # the last of each exercise
    chosen = list(known.values())[:: max(1, len(known) // 3)][:3]
    right = [
        Submission("aiko", lambda nb: _dump(answered(nb)), 40, "perfect, as the reference"),
        Submission("bruno", lambda nb: _dump(answered(nb, styles_of)), 40, "perfect, in another style"),
        Submission("kofi", lambda nb: _dump(nb), 0, "untouched"),
    ]
    wrong = [
        Submission(
            student, lambda nb, id=id: _dump(answered(nb, {id.split(":")[0]: mistaken_source(id)})), None, id, id
        )
        for student, id in zip(("chie", "dario", "emre"), chosen, strict=False)
    ]
    return right + wrong


HALF = ("elman.step_forward", "elman.step_backward", "elman.output_forward", "elman.output_backward")


def mistaken_source(mistake_id: str) -> str:
    """An exercise's reference with one known mistake in it."""
    mistake = next(m for m in reference.mistakes(mistake_id.split(".")[0]) if m.id == mistake_id)
    return reference.source_of(mistake.exercise).replace(mistake.find, mistake.replace)


def answered(
    notebook: NotebookNode, other: dict[str, str] | None = None, only: tuple[str, ...] | None = None
) -> NotebookNode:
    """The notebook with the reference's answers in it, or others where given."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        exercise = cell["id"].removesuffix("-answer").replace("-", ".", 1)
        if cell["id"].endswith("-answer") and (only is None or exercise in only):
            source = (other or {}).get(exercise) or reference.source_of(exercise)
            cell.source = "\n".join(
                line for line in source.split("\n") if "# BEGIN" not in line and "# END" not in line
            )
    return notebook


def _with_answer(exercise: str, source: str) -> Callable[[NotebookNode], bytes]:
    return lambda notebook: _dump(answered(notebook, {exercise: source}))


def with_cell(notebook: NotebookNode, place: int, source: str) -> NotebookNode:
    """The notebook with a code cell of the student's own."""
    notebook = copy.deepcopy(notebook)
    notebook.cells.insert(place, nbformat.v4.new_code_cell(source, id=f"own-{place}"))
    return notebook


def without_cell(notebook: NotebookNode, id: str) -> NotebookNode:
    """The notebook without a cell."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if cell["id"] != id]
    return notebook


def doubled_cell(notebook: NotebookNode, id: str) -> NotebookNode:
    """The notebook with a cell twice, ids and all, as a copy of the file's text would have it."""
    notebook = copy.deepcopy(notebook)
    place = next(i for i, cell in enumerate(notebook.cells) if cell["id"] == id)
    notebook.cells.insert(place, copy.deepcopy(notebook.cells[place]))
    return notebook


def tagged_cell(notebook: NotebookNode, id: str, tag: str) -> NotebookNode:
    """The notebook with a tag on a cell."""
    notebook = copy.deepcopy(notebook)
    next(cell for cell in notebook.cells if cell["id"] == id).metadata["tags"] = [tag]
    return notebook


def _dump(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()
