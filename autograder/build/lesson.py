"""Reading a lesson's source: py:percent text with short tags, checked line by line.

Tags: `lang:en` or `lang:ja` on prose; `setup` on the imports that everything needs; `demo` on cells that never
run in grading; `exercise:<id>` on an empty cell, where the answer and its check go; `question:<id>` on the
prose of a written question, where the answer goes below it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from autograder import exercise as exercises

SOURCES = Path(__file__).resolve().parent.parent.parent / "lessons" / "source"
LANGUAGES = ("en", "ja")
_PLAIN_TAGS = ("setup", "demo")
_NAMED_TAGS = ("lang", "exercise", "question")
_CELL = re.compile(r"^# %%")
# What is a solution marker, or was meant to be one
_MARKER = re.compile(r"^\s*(#+\s*(BEGIN|END)\w*[ _-]*SOLU|###+\s*(BEGIN|END)|#+.*\bSOLUTION\s*$)", re.IGNORECASE)


class LessonError(ValueError):
    """Something in a lesson's source, or in the reference behind it, is wrong: the text names file and line."""


@dataclass(frozen=True)
class Cell:
    """One cell of the source.

    Attributes:
        kind: "prose", "setup", "demo", "exercise" or "question".
        text: its source.
        line: where it starts, from 1.
        name: the exercise's or question's id, or "".
        language: of prose and questions, or "".
    """

    kind: str
    text: str
    line: int
    name: str = ""
    language: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson, read and checked.

    Attributes:
        name: the file's name without ending, for example "04_elman".
        titles: language -> title.
        automatic_points, written_points: as the front matter states them.
        cells: in order.
    """

    name: str
    titles: dict[str, str]
    automatic_points: float
    written_points: float
    cells: tuple[Cell, ...]

    @property
    def exercises(self) -> list[str]:
        """The ids of its exercises, in order."""
        return [cell.name for cell in self.cells if cell.kind == "exercise"]

    @property
    def languages(self) -> list[str]:
        """The languages that its written question, and so its prose, exists in. Without a question: of its prose."""
        kind = "question" if any(cell.kind == "question" for cell in self.cells) else "prose"
        return [
            language
            for language in LANGUAGES
            if any(cell.kind == kind and cell.language == language for cell in self.cells)
        ]

    @property
    def is_page(self) -> bool:
        """Is it there to be read only, with no exercise and no written question?"""
        return not any(cell.kind in ("exercise", "question") for cell in self.cells)


def names() -> list[str]:
    """The lessons that exist, in order."""
    return sorted(path.stem for path in SOURCES.glob("[0-9][0-9]_*.py"))


def is_page(name: str) -> bool:
    """As `Lesson.is_page`, from the front matter alone: a page has no points."""
    path = SOURCES / f"{name}.py"
    header = _front_matter(path.read_text(encoding="utf-8"), path.name)
    return not (header["automatic_points"] or header["written_points"])


def resolve(name: str) -> str:
    """The full name of a lesson given as "04_elman" or "04".

    Raises:
        LessonError: if there is none, with those that exist.
    """
    known = names()
    found = [
        lesson for lesson in known if name in (lesson, lesson.split("_")[0]) or name.zfill(2) == lesson.split("_")[0]
    ]
    if not found:
        raise LessonError(f"There is no lesson {name!r}. Lessons: {', '.join(known)}.")
    return found[0]


def read(path: Path) -> Lesson:
    """Read and check one lesson.

    Raises:
        LessonError: naming file and line.
    """
    import jupytext  # a quarter of a second, which commands that only name lessons can do without

    text = path.read_text(encoding="utf-8")
    where = path.name
    header, starts = _front_matter(text, where), _cell_lines(text)
    notebook = jupytext.reads(text, fmt="py:percent")
    found = [c for c in notebook.cells if not (c.cell_type == "raw" and c.source.startswith("---"))]
    if len(found) != len(starts):
        raise LessonError(
            f"{where}: every cell must start with a line `# %%`. Received: {len(starts)} such lines and "
            f"{len(found)} cells. Look for text before the first one."
        )
    cells = tuple(_cell(cell, line, where) for cell, line in zip(found, starts, strict=True))
    lesson = Lesson(path.stem, header["title"], header["automatic_points"], header["written_points"], cells)
    _check(lesson, where)
    return lesson


def _front_matter(text: str, where: str) -> dict:
    match = re.match(r"# ---\n((?:#.*\n)*?)# ---\n", text)
    try:
        header = yaml.safe_load(re.sub(r"(?m)^# ?", "", match.group(1))) if match else None
    except yaml.YAMLError as error:
        raise LessonError(f"{where}:1: the front matter is not YAML: {str(error).splitlines()[0]}.") from None
    keys = ("title", "automatic_points", "written_points")
    complete = isinstance(header, dict) and all(key in header for key in keys)
    if not complete or not isinstance(header["title"], dict) or "en" not in header["title"]:
        raise LessonError(f"{where}:1: the front matter must give {', '.join(keys)}, the title by language.")
    for key in keys[1:]:
        if not isinstance(header[key], (int, float)):
            raise LessonError(f"{where}:1: {key} must be a number. Received: {header[key]!r}.")
    return header


def _cell_lines(text: str) -> list[int]:
    return [number for number, line in enumerate(text.split("\n"), 1) if _CELL.match(line)]


def _cell(cell, line: int, where: str) -> Cell:
    tags = cell.metadata.get("tags", [])
    plain, named = [], {}
    for tag in tags:
        kind, colon, value = tag.partition(":")
        if not colon and kind in _PLAIN_TAGS:
            plain.append(kind)
        elif colon and kind in _NAMED_TAGS and value:
            named[kind] = value
        else:
            known = [*_PLAIN_TAGS, *(f"{name}:…" for name in _NAMED_TAGS)]
            near = difflib.get_close_matches(kind, [*_PLAIN_TAGS, *_NAMED_TAGS], n=1)
            guess = f" Did you mean {near[0]!r}?" if near else ""
            raise LessonError(f"{where}:{line}: unknown tag {tag!r}.{guess} Tags: {', '.join(known)}.")
    language = named.pop("lang", "")
    if cell.cell_type == "markdown":
        if plain or "exercise" in named or language not in LANGUAGES:
            raise LessonError(
                f"{where}:{line}: prose needs a language tag, lang:en or lang:ja, and may be a question. "
                f"Received: {tags}."
            )
        kind, name = ("question", named["question"]) if named else ("prose", "")
    else:
        if language or len(plain) + len(named) != 1 or "question" in named:
            raise LessonError(
                f"{where}:{line}: a code cell has one tag: setup, demo or exercise:<id>. Received: {tags}."
            )
        kind, name = (plain[0], "") if plain else ("exercise", named["exercise"])
    for offset, source_line in enumerate(cell.source.split("\n"), 1):
        if _MARKER.match(source_line):
            raise LessonError(
                f"{where}:{line + offset}: a solution marker. Answers stand in solutions/, not in lessons."
            )
    if kind == "exercise" and cell.source.strip():
        raise LessonError(
            f"{where}:{line}: an exercise cell is empty: its answer stands in solutions/. Remove its text."
        )
    return Cell(kind, cell.source, line, name, language)


def _check(lesson: Lesson, where: str) -> None:
    seen: dict[tuple[str, str], int] = {}
    total = 0.0
    for cell in lesson.cells:
        if not cell.name:
            continue
        key = (cell.name, cell.language)
        if key in seen:
            raise LessonError(f"{where}:{cell.line}: {cell.name} stands twice, first in line {seen[key]}.")
        seen[key] = cell.line
        if cell.kind == "exercise":
            try:
                total += exercises.find(cell.name).points
            except KeyError as error:
                raise LessonError(f"{where}:{cell.line}: {error.args[0]}") from None
    if total != lesson.automatic_points:
        raise LessonError(
            f"{where}:1: automatic_points is {lesson.automatic_points:g}, and the exercises add up to {total:g}. "
            "Change the one or the other (points stand in autograder/exercises/)."
        )
    if lesson.written_points and not any(cell.kind == "question" for cell in lesson.cells):
        raise LessonError(f"{where}:1: written_points is {lesson.written_points:g}, and no cell is a question.")


def check_markers(text: str, where: str) -> None:
    """Refuse solution markers that do not pair up, or are misspelt.

    Raises:
        LessonError: naming file and line.
    """
    opened = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not _MARKER.match(line):
            continue
        stripped = line.strip()
        if stripped not in ("### BEGIN SOLUTION", "### END SOLUTION"):
            raise LessonError(
                f"{where}:{number}: a marker reads `### BEGIN SOLUTION` or `### END SOLUTION`. Received: {stripped!r}."
            )
        if stripped == "### BEGIN SOLUTION":
            if opened:
                raise LessonError(f"{where}:{number}: BEGIN SOLUTION inside the one of line {opened}.")
            opened = number
        elif not opened:
            raise LessonError(f"{where}:{number}: END SOLUTION without a BEGIN SOLUTION before it.")
        else:
            opened = 0
    if opened:
        raise LessonError(f"{where}:{opened}: BEGIN SOLUTION without an END SOLUTION after it.")
