"""`autograder doctor`: can this machine grade?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from autograder import reference
from autograder.sandbox import bubblewrap

MEMORY_GB, DISK_GB = 3, 1


def examine(folder: Path) -> Iterator[tuple[bool, str, str]]:
    """Yield (ok, what was looked at, what to do if it is not)."""
    own = ".".join(map(str, sys.version_info[:3]))
    yield (3, 11) <= sys.version_info[:2] <= (3, 13), f"Python {own}", "Use Python 3.11, 3.12 or 3.13."
    off = []
    for text in requires("unrolled") or []:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            found = None
        if found is None or found not in wanted.specifier:
            off.append(f"{wanted.name}{wanted.specifier} (found {found or 'none'})")
    yield not off, f"packages{': ' + ', '.join(off) if off else ''}", "pip install -r requirements.txt"
    try:
        reference.folder()
        yield True, "reference answers", ""
    except reference.NoSolutions as error:
        yield False, "reference answers", str(error)
    try:
        bubblewrap.require()
        yield True, "bubblewrap and user namespaces", ""
    except bubblewrap.NoSandbox as error:
        yield False, "bubblewrap and user namespaces", str(error)
    memory = psutil.virtual_memory().available / 2**30
    yield (
        memory >= MEMORY_GB,
        f"{memory:.1f} GB of memory free",
        f"Grading needs about {MEMORY_GB} GB: use fewer --workers.",
    )
    free = shutil.disk_usage(folder if folder.exists() else ".").free / 2**30
    yield free >= DISK_GB, f"{free:.1f} GB of disk free", f"Make {DISK_GB} GB free."
