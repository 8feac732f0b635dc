"""The lessons as their readers meet them: in a real kernel, solved and unsolved."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder import exercise as exercises
from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, names, read
from autograder.build.notebook import instructor, student
from autograder.key import SUFFIX
from autograder.reference import ROOT

TWO_MINUTES = 120
IN_SHORT = ("00_gradient_checking", "04_elman")  # run whole in the short run too


@pytest.fixture(scope="module", params=names())
def lesson(request, tmp_path_factory):
    """A lesson and a folder with its answer key."""
    found = read(SOURCES / f"{request.param}.py")
    folder = tmp_path_factory.mktemp(request.param)
    write_key(found, folder / f"{request.param}{SUFFIX}")
    return found, folder


def run(notebook, folder: Path):
    client = NotebookClient(
        notebook, timeout=TWO_MINUTES, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def errors(notebook) -> dict[str, str]:
    return {
        cell["id"]: output.evalue
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    }


def points_shown(notebook) -> dict[str, tuple[list[str], str]]:
    """Exercise -> (the values of its check cell, those that it must have)."""
    return {
        cell.metadata.unrolled.exercise: (
            [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"],
            [repr(float(cell.metadata.nbgrader.points))],
        )
        for cell in notebook.cells
        if "exercise" in cell.metadata.get("unrolled", {})
    }


def assert_solved(notebook) -> None:
    """No errors, full points at every check, and nothing on standard error there, which stock nbgrader would count as wrong."""
    assert errors(notebook) == {}
    for exercise, (shown, wanted) in points_shown(notebook).items():
        assert shown == wanted, exercise
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("unrolled", {}):
            assert not [o for o in cell.outputs if o.get("name") == "stderr"]


def test_the_solved_notebook_without_its_demos_gets_full_points(lesson):
    if lesson[0].is_page:
        pytest.skip("a page has no exercises")
    notebook = instructor(lesson[0])
    notebook.cells = [cell for cell in notebook.cells if "demo" not in cell.metadata.get("tags", ())]
    assert_solved(run(notebook, lesson[1]))


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in IN_SHORT else pytest.mark.full) for n in names()])
def test_the_whole_solved_notebook_runs_and_shows_at_least_three_figures(name, tmp_path):
    found = read(SOURCES / f"{name}.py")
    write_key(found, tmp_path / f"{name}{SUFFIX}")
    notebook = run(instructor(found), tmp_path)
    assert_solved(notebook)
    pictures = [
        o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if "image/png" in o.get("data", {})
    ]
    assert len(pictures) >= 3


def test_the_students_notebook_runs_up_to_its_first_exercise(lesson):
    if lesson[0].is_page:
        pytest.skip("a page has no exercises")
    notebook = student(instructor(lesson[0]))
    first = next(i for i, cell in enumerate(notebook.cells) if "exercise" in cell.metadata.get("unrolled", {}))
    notebook.cells = notebook.cells[: first + 1]
    executed = run(notebook, lesson[1])
    assert errors(executed) == {}
    shown = "".join(o.data.get("text/plain", "") for o in executed.cells[-1].outputs)
    assert "not answered yet" in shown and shown.endswith("0.0")


def test_every_claim_of_a_published_number_in_lesson_04_is_recomputed():
    """The figures that the syllabus names for the lesson are printed by its demo cells, not typed into its prose."""
    demos = "\n".join(c.text for c in read(SOURCES / "04_elman.py").cells if c.kind == "demo")
    assert "0.58172089" in demos and "0.42070749" in demos  # CS231n's step and sequence
    assert re.search(r"600|passes", demos) and "temporal_xor" in demos and "elman_grammar" in demos


LESSON_13 = """# ---
# title:
#   en: "Thirteen"
# automatic_points: 2
# written_points: 0
# ---

# %% [markdown] tags=["lang:en"]
# # Thirteen

# %% tags=["setup"]
import numpy as np
from autograder import check

# %% tags=["exercise:thirteen.double"]

# %% [markdown] tags=["lang:en", "question:thirteen.think"]
# Why twice?
"""

SOLUTION_13 = '''import numpy as np


def double(x):
    """Return x twice over. Shape (batch, features)."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
'''

EXERCISE_13 = """from autograder.exercise import Case, distinct_sizes, forward


def draw(rng):
    sizes = distinct_sizes(rng, "batch", "features")
    return Case({"x": rng.standard_normal(tuple(sizes.values()))}, sizes)


EXERCISES = [forward("thirteen.double", 2, draw, ("y",))]
"""

MISTAKES_13 = """from solutions.mistakes import Mistake

MISTAKES = [Mistake("thirteen.double", "thrice", "2 * x", "3 * x", "That is more than twice.")]
"""


def test_a_thirteenth_lesson_needs_its_four_rooms_and_nothing_else(tmp_path):
    for folder in ("autograder", "solutions", "lessons/source", "lessons/unrolled"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "lessons/source/13_thirteen.py").write_text(LESSON_13, encoding="utf-8")
    (tmp_path / "solutions/thirteen.py").write_text(SOLUTION_13, encoding="utf-8")
    (tmp_path / "solutions/mistakes/thirteen.py").write_text(MISTAKES_13, encoding="utf-8")
    (tmp_path / "solutions/rubrics/thirteen.md").write_text("# thirteen.think\n\n## en\n\nBecause.\n", encoding="utf-8")
    (tmp_path / "autograder/exercises/thirteen.py").write_text(EXERCISE_13, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from autograder.cli import main; main(['verify', '13'])"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13_thirteen: sound (1 exercises, 1 mistakes" in done.stdout


def test_every_exercise_of_a_lesson_is_known_and_no_exercise_is_in_two_lessons():
    found = [id for name in names() for id in read(SOURCES / f"{name}.py").exercises]
    assert len(found) == len(set(found))
    assert set(found) <= {exercise.id for exercise in exercises.every()}
    for name in found:  # and a lesson has all exercises of its modules
        module = name.split(".")[0]
        assert set(exercises.of_module(module)) <= set(found)


def test_committed_notebooks_hold_no_outputs():
    for path in (ROOT / "lessons").glob("*/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert not [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
