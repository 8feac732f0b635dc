"""`autograder release`: instructor's notebook and key into `source`, student's into `release`, and a bundle."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from autograder import exercise as exercises
from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, Lesson, LessonError, read
from autograder.build.notebook import dumps, instructor, student
from autograder.course import SETTINGS, Course, CourseError, write_atomically
from autograder.grade.plan import plan_for
from autograder.reference import ROOT

BUNDLE_README = """\
{title}

1. Make a folder for the course, unpack this archive into it, and open a terminal there.
2. python3 -m venv .venv            (Python 3.11, 3.12 or 3.13)
3. .venv/bin/pip install {wheel}
   This fetches TensorFlow and takes a few minutes the first time. After an earlier bundle of this course:
   .venv/bin/pip install --force-reinstall --no-deps {wheel}
4. .venv/bin/jupyter lab {lesson}/{lesson}.ipynb

On Windows write .venv\\Scripts\\ in place of .venv/bin/ everywhere.

Keep {lesson}.key.json beside the notebook: check() reads it. Before you hand the notebook in, run
.venv/bin/autograder check {lesson}/{lesson}.ipynb
"""
PAGE_README = (
    BUNDLE_README.partition("Keep {lesson}")[0] + "There is nothing to hand in: read the notebook and run it.\n"
)


def release(course: Course, name: str, language: str | None = None) -> Path:
    """Release one lesson into a course.

    Args:
        course: the course.
        name: the lesson's full name.
        language: "en" or "ja"; the course's own by default.

    Returns:
        The bundle for students.

    Raises:
        LessonError: for a lesson that cannot be built; CourseError: for settings that do not fit.
    """
    lesson = read(SOURCES / f"{name}.py")
    points = course.settings.get("points", {})
    _check_points(course, points)
    notebook = instructor(lesson, language or course.settings.get("language", "en"), points)
    source = course.folder("source", name)
    write_atomically(source / f"{name}.ipynb", dumps(notebook))
    if lesson.is_page:  # no assignment: it stays out of the gradebook
        write_atomically(course.folder("release", name) / f"{name}.ipynb", dumps(student(notebook)))
        return _bundle(course, lesson)
    write_key(lesson, course.key_path(name), points)
    answer = course.api.generate_assignment(name, force=True)
    if not answer["success"]:
        raise CourseError(f"nbgrader could not release {name}: {_reason(answer.get('error') or answer['log'])}")
    plan_for(course, name, course.seed(name))  # the expected values, so that no grading waits for them
    return _bundle(course, lesson)


def _check_points(course: Course, points: dict) -> None:
    known = {exercise.id for exercise in exercises.every()}
    for id in points:
        if id.split(".")[0] not in exercises.modules() or ("think" not in id and id not in known):
            raise CourseError(f"{course.root / SETTINGS}: points for {id!r}, which is no exercise.")


def _reason(log: str) -> str:
    """The exception that a log of nbgrader's ends with, or its end."""
    named = [line.strip() for line in log.splitlines() if re.match(r"\s*[\w.]+(Error|Exception|Entry)\b.*: ", line)]
    told = [line for line in named if "NbGraderException" not in line]
    return (told or named or [log.strip()])[-1][-600:]


def _bundle(course: Course, lesson: Lesson) -> Path:
    """A zip archive for students: notebook, answer key, and a wheel without solutions."""
    path = course.root / "bundles" / f"{lesson.name}.zip"
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    released = course.folder("release", lesson.name)
    wheel = student_wheel(path.parent)
    readme = PAGE_README if lesson.is_page else BUNDLE_README
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(released.iterdir()):
            archive.write(file, f"{lesson.name}/{file.name}")
        archive.write(wheel, wheel.name)
        archive.writestr("README.txt", readme.format(title=lesson.titles["en"], lesson=lesson.name, wheel=wheel.name))
    part.replace(path)
    return path


def student_wheel(folder: Path) -> Path:
    """Build the wheel of `autograder` and `unrolled` into a folder, once for each state of their code."""
    import hashlib

    state = hashlib.sha256()
    for top in ("autograder", "lessons/unrolled"):
        for file in sorted((ROOT / top).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                state.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    stamp = folder / ".wheel"
    built = sorted(folder.glob("unrolled-*.whl"))
    if built and stamp.exists() and stamp.read_text(encoding="utf-8") == state.hexdigest():
        return built[0]
    for old in built:
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "source"
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "autograder", copy / "autograder", ignore=skip)
        shutil.copytree(ROOT / "lessons" / "unrolled", copy / "lessons" / "unrolled", ignore=skip)
        for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy / name)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        done = subprocess.run([*command, "-w", folder, copy], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LessonError(f"The students' wheel could not be built: {done.stderr.strip()[-400:]}")
    stamp.write_text(state.hexdigest(), encoding="utf-8")
    return next(iter(folder.glob("unrolled-*.whl")))
