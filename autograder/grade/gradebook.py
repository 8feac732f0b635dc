"""Writing results where nbgrader keeps them: its database, its `autograded` folder, and a full record beside them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

import nbformat
from nbgrader import utils
from nbgrader.preprocessors import AssignLatePenalties

from autograder.course import Course, write_atomically
from autograder.grade.plan import Plan
from autograder.grade.task import Graded
from autograder.result import Result


class Writer:
    """Writes results of one lesson, one submission at a time, in one process.

    The record is written last, and names the file and the plan that it was made from. A submission counts as graded
    when its record fits both, so an interruption at any moment leaves it either done or to be done again.
    """

    def __init__(self, course: Course, plan: Plan, gradebook) -> None:
        self.course, self.plan, self.gradebook = course, plan, gradebook
        self.grade_ids = {id.replace(".", "-"): id for id in plan.points}

    def save(self, graded: Graded) -> None:
        """Store one submission's result, replacing what an earlier grading of it left, manual grades excepted."""
        lesson, student = self.plan.lesson, graded.student
        timestamp = self.course.timestamp(lesson, student)
        self.gradebook.update_or_create_student(student)
        stamp = {"timestamp": timestamp} if timestamp else {}
        submission = self.gradebook.update_or_create_submission(lesson, student, **stamp)
        notebook = next(nb for nb in submission.notebooks if nb.name == lesson)
        text = graded.notebook or self.plan.source
        executed = nbformat.reads(text, as_version=4)
        untouched = {
            cell.metadata.nbgrader.grade_id
            for cell in executed.cells
            if utils.is_solution(cell) and cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
        }
        for grade in notebook.grades:
            self._set_grade(grade, graded, untouched)
        for comment in notebook.comments:
            comment.auto_comment = self._comment(comment.name, graded, untouched)
        self.gradebook.db.commit()
        self._late_penalty(submission, student, executed)
        path = self.course.folder("autograded", lesson, student) / f"{lesson}.ipynb"
        write_atomically(path, text)
        if timestamp:
            write_atomically(path.parent / "timestamp.txt", str(timestamp) + "\n")
        write_atomically(self.course.result_path(lesson, student), json.dumps(self._record(graded), indent=1) + "\n")

    def _set_grade(self, grade, graded: Graded, untouched: set[str]) -> None:
        exercise = self.grade_ids.get(grade.name)
        if exercise is not None:
            result = graded.results.get(exercise)
            grade.auto_score = float(result.points) if result else 0.0
            grade.needs_manual_grade = grade.manual_score is not None
        else:  # a written question: nothing to read, or a person reads it
            empty = graded.status == "failed" or grade.name in untouched
            grade.auto_score = 0.0 if empty else None
            grade.needs_manual_grade = not empty or grade.manual_score is not None

    def _comment(self, name: str, graded: Graded, untouched: set[str]) -> str | None:
        result = graded.results.get(self.grade_ids.get(name.removesuffix("-answer"), ""))
        if result and result.verdict not in ("right", "missing"):
            return result.message
        return "No response." if name in untouched else None

    def _late_penalty(self, submission, student: str, executed) -> None:
        """Let nbgrader's own plugin decide, where the submission is late or was."""
        penalised = any(notebook.late_submission_penalty for notebook in submission.notebooks)
        if submission.total_seconds_late <= 0 and not penalised:
            return
        resources = {
            "nbgrader": {
                "notebook": self.plan.lesson,
                "assignment": self.plan.lesson,
                "student": student,
                "db_url": self.course.api.coursedir.db_url,
            }
        }
        AssignLatePenalties(config=self.course.api.config).preprocess(executed, resources)
        self.gradebook.db.expire_all()

    def _record(self, graded: Graded) -> dict:
        return {
            **summary(graded),
            "lesson": self.plan.lesson,
            "seed": self.plan.seed,
            "plan": self.plan.version,
            "submission_sha256": graded.submission_hash,
            "timestamp": str(self.course.timestamp(self.plan.lesson, graded.student)),
            "graded_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": _versions(),
            "reason": graded.reason,
            "stopped": graded.stopped,
            "notes": graded.notes,
            "results": [result.to_plain() for result in graded.results.values()],
        }


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("unrolled", "tensorflow", "keras", "numpy", "nbgrader")}


def summary(graded: Graded) -> dict:
    """One entry of `--json`."""
    return {
        "student": graded.student,
        "status": graded.status,
        "score": round(graded.score, 4),
        "max_score": graded.max_score,
        "seconds": round(graded.seconds, 3),
        "exercises": {
            id: {
                "points": r.points,
                "max_points": r.max_points,
                "verdict": r.verdict,
                "mistake": r.mistake,
                "message": r.message,
            }
            for id, r in graded.results.items()
        },
    }


def read_record(course: Course, lesson: str, student: str) -> dict | None:
    """The record of a finished grading, or None."""
    path = course.result_path(lesson, student)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def from_record(record: dict) -> Graded:
    """A finished grading, as it was."""
    results = {plain["exercise"]: Result.from_plain(plain) for plain in record["results"]}
    return Graded(
        record["student"], record["status"], results, "", record["notes"], record["stopped"], record["reason"],
        record["submission_sha256"], record["seconds"],
    )  # fmt: skip
