"""Writing figures: JSON for scripts into build/bench, tables for people into this folder's README."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
README = Path(__file__).resolve().parent / "README.md"


def write_json(name: str, figures: dict[str, object]) -> Path:
    """Write figures to build/bench/<name>.json, with the machine and the versions that they come from."""
    path = ROOT / "build" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**figures, "measured": measured()}, indent=1) + "\n", encoding="utf-8")
    return path


def measured() -> dict[str, str]:
    """When and where: date, processor count, versions."""
    import os

    names = ("numpy", "tensorflow", "keras", "torch", "jax", "nbgrader")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        **{name: found for name in names if (found := _installed(name))},
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; numbers to the right."""
    right = [
        all(isinstance(row[i], (int, float)) or str(row[i])[:1].isdigit() for row in rows) for i in range(len(head))
    ]
    lines = [" | ".join(map(str, head)), " | ".join("---:" if r else "---" for r in right)]
    lines += [" | ".join(map(str, row)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def put(section: str, text: str) -> None:
    """Replace one section of the README, between its markers."""
    begin, end = f"<!-- begin {section} -->", f"<!-- end {section} -->"
    page = README.read_text(encoding="utf-8")
    if begin not in page or end not in page:
        raise ValueError(f"{README} must hold the lines {begin!r} and {end!r}. Received: a page without them.")
    before, rest = page.split(begin)
    _, after = rest.split(end)
    where = ", ".join(f"{key} {value}" for key, value in measured().items() if key not in ("date", "machine"))
    stamp = f"Measured {measured()['date']} on {measured()['machine']}; {where}."
    README.write_text(f"{before}{begin}\n{text}\n\n{stamp}\n{end}{after}", encoding="utf-8")
