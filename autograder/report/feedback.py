"""One self-contained page per student: what was right, what was not, and what to try. No scripts in it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from nbformat.notebooknode import NotebookNode

from autograder.course import Course, CourseError, write_atomically
from autograder.grade.gradebook import read_record
from autograder.result import SYMBOLS, TITLES, Result, maps_html

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_page = Environment(loader=PackageLoader("autograder", "report"), autoescape=True).get_template("feedback.html.j2")


def write_feedback(course: Course, lesson: str) -> tuple[list[Path], list[str]]:
    """Write the feedback of everybody whose submission was graded.

    Returns:
        (files, students without a result).

    Raises:
        CourseError: when nobody was graded.
    """
    written, missing = [], []
    with course.gradebook() as gradebook:
        for student in course.students(lesson):
            record = read_record(course, lesson, student)
            if record is None:
                missing.append(student)
                continue
            path = course.folder("feedback", lesson, student) / f"{lesson}.html"
            write_atomically(path, page(course, lesson, student, record, gradebook.find_submission(lesson, student)))
            written.append(path)
    if not written:
        raise CourseError(f"Nothing of {lesson} was graded yet. Grade it with `autograder grade {lesson}`.")
    return written, missing


def page(course: Course, lesson: str, student: str, record: dict, submission) -> str:
    """The page of one student.

    Args:
        course, lesson, student: whose.
        record: of the grading.
        submission: nbgrader's, with manual scores and comments.
    """
    notebook = nbformat.read(course.folder("autograded", lesson, student) / f"{lesson}.ipynb", as_version=4)
    cells = {cell["id"]: cell for cell in notebook.cells}
    stored = next(nb for nb in submission.notebooks if nb.name == lesson)
    grades = {grade.name: grade for grade in stored.grades}
    comments = {comment.name: comment.manual_comment for comment in stored.comments}
    results = {result["exercise"]: result for result in record["results"]}
    parts = []
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id not in grades:
            continue
        exercise = cell.metadata.get("unrolled", {}).get("exercise")
        if exercise:
            answer = cells.get(f"{grade_id}-answer")
            parts.append(_exercise(results[exercise], grades[grade_id], answer, comments.get(f"{grade_id}-answer")))
        else:
            parts.append(_written(cell, grades[grade_id], comments.get(grade_id)))
    return _page.render(
        language=notebook.metadata.get("unrolled", {}).get("language", "en"),
        title=notebook.metadata.get("title", lesson),
        student=student,
        submitted=submission.timestamp and submission.timestamp.strftime("%Y-%m-%d %H:%M UTC"),
        score=stored.score - (stored.late_submission_penalty or 0),
        max_score=stored.max_score,
        penalty=stored.late_submission_penalty,
        waiting=any(part["points"] is None for part in parts),
        notes=[note for note in (record["reason"], record["stopped"], *record["notes"]) if note],
        parts=parts,
    )


def _exercise(result: dict, grade, answer: NotebookNode | None, comment: str | None) -> dict:
    return {
        "name": result["exercise"],
        "anchor": grade.name,
        "verdict": result["verdict"],
        "symbol": SYMBOLS[result["verdict"]],
        "title": TITLES[result["verdict"]],
        "message": result["message"],
        "hint": result["hint"],
        "lines": result["lines"],
        "maps": Markup(maps_html(Result.from_plain(result).maps())),
        "points": grade.score,
        "max_points": grade.max_score,
        "comment": comment,
        "code": answer.source if answer is not None else None,
        "outputs": _outputs(answer) if answer is not None else [],
        "answer": None,
    }


def _written(cell: NotebookNode, grade, comment: str | None) -> dict:
    waiting = grade.manual_score is None and grade.auto_score is None
    empty = grade.auto_score == 0 and grade.manual_score is None
    return {
        "name": cell.metadata.nbgrader.grade_id.replace("-", ".", 1),
        "anchor": grade.name,
        "verdict": "missing" if empty else "written",
        "symbol": "○" if empty or waiting else "✎",
        "title": "not answered" if empty else "not graded yet" if waiting else "graded by hand",
        "message": "",
        "maps": "",
        "points": None if waiting else grade.score,
        "max_points": grade.max_score,
        "comment": comment,
        "code": None,
        "outputs": [],
        "answer": cell.source,
    }


def _outputs(cell: NotebookNode) -> list[dict[str, str]]:
    found = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            found.append({"text": output.text})
        elif output.output_type == "error":
            found.append({"text": _ANSI.sub("", "\n".join(output.traceback))})
        elif "image/png" in output.data:
            found.append({"png": output.data["image/png"].replace("\n", "")})
        elif "text/plain" in output.data:
            found.append({"text": output.data["text/plain"]})
    return found
