"""A course directory: nbgrader's own layout, and the few things of ours beside it."""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.key import SUFFIX

CONFIG = "nbgrader_config.py"
SETTINGS = "course.toml"
MOST_BYTES = 32 * 2**20  # of a submitted file; what a submission may have is among its limits, and less
TEMPLATES = Path(__file__).parent / "grade"


class CourseError(RuntimeError):
    """The course directory does not allow what was asked; the text says why and what to do."""


class Course:
    """A course directory, as nbgrader sees it and as we do.

    Args:
        root: the folder with nbgrader_config.py.

    Raises:
        CourseError: when there is no course in the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()
        if not (self.root / CONFIG).is_file():
            raise CourseError(
                f"There is no course in {self.root}: no {CONFIG}. Go to your course, or name it with --course DIR. "
                "A new one: autograder init DIR."
            )

    @classmethod
    def init(cls, root: Path) -> Course:
        """Make a new course directory.

        Raises:
            CourseError: when the folder is not empty.
        """
        root = Path(root).resolve()
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise CourseError(f"A course starts in a new or empty folder. Received: {root}, which has something in it.")
        for folder in ("source", "release", "submitted", "autograded", "feedback"):
            (root / folder).mkdir(parents=True)
        config = (TEMPLATES / "nbgrader_config.py.txt").read_text(encoding="utf-8")
        config = config.replace("@COURSE@", re.sub(r"\W+", "-", root.name) or "course").replace(
            "@TAG@", f"not-run-{secrets.token_hex(16)}"
        )
        (root / CONFIG).write_text(config, encoding="utf-8")
        (root / SETTINGS).write_text((TEMPLATES / "course.toml").read_text(encoding="utf-8"), encoding="utf-8")
        course = cls(root)
        with course.gradebook():
            pass
        return course

    @cached_property
    def api(self):
        """nbgrader's API object, with the course's own configuration."""
        from nbgrader.apps import NbGraderAPI
        from nbgrader.coursedir import CourseDirectory
        from traitlets.config import PyFileConfigLoader

        _own_programs_on_path()
        if str(self.root) not in sys.path:  # where a course keeps the plugins that its configuration names
            sys.path.insert(0, str(self.root))
        config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        config.CourseDirectory.root = str(self.root)
        return NbGraderAPI(CourseDirectory(config=config), config=config)

    @contextmanager
    def gradebook(self) -> Iterator:
        """nbgrader's gradebook, open. SQLite in the course's folder unless its `db_url` says otherwise."""
        from nbgrader.api import Gradebook

        directory = self.api.coursedir
        with Gradebook(directory.db_url, directory.course_id) as gradebook:
            yield gradebook

    @property
    def settings(self) -> dict:
        """course.toml, read.

        Raises:
            CourseError: when it is not TOML, or points are not numbers.
        """
        path = self.root / SETTINGS
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except tomllib.TOMLDecodeError as error:
            raise CourseError(f"{path} is not TOML: {error}.") from None
        for id, points in found.get("points", {}).items():
            if not isinstance(points, (int, float)) or isinstance(points, bool) or not 0 <= points <= 1e6:
                raise CourseError(f"{path}: points are a number from 0. Received: {id} = {points!r}.")
        return found

    def folder(self, step: str, lesson: str, student: str = ".") -> Path:
        """nbgrader's folder of a step ("source", "release", "submitted", "autograded", "feedback")."""
        directory = self.api.coursedir
        name = getattr(directory, f"{step}_directory")
        return Path(directory.format_path(name, student, lesson))

    def released(self, lesson: str) -> NotebookNode:
        """The released notebook of a lesson: what submissions are rebuilt from.

        Raises:
            CourseError: when it was not released.
        """
        path = self.folder("release", lesson) / f"{lesson}.ipynb"
        if not path.is_file():
            raise CourseError(
                f"{lesson} was not released in {self.root}. Release it with `autograder release {lesson}`."
            )
        return nbformat.read(path, as_version=4)

    def key_path(self, lesson: str) -> Path:
        """Where the answer key lies that goes out with a lesson."""
        return self.folder("source", lesson) / f"{lesson}{SUFFIX}"

    def students(self, lesson: str) -> list[str]:
        """Who handed something in for a lesson, sorted."""
        submitted = self.folder("submitted", lesson, "x").parents[1]
        found = [p.name for p in submitted.iterdir() if (p / lesson).exists()] if submitted.is_dir() else []
        return sorted(name for name in found if not name.startswith("."))

    def submission(self, lesson: str, student: str) -> bytes:
        """The submitted notebook's bytes. Links are not followed.

        Raises:
            CourseError: when there is no such file, with what was found instead.
        """
        folder = self.folder("submitted", lesson, student)
        path = folder / f"{lesson}.ipynb"
        try:
            for part in (folder.parent, folder, path):
                if part.is_symlink():
                    raise CourseError(f"{part.name} is a symbolic link, and links are not followed.")
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            there = sorted(p.name for p in folder.iterdir())[:5] if folder.is_dir() else []
            found = f"The folder has: {', '.join(there)}." if there else "The folder is empty."
            raise CourseError(f"No {lesson}.ipynb was handed in. {found}") from None
        except OSError as error:
            raise CourseError(f"{lesson}.ipynb cannot be read: {error.strerror}.") from None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise CourseError(f"{lesson}.ipynb is not a regular file.")
            if found.st_size > MOST_BYTES:
                raise CourseError(
                    f"The file has {found.st_size} bytes; a file of more than {MOST_BYTES} is not read. "
                    "Clear the outputs and hand it in again."
                )
            return file.read(MOST_BYTES)

    def timestamp(self, lesson: str, student: str) -> datetime | None:
        """When something was handed in, in UTC, as timestamp.txt says; None without that file.

        Raises:
            CourseError: when the file does not hold a date.
        """
        from nbgrader.utils import parse_utc

        path = self.folder("submitted", lesson, student) / "timestamp.txt"
        try:
            text = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
            return parse_utc(text) if text else None
        except (ValueError, OverflowError, OSError):
            raise CourseError(f"timestamp.txt is not a date: {text[:60]!r}. Example: 2026-11-30 23:59 UTC.") from None

    def check_late_penalty(self) -> None:
        """Make sure that the late-penalty plugin which the configuration names can be had.

        Raises:
            CourseError: when it cannot.
        """
        from nbgrader.preprocessors import AssignLatePenalties

        try:
            AssignLatePenalties(config=self.api.config).init_plugin()
        except Exception as error:  # whatever a course's own module raises when it is imported
            why = str(error.__cause__ or error.__context__ or error).splitlines()[0][:200]
            raise CourseError(f"The late-penalty plugin that {CONFIG} names cannot be used: {why}.") from None

    def strays(self, lesson: str) -> list[str]:
        """What lies under `submitted` where nobody will look for it, one line each."""
        from autograder.build.lesson import names

        submitted = self.folder("submitted", lesson, "x").parents[1]
        found = []
        for path in sorted(submitted.iterdir()) if submitted.is_dir() else ():
            if path.name.startswith("."):
                continue
            inside = sorted(p.name for p in path.iterdir()) if path.is_dir() else []
            lost = [
                name for name in inside if name.endswith(".ipynb") or (path / name).is_dir() and name not in names()
            ]
            if not path.is_dir():
                found.append(f"submitted/{path.name} is in no student's folder: move it to submitted/STUDENT/{lesson}/")
            elif lost and lesson not in inside:
                found.append(f"submitted/{path.name} has no {lesson}/; it holds {', '.join(lost[:3])}")
        return found

    def has_other_points(self, lesson: str) -> bool:
        """Does course.toml give other points than the released notebook has? A page to read has none."""
        from autograder.build.lesson import is_page

        if is_page(lesson):
            return False
        released = {
            cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.points)
            for cell in self.released(lesson).cells
            if "points" in cell.metadata.get("nbgrader", {})
        }
        wanted = {id.replace(".", "-"): points for id, points in self.settings.get("points", {}).items()}
        return any(id in released and released[id] != points for id, points in wanted.items())

    def result_path(self, lesson: str, student: str) -> Path:
        """Where the full record of a grading lies."""
        return self.root / "results" / lesson / f"{student}.json"

    def results(self, lesson: str) -> list[Path]:
        """The records of a lesson's gradings."""
        return sorted(self.result_path(lesson, "x").parent.glob("[!.]*.json"))

    def seed(self, lesson: str, given: int | None = None, *, keep: bool = True) -> int:
        """The seed of the fresh inputs: the given one, or the kept one, which is drawn when first needed.

        Args:
            lesson: whose.
            given: use this one.
            keep: use the given one from now on. One that is drawn always is.
        """
        path = self.root / "results" / lesson / ".seed.json"
        if given is None and path.exists():
            return json.loads(path.read_text(encoding="utf-8"))["seed"]
        seed = secrets.randbits(48) if given is None else given
        if keep or given is None:
            write_atomically(path, json.dumps({"seed": seed}) + "\n")
        return seed


def write_atomically(path: Path, what: str | bytes) -> None:
    """Write a file so that a reader sees the old one or the new one whole, whatever happens in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(what.encode() if isinstance(what, str) else what)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _own_programs_on_path() -> None:
    """nbgrader calls `alembic` by its bare name when it makes a database."""
    own = str(Path(sys.executable).parent)
    if own not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = own + os.pathsep + os.environ.get("PATH", "")
