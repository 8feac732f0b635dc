"""Which line of the user's own code an operation or an error comes from."""

from __future__ import annotations

import importlib.util
import linecache
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LIBRARIES = ("tensorflow", "jax", "jaxlib", "torch", "keras", "numpy", "tree", "optree", "absl", "wrapt", "ml_dtypes")


@dataclass(frozen=True)
class Place:
    """A line of code. `str` gives it as a part of a sentence."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        code = linecache.getline(self.file, self.line).strip()
        name = Path(self.file).name
        where = f"line {self.line}" if "ipykernel" in self.file or name.startswith("<") else f"{name}, line {self.line}"
        return f"`{code}` ({where}, in {self.function})" if code else f"{where}, in {self.function}"


@cache
def _libraries() -> tuple[str, ...]:
    """The folders of what is not the user's code, this package included."""
    folders = [str(Path(__file__).parent.parent), sysconfig.get_path("stdlib")]
    for name in LIBRARIES:
        found = sys.modules.get(name) or importlib.util.find_spec(name)
        locations = getattr(found, "__path__", None) or getattr(found, "submodule_search_locations", None)
        folders += [str(Path(location)) for location in locations or ()]
    return tuple(folder.rstrip("/") + "/" for folder in folders)


def innermost(frames: Iterable[tuple[str, int, str]]) -> Place | None:
    """The last of (file, line, function), outermost first, that is the user's own."""
    found = None
    for file, line, function in frames:
        if not file.startswith(_libraries()) and "site-packages" not in file and not file.startswith("<frozen"):
            found = Place(file, line, function)
    return found


def original(error: BaseException) -> BaseException:
    """The error itself, or the one that Keras failed to wrap: some of JAX's can't be made from a text alone."""
    while "_error_repr" in str(error) and error.__context__ is not None:
        error = error.__context__
    return error


def of_error(error: BaseException) -> Place | None:
    """Where in the user's code an error was raised."""
    error = original(error)
    frames = traceback.extract_tb(error.__traceback__)
    return innermost((frame.filename, frame.lineno or 0, frame.name) for frame in frames)


def of_stack() -> Place | None:
    """Where in the user's code the caller of this function was called from."""
    frames, frame = [], sys._getframe(2)
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return innermost(_inside_call(list(reversed(frames))))


def inside_call(frames: Iterable[tuple[str, int, str]]) -> Place | None:
    """As `innermost`, of what was called from this package only: not the caller of `check_layer`."""
    return innermost(_inside_call(list(frames)))


def _inside_call(frames: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    own = str(Path(__file__).parent)
    last = max((i for i, frame in enumerate(frames) if frame[0].startswith(own)), default=-1)
    return frames[last + 1 :]


def first_line(error: BaseException, width: int = 200) -> str:
    """An error as one line, without what Keras wraps around it."""
    error = original(error)
    text = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("Exception encountered when calling") and len(lines) > 1:
        lines = lines[1:]
    shown = lines[0] if lines else ""
    shown = shown if len(shown) <= width else shown[: width - 1] + "…"
    shown = shown.rstrip(".")
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__
