"""From a checked lesson to notebooks: the instructor's, with answers, and the student's, without."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder import exercise as exercises
from autograder import reference
from autograder.build.lesson import SOURCES, Cell, Lesson, LessonError, check_markers, read

SCHEMA = 3  # of nbgrader's metadata
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def instructor(lesson: Lesson, language: str = "en", points: Mapping[str, float] | None = None) -> NotebookNode:
    """The notebook with answers and rubric, as nbgrader's `source` folder holds it.

    Args:
        lesson: from `read`.
        language: "en" or "ja".
        points: exercise id -> points, where a course changes them.

    Raises:
        LessonError: when a language, an answer or a rubric is missing, or a marker is wrong.
    """
    if language not in lesson.languages:
        raise LessonError(
            f"{lesson.name} has no prose in {language!r} yet. Languages: {', '.join(lesson.languages)}."
        )
    cells, counts = [], {}
    for cell in lesson.cells:
        if cell.language not in ("", language):
            continue
        counts[cell.kind] = counts.get(cell.kind, 0) + 1
        cells += _BUILD[cell.kind](cell, counts[cell.kind], lesson, points or {})
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = {
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
        "title": lesson.titles.get(language, lesson.titles["en"]),
        "unrolled": {"lesson": lesson.name, "language": language},
    }
    nbformat.validate(notebook)
    return notebook


def student(notebook: NotebookNode) -> NotebookNode:
    """The student's notebook: what nbgrader's own preprocessors make of the instructor's."""
    from nbgrader import preprocessors as steps

    resources: dict = {}
    copy = nbformat.from_dict(notebook)
    for step in (steps.LockCells, steps.ClearSolutions, steps.ClearOutput, steps.CheckCellMetadata, steps.ComputeChecksums):
        copy, resources = step().preprocess(copy, resources)
    return copy


def dumps(notebook: NotebookNode) -> str:
    """A notebook as text, always the same bytes for the same notebook."""
    return nbformat.writes(notebook, version=4) + "\n"


def build_all(target: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the student's notebook of every lesson, in every language it has, under `target`/<language>.

    Args:
        target: a folder.
        wanted: names of lessons, for these alone.
    """
    written = []
    for path in sorted(SOURCES.glob("[0-9][0-9]_*.py")):
        if wanted and path.stem not in wanted:
            continue
        lesson = read(path)
        for language in lesson.languages:
            out = target / language / f"{lesson.name}.ipynb"
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(dumps(student(instructor(lesson, language))), encoding="utf-8")
            written.append(out)
    return written


def _nbgrader(grade_id: str, *, grade: bool = False, solution: bool = False, points: float | None = None) -> dict:
    data = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": SCHEMA,
        "solution": solution,
        "task": False,
    }
    return data if points is None else {**data, "points": points}


def _markdown(id: str, text: str, **metadata) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=id, metadata=metadata)


def _code(id: str, text: str, **metadata) -> NotebookNode:
    return nbformat.v4.new_code_cell(text, id=id, metadata=metadata)


def _prose(cell: Cell, number: int, lesson: Lesson, points) -> list[NotebookNode]:
    return [_markdown(f"prose-{number}", cell.text)]


def _setup(cell: Cell, number: int, lesson: Lesson, points) -> list[NotebookNode]:
    return [_code(f"setup-{number}", cell.text, nbgrader=_nbgrader(f"setup-{number}"))]


def _demo(cell: Cell, number: int, lesson: Lesson, points) -> list[NotebookNode]:
    return [_code(f"demo-{number}", cell.text, tags=["demo"])]


def _exercise(cell: Cell, number: int, lesson: Lesson, points) -> list[NotebookNode]:
    exercise = exercises.find(cell.name)
    check_markers(reference.source(exercise.module), f"solutions/{exercise.module}.py")
    try:
        answer = reference.source_of(exercise.id)
    except KeyError as error:
        raise LessonError(f"{lesson.name}.py:{cell.line}: {error.args[0]}") from None
    if "### BEGIN SOLUTION" not in answer:
        raise LessonError(
            f"solutions/{exercise.module}.py: `{exercise.object}` has no `### BEGIN SOLUTION`, so {lesson.name} would "
            "give the answer away."
        )
    worth = points.get(exercise.id, exercise.points)
    return [
        _code(f"{exercise.grade_id}-answer", answer, nbgrader=_nbgrader(f"{exercise.grade_id}-answer", solution=True)),
        _code(
            exercise.grade_id,
            f'check("{exercise.id}")',
            nbgrader=_nbgrader(exercise.grade_id, grade=True, points=worth),
            unrolled={"exercise": exercise.id},
        ),
    ]


def _question(cell: Cell, number: int, lesson: Lesson, points) -> list[NotebookNode]:
    grade_id = cell.name.replace(".", "-")
    answer = f"### BEGIN SOLUTION\n{rubric(cell.name, cell.language)}\n### END SOLUTION"
    worth = points.get(cell.name, lesson.written_points)
    return [
        _markdown(f"{grade_id}-question", cell.text, nbgrader=_nbgrader(f"{grade_id}-question")),
        _markdown(grade_id, answer, nbgrader=_nbgrader(grade_id, grade=True, solution=True, points=worth)),
    ]


_BUILD = {"prose": _prose, "setup": _setup, "demo": _demo, "exercise": _exercise, "question": _question}


def rubric(question: str, language: str) -> str:
    """The rubric of a written question: `solutions/rubrics/<module>.md`, below `# <id>`, `## <language>`.

    Raises:
        LessonError: when it is missing.
    """
    path = reference.folder() / "rubrics" / f"{question.split('.')[0]}.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    of_question = re.search(rf"(?ms)^# {re.escape(question)}\n(.*?)(?=^# |\Z)", text)
    found = of_question and re.search(rf"(?ms)^## {language}\n(.*?)(?=^## |\Z)", of_question.group(1))
    if not found or not found.group(1).strip():
        raise LessonError(f"solutions/rubrics/{path.name}: no rubric below `# {question}`, `## {language}`.")
    return found.group(1).strip()
