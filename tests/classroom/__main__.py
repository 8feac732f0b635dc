"""`make demo`: a course, a made class, graded end to end, with everything that an instructor gets."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from autograder.course import Course
from tests.classroom import LESSON, SECOND, Submission, put, small_class, submissions


def main(folder: Path) -> int:
    """Make the course in `folder` and grade the class; the exit status."""
    if folder.exists():
        if not (folder / "nbgrader_config.py").exists():
            print(f"{folder} is there and is no course of ours: move it away.", file=sys.stderr)
            return 2
        shutil.rmtree(folder)
    start = time.monotonic()
    _autograder("init", str(folder))
    _autograder("release", "04", "--course", str(folder))
    hand_in(Course(folder), LESSON, submissions())
    _autograder("grade", "04", "--course", str(folder), "--json", str(folder / "results.json"), "--seed", "2013")
    _autograder("feedback", "04", "--course", str(folder))
    _autograder("report", "04", "--course", str(folder))
    number, _, module = SECOND.partition("_")
    _autograder("release", number, "--course", str(folder))
    hand_in(Course(folder), SECOND, small_class(module))
    _autograder("grade", number, "--course", str(folder), "--seed", "2013")
    _autograder("feedback", number, "--course", str(folder))
    _autograder("export", "--to", "csv", str(folder / "grades.csv"), "--course", str(folder))
    print(
        f"\nAll of it took {time.monotonic() - start:.0f} s. Look into {folder}: results.json, gradebook.db, grades.csv, and"
    )
    print(
        f"feedback/chie/{LESSON}/{LESSON}.html. `nbgrader formgrader` works there too: cd {folder} and start jupyter lab."
    )
    return 0


def hand_in(course: Course, lesson: str, handed: list[Submission]) -> None:
    """Put a class's files where nbgrader looks for them."""
    notebook = course.released(lesson)
    for submission in handed:
        put(course, lesson, submission.student, submission.make(notebook))


def _autograder(*arguments: str) -> None:
    print("$ autograder", *arguments, flush=True)
    subprocess.run([Path(sys.executable).parent / "autograder", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
