"""Grades as tables for other systems. Text that a spreadsheet would take for a formula is made harmless."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from autograder.course import Course, CourseError, write_atomically


def _text(value: object) -> str:
    """A cell that stays text: spreadsheets run what starts with one of these."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _csv(course: Course, gradebook) -> list[list[str]]:
    """One row per submission and one column per exercise; an empty field was not graded."""
    names: list[str] = []
    rows = []
    for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
        for submission in sorted(assignment.submissions, key=lambda s: s.student.id):
            grades = {grade.name: grade for nb in submission.notebooks for grade in nb.grades}
            names += [name for name in grades if name not in names]
            rows.append((assignment, submission, grades))
    names.sort()
    head = ["assignment", "student_id", "last_name", "first_name", "email", "submitted", "late_seconds", "late_penalty"]
    table = [[*head, "score", "max_score", "needs_manual_grade", *names]]
    for assignment, submission, grades in rows:
        student = submission.student
        who = [assignment.name, student.id, student.last_name, student.first_name, student.email]
        table.append([
            *map(_text, who),
            submission.timestamp.isoformat(sep=" ") if submission.timestamp else "",
            f"{submission.total_seconds_late:g}",
            _points(submission.late_submission_penalty),
            _points(_final(submission)),
            _points(submission.max_score),
            "yes" if submission.needs_manual_grade else "no",
            *(_points(_graded(grades[name])) if name in grades else "" for name in names),
        ])  # fmt: skip
    return table


def _graded(grade) -> float | None:
    return None if grade.manual_score is None and grade.auto_score is None else grade.score


def _final(submission) -> float:
    return max(0.0, submission.score - (submission.late_submission_penalty or 0))


def _per_student(gradebook) -> list[tuple[object, dict[str, object]]]:
    found: dict[str, tuple[object, dict]] = {student.id: (student, {}) for student in gradebook.students}
    for assignment in gradebook.assignments:
        for submission in assignment.submissions:
            found.setdefault(submission.student.id, (submission.student, {}))[1][assignment.name] = submission
    return [found[id] for id in sorted(found)]


def _canvas(course: Course, gradebook) -> list[list[str]]:
    """Canvas' gradebook import: identity columns, a row of possible points, one column per assignment."""
    names = sorted(a.name for a in gradebook.assignments)
    most = {a.name: a.max_score for a in gradebook.assignments}
    table = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names]]
    table.append(["    Points Possible", "", "", "", "", *(_points(most[name]) for name in names)])
    for student, submissions in _per_student(gradebook):
        name = ", ".join(part for part in (student.last_name, student.first_name) if part) or student.id
        scores = [_points(_final(submissions[n])) if n in submissions else "" for n in names]
        table.append([_text(name), "", _text(student.id), _text(student.email or student.id), "", *scores])
    return table


def _moodle(course: Course, gradebook) -> list[list[str]]:
    """Moodle's grade import: a column that identifies the user, one per grade item."""
    names = sorted(a.name for a in gradebook.assignments)
    table = [["ID number", "Email address", *names]]
    for student, submissions in _per_student(gradebook):
        scores = [_points(_final(submissions[n])) if n in submissions else "" for n in names]
        table.append([_text(student.id), _text(student.email), *scores])
    return table


def _gradescope(course: Course, gradebook) -> list[list[str]]:
    """A roster with scores, by the columns that Gradescope's own exports have."""
    names = sorted(a.name for a in gradebook.assignments)
    most = {a.name: a.max_score for a in gradebook.assignments}
    head = ["First Name", "Last Name", "SID", "Email"]
    table = [head + [column for name in names for column in (name, f"{name} - Max Points")]]
    for student, submissions in _per_student(gradebook):
        who = map(_text, (student.first_name, student.last_name, student.id, student.email))
        scores = [(_points(_final(submissions[n])) if n in submissions else "", _points(most[n])) for n in names]
        table.append([*who, *(field for pair in scores for field in pair)])
    return table


FORMATS: dict[str, Callable[[Course, object], list[list[str]]]] = {
    "csv": _csv,
    "canvas": _canvas,
    "moodle": _moodle,
    "gradescope": _gradescope,
}


def export(course: Course, to: str, path: Path) -> tuple[int, int]:
    """Write the gradebook as a table.

    Args:
        course: whose.
        to: one of FORMATS.
        path: of the file, UTF-8 with a byte order mark, which spreadsheets need to see it.

    Returns:
        (rows of grades, submissions in which something is still to be graded by hand).

    Raises:
        CourseError: when nothing was graded.
    """
    with course.gradebook() as gradebook:
        submissions = [submission for assignment in gradebook.assignments for submission in assignment.submissions]
        waiting = sum(submission.needs_manual_grade for submission in submissions)
        table = FORMATS[to](course, gradebook)
    rows = len(table) - (2 if to == "canvas" else 1)
    if rows < 1 or not submissions:
        raise CourseError("There are no grades to export yet. Grade a lesson with `autograder grade LESSON`.")
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(table)
    write_atomically(path, "\ufeff" + text.getvalue())
    return rows, waiting
