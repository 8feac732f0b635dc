"""Reading a submission as data, and rebuilding the notebook from the assignment's own source.

Only the text of answer cells, and of cells that the student added, comes from the submission. Everything
else, tags and metadata included, comes from the source, so nothing written into the file changes what is tested.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat.notebooknode import NotebookNode

MAX_CELLS = 2_000


class BadSubmission(ValueError):
    """The file cannot be graded; the text says why, in one line."""


@dataclass
class Intake:
    """A submission, made safe to run.

    Attributes:
        notebook: rebuilt.
        notes: what had to be put right, for the instructor and the student.
        student_cells: indices, in the rebuilt notebook, of cells whose text is the student's.
    """

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)
    student_cells: list[int] = field(default_factory=list)


def read(data: bytes, limit: int) -> list[Mapping[str, object]]:
    """The cells of a submitted file, each {"kind", "source", "grade_id", "id"}, checked.

    Raises:
        BadSubmission: for anything that is not a notebook of a reasonable size.
    """
    if len(data) > limit:
        raise BadSubmission(
            f"The file has {len(data)} bytes; at most {limit} are read. Clear the outputs and hand it in again."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSubmission(f"The file is not UTF-8 text (byte {error.start}), so it is not a notebook.") from None
    try:
        plain = json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise BadSubmission(f"The file is not a notebook, or was cut off: {str(error)[:120]}.") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("nbformat"), int):
        raise BadSubmission("The file is JSON and not a notebook: it has no `nbformat`.")
    if plain["nbformat"] != 4:
        plain = _upgrade(plain)
    cells = plain.get("cells")
    if not isinstance(cells, list) or len(cells) > MAX_CELLS:
        raise BadSubmission(f"A notebook has a list of at most {MAX_CELLS} cells. Received: {_short(cells)}.")
    return [_cell(cell, number) for number, cell in enumerate(cells)]


def _integer(text: str) -> int:
    return int(text) if len(text) < 20 else 0


def _upgrade(plain: dict) -> dict:
    """An older notebook, brought to version 4 by nbformat."""
    version = plain["nbformat"]
    if version not in (1, 2, 3):
        raise BadSubmission(f"The notebook's format is {version}; 4 is read, and 1 to 3 are converted.")
    try:
        return nbformat.convert(nbformat.reader.reads(json.dumps(plain)), 4)
    except Exception as error:  # nbformat's converters raise whatever an old file makes them stumble over
        raise BadSubmission(
            f"The notebook has the old format {version} and could not be converted: {_short(error)}."
        ) from None


def _cell(cell: object, number: int) -> dict[str, object]:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        raise BadSubmission(f"Cell {number} is not a code, markdown or raw cell.")
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise BadSubmission(f"The source of cell {number} is not text.")
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return {
        "kind": cell["cell_type"],
        "source": source.encode("utf-8", "replace").decode("utf-8"),
        "grade_id": grade_id if isinstance(grade_id, str) else None,
        "id": cell["id"] if isinstance(cell.get("id"), str) else None,
    }


def _short(thing: object) -> str:
    return f"{type(thing).__name__} {thing!s}"[:120]


def rebuild(data: bytes, source: NotebookNode, limit: int) -> Intake:
    """The notebook to run: the source's cells in the source's order, with the student's answers in them.

    Args:
        data: the submitted file.
        source: the released notebook, whose checksums and metadata hold.
        limit: bytes that are read.

    Raises:
        BadSubmission: when the file cannot be read.
    """
    submitted = read(data, limit)
    skeleton = {cell["id"]: cell for cell in source.cells}
    by_grade_id = {c.metadata.nbgrader.grade_id: c["id"] for c in source.cells if "nbgrader" in c.metadata}
    notes: list[str] = []
    answers: dict[str, str] = {}
    extras: dict[str | None, list[dict]] = {}
    seen: set[str] = set()
    place: str | None = None
    for cell in submitted:
        target = by_grade_id.get(cell["grade_id"]) or (cell["id"] if cell["id"] in skeleton else None)
        if target in seen:
            notes.append(f"The cell {target} is there more than once: the first one counts.")
            target = None
        if target is None:
            if cell["kind"] == "code" and cell["source"].strip() and not _repeats(cell, source):
                extras.setdefault(place, []).append(cell)
            continue
        seen.add(target)
        place = target
        expected = skeleton[target]
        if cell["kind"] != expected.cell_type:
            notes.append(
                f"The cell {target} was changed from {expected.cell_type} to {cell['kind']}: it was changed back."
            )
        if _is_answer(expected):
            answers[target] = cell["source"]
        elif _is_locked(expected) and cell["source"] != expected.source:
            notes.append(f"The locked cell {target} was changed: its own text was put back.")
    for cell in source.cells:
        if "nbgrader" in cell.metadata and cell["id"] not in seen:
            notes.append(f"The cell {cell['id']} was missing: it was put back.")
    return _assemble(source, answers, extras, notes)


def _repeats(cell: Mapping[str, object], source: NotebookNode) -> bool:
    """Is this a second copy of a locked cell? It would run a check, and tests nothing."""
    return any(_is_locked(c) and c.source == cell["source"] for c in source.cells if c.cell_type == "code")


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _is_locked(cell: NotebookNode) -> bool:
    return "nbgrader" in cell.metadata and not _is_answer(cell)


def _assemble(source: NotebookNode, answers: Mapping, extras: Mapping, notes: list[str]) -> Intake:
    copy = nbformat.from_dict(source)
    copy.cells = []
    mine: list[int] = []

    def add_extras(after: str | None) -> None:
        for cell in extras.get(after, ()):
            mine.append(len(copy.cells))
            id = f"student-{len(mine)}"
            copy.cells.append(nbformat.v4.new_code_cell(cell["source"], id=id))

    add_extras(None)
    for cell in source.cells:
        kept = nbformat.from_dict(cell)
        if cell["id"] in answers:
            kept.source = answers[cell["id"]]
            mine.append(len(copy.cells))
        copy.cells.append(kept)
        add_extras(cell["id"])
    return Intake(copy, notes, mine)
