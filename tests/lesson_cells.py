"""A lesson's demo cells, run with the reference in the place of the student's answers, and its prose."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from autograder.build.lesson import Lesson


class Ran:
    """Demo cells run one after the other: the names at the end, and what each printed, by its `# Shows` line.

    Args:
        lesson: whose cells.
        names: what they start from: the reference's functions and what the setup cell imports.
        setup: run the setup cells too.
        without: beginnings of the `# Shows` lines of cells that are left out.
    """

    def __init__(
        self, lesson: Lesson, names: Mapping[str, object], *, setup: bool = False, without: Sequence[str] = ()
    ) -> None:
        self.names, self.printed = dict(names), {}
        with plt.rc_context():
            for cell in lesson.cells:
                if cell.kind == "setup" and setup:
                    exec(compile(cell.text, "<setup>", "exec"), self.names)
                if cell.kind != "demo" or any(beginning in cell.text for beginning in without):
                    continue
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    exec(compile(cell.text, "<demo>", "exec"), self.names)
                title = next(line for line in cell.text.split("\n") if line.startswith("# Shows"))
                self.printed[title] = said.getvalue()

    def text(self, beginning: str) -> str:
        """What the cell that "Shows <beginning>" printed."""
        return next(text for title, text in self.printed.items() if title.startswith(f"# Shows {beginning}"))

    def row(self, beginning: str, name: str) -> list[float]:
        """The numbers of the line that begins with a name, in what the cell that "Shows <beginning>" printed."""
        line = next(line for line in self.text(beginning).split("\n") if line.strip().startswith(name))
        return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", line.split(name, 1)[1].replace(",", ""))]


def prose_of(lesson: Lesson) -> str:
    """The prose as one line."""
    return re.sub(r"[#\s]+", " ", " ".join(cell.text for cell in lesson.cells if cell.kind == "prose"))


def assert_drawn(figure: object, folder: Path) -> None:
    """It is a figure with a title, and can be made into a picture."""
    assert isinstance(figure, Figure)
    assert figure.get_suptitle() or any(figure.axes[0].get_title(loc=side) for side in ("left", "center"))
    figure.savefig(folder / "figure.png")
