"""The class on one page: points, exercises, the mistakes that most made, and what needs a person's eye."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

from jinja2 import Environment, PackageLoader

from autograder.course import Course, CourseError, write_atomically
from autograder.grade.gradebook import read_record

KINDS = {
    "right": "good", "partial": "half", "follow_through": "half", "wrong": "bad", "error": "bad", "forbidden": "bad",
    "limit": "bad", "missing": "open", "not_reached": "open",
}  # fmt: skip
BINS = 10
_page = Environment(loader=PackageLoader("autograder", "report"), autoescape=True).get_template("dashboard.html.j2")


def write_dashboard(course: Course, lesson: str) -> Path:
    """Write `reports/LESSON.html`.

    Raises:
        CourseError: when nobody was graded.
    """
    found = [read_record(course, lesson, student) for student in course.students(lesson)]
    records = [record for record in found if record is not None]
    if not records:
        raise CourseError(f"Nothing of {lesson} was graded yet. Grade it with `autograder grade {lesson}`.")
    path = course.root / "reports" / f"{lesson}.html"
    write_atomically(path, page(lesson, records))
    return path


def page(lesson: str, records: list[dict]) -> str:
    """The page, from the records of a lesson's gradings."""
    graded = [record for record in records if record["status"] == "graded"]
    scores = [record["score"] for record in graded]
    return _page.render(
        lesson=lesson,
        graded=len(graded),
        failed=[record for record in records if record["status"] == "failed"],
        median=statistics.median(scores) if scores else 0,
        low=min(scores, default=0),
        high=max(scores, default=0),
        max_score=max((record["max_score"] for record in records), default=0),
        bins=_bins(graded),
        exercises=_exercises(graded),
        mistakes=_mistakes(graded),
        look=_look(records),
    )


def _bins(graded: list[dict]) -> list[dict]:
    most = max((record["max_score"] for record in graded), default=0) or 1
    counts = Counter(min(int(record["score"] / most * BINS), BINS - 1) for record in graded)
    highest = max(counts.values(), default=1)
    return [
        {
            "label": f"{most * k / BINS:g} to {most * (k + 1) / BINS:g}",
            "count": counts[k],
            "percent": round(100 * counts[k] / highest),
        }
        for k in range(BINS)
    ]


def _exercises(graded: list[dict]) -> list[dict]:
    rows = []
    for id in graded[0]["exercises"] if graded else ():
        results = [record["exercises"][id] for record in graded]
        kinds = Counter(KINDS[result["verdict"]] for result in results)
        verdicts = Counter(result["verdict"] for result in results)
        rows.append(
            {
                "id": id,
                "right": verdicts["right"],
                "mean": statistics.fmean(result["points"] for result in results),
                "points": results[0]["max_points"],
                "said": ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()),
                "parts": [
                    {"kind": kind, "percent": 100 * kinds[kind] / len(results)}
                    for kind in ("good", "half", "bad", "open")
                    if kinds[kind]
                ],
            }
        )
    return rows


def _mistakes(graded: list[dict]) -> list[dict]:
    """Known mistakes in their own exercise; what only follows from them is left out."""
    counts, messages = Counter(), {}
    for record in graded:
        for id, result in record["exercises"].items():
            if result["mistake"] and result["mistake"].split(":")[0] == id:
                counts[result["mistake"]] += 1
                messages[result["mistake"]] = result["message"]
    return [{"id": id, "count": count, "message": messages[id]} for id, count in counts.most_common(15)]


def _look(records: list[dict]) -> list[dict]:
    rows = []
    for record in records:
        for why in (record["reason"], record["stopped"], *record["notes"]):
            if why:
                rows.append({"student": record["student"], "why": why})
        for id, result in record["exercises"].items():
            if result["verdict"] == "forbidden":
                rows.append({"student": record["student"], "why": f"{id}: {result['message']}"})
    return rows
