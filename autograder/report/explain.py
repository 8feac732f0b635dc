"""`autograder explain`: where one student's points come from, and how to have them again."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version

from autograder.course import Course, CourseError
from autograder.grade.gradebook import read_record
from autograder.grade.plan import version_of
from autograder.result import Result


def explain(course: Course, lesson: str, student: str) -> str:
    """Everything that a grade rests on, as text.

    Raises:
        CourseError: when there is no such submission, or it was not graded.
    """
    record = read_record(course, lesson, student)
    if record is None:
        known = ", ".join(course.students(lesson)) or "nobody"
        raise CourseError(
            f"There is no result of {lesson} for {student}. Handed in: {known}. "
            f"Grade it with `autograder grade {lesson}`."
        )
    parts = [_head(record, lesson, student), *_repeatable(course, lesson, student, record), ""]
    parts += [note for note in (record["reason"], record["stopped"], *record["notes"]) if note]
    parts += [_explained(Result.from_plain(plain)) for plain in record["results"]]
    parts += ["", *_gradebook(course, lesson, student)]
    return "\n".join(parts)


def _explained(result: Result) -> str:
    known = f"\n  known mistake: {result.mistake}" if result.mistake else ""
    return result.text() + known


def _head(record: dict, lesson: str, student: str) -> str:
    return (
        f"{student}, {lesson}: {record['score']:g} of {record['max_score']:g} automatic points, {record['status']} at "
        f"{record['graded_at']} in {record['seconds']:.1f} s"
    )


def _repeatable(course: Course, lesson: str, student: str, record: dict) -> list[str]:
    """The inputs of the grade, and which of them are not the same any more."""
    other_file = _now_other_file(course, lesson, student, record)
    lines = [
        f"  seed of the inputs    {record['seed']}",
        f"  submission            SHA-256 {record['submission_sha256']}{other_file}",
        f"  exercises and judge   SHA-256 {record['plan']}{_now_other_plan(course, lesson, record)}",
        "  versions              " + ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
    ]
    other = [f"{name} {now}" for name, then in record["versions"].items() if (now := _installed(name)) != then]
    if other:
        lines.append(f"  installed now         {', '.join(other)}")
    lines.append(
        f"  to repeat it          autograder grade {lesson} --student {student} --seed {record['seed']} --force"
    )
    return lines


def _now_other_file(course: Course, lesson: str, student: str, record: dict) -> str:
    try:
        data = course.submission(lesson, student)
    except CourseError as error:
        return f" (cannot be read now: {error})" if record["status"] == "graded" else ""
    same = hashlib.sha256(data).hexdigest() == record["submission_sha256"]
    return "" if same else " (the file that lies there now is another one: it was not graded yet)"


def _now_other_plan(course: Course, lesson: str, record: dict) -> str:
    same = version_of(course, lesson, record["seed"]) == record["plan"]
    return "" if same else " (the release, the exercises or the judge have changed since)"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _gradebook(course: Course, lesson: str, student: str) -> list[str]:
    """What nbgrader's gradebook adds: points given by hand, comments, a late penalty."""
    with course.gradebook() as gradebook:
        stored = next(nb for nb in gradebook.find_submission(lesson, student).notebooks if nb.name == lesson)
        lines = [
            f"  by hand: {grade.name} {grade.manual_score:g} of {grade.max_score:g}"
            for grade in stored.grades
            if grade.manual_score is not None
        ]
        lines += [f"  waits for a person: {grade.name}" for grade in stored.grades if grade.needs_manual_grade]
        lines += [f"  comment on {c.name}: {c.manual_comment}" for c in stored.comments if c.manual_comment]
        if stored.late_submission_penalty:
            lines.append(f"  late penalty: {stored.late_submission_penalty:g}")
        total = stored.score - (stored.late_submission_penalty or 0)
        return [f"In the gradebook: {total:g} of {stored.max_score:g}", *lines]
