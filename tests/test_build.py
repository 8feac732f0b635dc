"""Lessons become notebooks: byte-identical, without answers, valid for nbgrader; and refusals that say where."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from autograder import exercise as exercises
from autograder import key, reference
from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, LessonError, check_markers, read
from autograder.build.notebook import build_all, instructor, rubric, student

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
SOURCE = SOURCES / "04_elman.py"


@cache
def lesson():
    return read(SOURCE)


@cache
def students():
    return student(instructor(lesson()))


# Byte-identical


def test_a_rebuild_gives_the_committed_notebooks_to_the_byte(tmp_path):
    first, second = build_all(tmp_path / "a"), build_all(tmp_path / "b")
    assert [p.relative_to(tmp_path / "a") for p in first] == [p.relative_to(tmp_path / "b") for p in second]
    assert first
    for one, two in zip(first, second, strict=True):
        committed = LESSONS / one.relative_to(tmp_path / "a")
        assert one.read_bytes() == two.read_bytes()
        assert one.read_bytes() == committed.read_bytes(), f"{committed} is not what its source builds: make notebooks"


def test_every_committed_notebook_has_a_source():
    for language in ("en", "ja"):
        for notebook in (LESSONS / language).glob("*.ipynb"):
            assert (SOURCES / f"{notebook.stem}.py").exists()


def test_two_builds_of_a_key_give_the_same_verdicts(tmp_path):
    """Sums may differ in their last bits from machine to machine; verdicts may not."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_key(lesson(), tmp_path / name / f"04_elman{key.SUFFIX}")
    for id in lesson().exercises:
        (points, old), (new_points, new) = key.find(id, tmp_path / "one"), key.find(id, tmp_path / "two")
        assert points == new_points == exercises.find(id).points
        assert [m.id for m in old.mistakes] == [m.id for m in new.mistakes]
        assert [m.sentence for m in old.mistakes] == [m.sentence for m in new.mistakes]
        for one, two in zip(old.right, new.right, strict=True):
            assert one.marks.keys() == two.marks.keys()
            for name, mark in one.marks.items():
                if isinstance(mark.shape, tuple):
                    assert (mark.shape, mark.seed) == (two.marks[name].shape, two.marks[name].seed)
                    assert mark.projections == pytest.approx(two.marks[name].projections, abs=1e-9 * (1 + mark.scale))
                else:
                    assert mark == two.marks[name]


def test_notebooks_have_no_outputs():
    for notebook in LESSONS.glob("e[n]/*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


# What a student may not see


def solution_lines():
    inside = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", reference.source("elman"), re.S)
    for line in "\n".join(inside).split("\n"):
        line = line.split("  #")[0].strip()
        if len(line) > 14:  # `h = h0` or `)` stand anywhere
            yield line


def exercise_cells(notebook):
    return [cell for cell in notebook.cells if cell["id"].endswith("-answer")]


def test_no_line_of_a_solution_stands_in_a_students_notebook():
    lines = set(solution_lines())
    assert len(lines) > 25
    code = {
        line.split("  #")[0].strip()
        for cell in students().cells
        if cell.cell_type == "code"
        for line in cell.source.split("\n")
    }
    prose = "\n".join(cell.source for cell in students().cells if cell.cell_type == "markdown")
    # A demo may compute something else in the same words; none of those may be what an exercise asks for.
    demos = {
        line.split("  #")[0].strip()
        for cell in students().cells
        if "demo" in cell.metadata.get("tags", [])
        for line in cell.source.split("\n")
    }
    stubs = "\n".join(cell.source for cell in exercise_cells(students()))
    assert [line for line in lines if line in stubs] == []
    assert [line for line in lines if line in prose] == []
    assert [line for line in lines & code if line not in demos] == []
    assert sorted(lines & demos) == []


def test_every_exercise_is_an_open_stub_with_its_docstring():
    cells = exercise_cells(students())
    assert [cell["id"] for cell in cells] == [id.replace(".", "-") + "-answer" for id in lesson().exercises]
    for cell, id in zip(cells, lesson().exercises, strict=True):
        assert "raise NotImplementedError()" in cell.source
        assert '"""' in cell.source
        assert re.search(rf"^(def|class) {id.split('.')[1]}\b", cell.source, re.M)
        compile(cell.source, id, "exec")


def test_no_rubric_and_no_marker_stands_in_a_students_notebook():
    text = "\n".join(cell.source for cell in students().cells)
    assert not re.search(r"(BEGIN|END)\W*SOLUTION|### ", re.sub(r"(?m)^### .*$", "", text))  # headings start so too
    assert not re.search(r"(?mi)^\s*#+\s*(BEGIN|END)", text)
    for line in rubric("elman.think", "en").split("\n"):
        for phrase in line.split(". "):
            if len(phrase) > 30:
                assert phrase.strip() not in text
    assert [c.source for c in students().cells if c["id"] == "elman-think"] == ["YOUR ANSWER HERE"]


def test_the_instructors_notebook_has_the_answers_and_the_rubric():
    notebook = instructor(lesson())
    text = "\n".join(cell.source for cell in notebook.cells)
    assert [line for line in solution_lines() if line not in text] == []
    assert rubric("elman.think", "en") in text


# nbgrader


def test_the_grade_cells_are_what_nbgrader_asks_for():
    from nbgrader.nbgraderformat import MetadataValidator

    notebook = students()
    MetadataValidator().validate_nb(notebook)
    found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata.nbgrader.grade_id for cell in found]
    assert len(ids) == len(set(ids))
    assert ids == [cell["id"] for cell in found]
    assert all(re.fullmatch(r"[A-Za-z][\w-]*", id) for id in ids)  # formgrader makes CSS selectors of them
    by_kind = {"code": 0, "markdown": 0}
    for cell in found:
        if cell.metadata.nbgrader.grade:
            by_kind[cell.cell_type] += cell.metadata.nbgrader.points
    assert by_kind == {"code": 40, "markdown": 10}


def test_every_exercise_has_a_locked_check_cell_with_its_points_right_after_the_answer():
    cells = students().cells
    for id in lesson().exercises:
        grade_id = id.replace(".", "-")
        place = next(i for i, cell in enumerate(cells) if cell["id"] == grade_id)
        assert cells[place - 1]["id"] == f"{grade_id}-answer"
        data = cells[place].metadata.nbgrader
        assert (data.grade, data.locked, data.solution) == (True, True, False)
        assert data.points == exercises.find(id).points
        assert cells[place].source == f'check("{id}")'
        answer = cells[place - 1].metadata.nbgrader
        assert (answer.grade, answer.locked, answer.solution) == (False, False, True)


def test_cell_ids_are_all_different_and_valid():
    nbformat.validate(students())
    ids = [cell["id"] for cell in students().cells]
    assert len(ids) == len(set(ids))


def test_a_course_may_change_points():
    notebook = student(instructor(lesson(), "en", {"elman.step_forward": 11, "elman.think": 0}))
    points = {
        c["id"]: c.metadata.nbgrader.points for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")
    }
    assert (points["elman-step_forward"], points["elman-think"], points["elman-step_backward"]) == (11, 0, 7)


# Refusals: each names file and line

GOOD = """\
# ---
# title:
#   en: "A test"
# automatic_points: 3
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # A test

# %% tags=["setup"]
import numpy as np

# %% tags=["exercise:elman.step_forward"]

# %% tags=["demo"]
print(1)

# %% [markdown] tags=["lang:en", "question:elman.think"]
# Why?
"""


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


def refused(tmp_path, text):
    path = tmp_path / "99_test.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LessonError) as caught:
        read(path)
    assert str(caught.value).startswith("99_test.py:")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_good_lesson_that_the_bad_ones_are_made_from_is_accepted(tmp_path):
    path = tmp_path / "99_test.py"
    path.write_text(GOOD, encoding="utf-8")
    found = read(path)
    assert [cell.kind for cell in found.cells] == ["prose", "setup", "exercise", "demo", "question"]
    assert (found.exercises, found.languages) == (["elman.step_forward"], ["en"])
    assert [cell.line for cell in found.cells] == [GOOD[: m.start()].count("\n") + 1 for m in re.finditer("# %%", GOOD)]


def with_demo(text):
    return GOOD.replace("print(1)\n", f"{text}\n")


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        (GOOD.replace('["demo"]', '["deno"]'), 'tags=["deno"]', ["'deno'", "'demo'"]),
        (GOOD.replace("exercise:elman", "exercize:elman"), "exercize", ["exercize", "'exercise'"]),
        (GOOD.replace("lang:en", "long:en", 1), "long:en", ["long:en", "'lang'"]),
        (GOOD.replace("elman.step_forward", "elman.step_forwards"), "step_forwards", ["'elman.step_forward'"]),
        (GOOD.replace("elman.step_forward", "perceptron.step"), "perceptron", ["perceptron.step"]),
        (GOOD.replace('step_forward"]\n', 'step_forward"]\nh = 0\n'), "exercise:", ["cell is empty", "solutions/"]),
        (GOOD.replace('# %% [markdown] tags=["lang:en"]\n', "# %% [markdown]\n"), "# %% [markdown]", ["language"]),
        (GOOD.replace("lang:en", "lang:fr", 1), "lang:fr", ["lang:en", "lang:ja", "lang:fr"]),
        (GOOD.replace(' tags=["setup"]', ""), "# %%\nimport", ["one tag"]),
        (GOOD.replace('["demo"]', '["demo", "setup"]'), '["demo", "setup"]', ["one tag"]),
        (GOOD.replace('["demo"]', '["demo", "lang:en"]'), '["demo", "lang:en"]', ["one tag"]),
        (with_demo('# %% tags=["exercise:elman.step_forward"]'), None, ["elman.step_forward", "twice", "line 14"]),
        (GOOD + '\n# %% [markdown] tags=["lang:en", "question:elman.think"]\n# Why\n', None, ["elman.think", "twice"]),
        (with_demo("### BEGIN SOLUTION\nprint(1)\n### END SOLUTION"), "### BEGIN", ["solution marker", "solutions/"]),
        (GOOD.replace("automatic_points: 3", "automatic_points: 4"), "# ---", ["automatic_points is 4", "add up to 3"]),
        (GOOD.replace(', "question:elman.think"', ""), "# ---", ["written_points is 10", "question"]),
        (GOOD[GOOD.index("# %%") :], "# %%", ["front matter", "title"]),
        (GOOD.replace('# title:\n#   en: "A test"\n', ""), "# ---", ["front matter", "title"]),
        (GOOD.replace("#   en:", "#   ja:"), "# ---", ["front matter", "title"]),
        (GOOD.replace("# automatic_points: 3\n", ""), "# ---", ["front matter", "automatic_points"]),
        (GOOD.replace("# automatic_points: 3", "# automatic_points: ["), "# ---", ["front matter", "YAML"]),
    ],
    ids=[
        "misspelt demo", "misspelt exercise", "misspelt lang", "misspelt id", "unknown module", "exercise with text",
        "prose without language", "unknown language", "code without tag", "two tags", "code with a language",
        "exercise twice", "question twice", "solution in the lesson", "points do not add up", "no question",
        "no front matter", "no title", "no English title", "no points", "broken front matter",
    ],
)  # fmt: skip
def test_a_wrong_lesson_is_refused_with_file_line_and_reason(tmp_path, text, at, words):
    message = refused(tmp_path, text)
    assert [word for word in words if word not in message] == []
    line = int(re.match(r"99_test\.py:(\d+): ", message).group(1))
    last = text.rindex(words[0]) if at is None else text.index(at)
    assert line == text[:last].count("\n") + 1


def test_text_before_the_first_cell_is_refused(tmp_path):
    message = refused(tmp_path, GOOD.replace("# ---\n\n# %%", "# ---\n\nx = 1\n\n# %%", 1))
    assert "`# %%`" in message


def test_front_matter_with_a_title_that_is_text_is_refused(tmp_path):
    """`title: Elman` reads as text, in which "en" could be found."""
    message = refused(tmp_path, GOOD.replace('# title:\n#   en: "A test"', "# title: Then"))
    assert "title" in message


def test_points_that_are_text_are_refused(tmp_path):
    message = refused(tmp_path, GOOD.replace("automatic_points: 3", "automatic_points: three"))
    assert "automatic_points" in message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a\n### BEGIN SOLUTION\nb\n", 2, ["without an END"]),
        ("a\n### END SOLUTION\n", 2, ["without a BEGIN"]),
        ("### BEGIN SOLUTION\nb\n### END SOLUTION\n### END SOLUTION\n", 4, ["without a BEGIN"]),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n", 2, ["inside", "line 1"]),
        ("### BEGIN SOLUTION\n### END SOLUTION\n### BEGIN SOLUTION\n", 3, ["without an END"]),
        ("### BEGIN SOLUTIONS\n### END SOLUTION\n", 1, ["### BEGIN SOLUTION", "'### BEGIN SOLUTIONS'"]),
        ("### BEGIN SOLUTION\nb\n### END SOLUTON\n", 3, ["### END SOLUTION", "SOLUTON"]),
        ("    ### begin solution\n    ### END SOLUTION\n", 1, ["begin solution"]),
        ("### BEGIN SOLUTION\n  ## END SOLUTION\n", 2, ["'## END SOLUTION'"]),
        ("###BEGIN SOLUTION\n### END SOLUTION\n", 1, ["'###BEGIN SOLUTION'"]),
        ("### BEGINN SOLUTION\n### END SOLUTION\n", 1, ["BEGINN"]),
        ("### BEGIN_SOLUTION\nb\n### END_SOLUTION\n", 1, ["BEGIN_SOLUTION"]),
        ("### BEGIN SOLUTION\nb\n### ENDE SOLUTION\n### END SOLUTION\n", 3, ["ENDE"]),
    ],
)
def test_markers_that_do_not_pair_up_or_are_misspelt_are_refused(text, line, words):
    with pytest.raises(LessonError) as caught:
        check_markers(text, "solutions/elman.py")
    assert str(caught.value).startswith(f"solutions/elman.py:{line}: ")
    assert [word for word in words if word not in str(caught.value)] == []


def test_right_markers_and_ordinary_comments_are_accepted():
    check_markers("a\n    ### BEGIN SOLUTION\n    b\n    ### END SOLUTION\n# the beginning\n# The END\n", "f.py")
    check_markers(reference.source("elman"), "solutions/elman.py")


def test_a_language_that_a_lesson_does_not_have_is_refused(tmp_path):
    path = tmp_path / "99_test.py"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(LessonError, match=r"99_test.*'ja'.*Languages: en"):
        instructor(read(path), "ja")


def test_a_missing_rubric_is_refused(tmp_path):
    path = tmp_path / "99_test.py"
    path.write_text(GOOD.replace("elman.think", "elman.thinks"), encoding="utf-8")
    with pytest.raises(LessonError, match=r"solutions/rubrics/elman\.md.*# elman\.thinks.*## en"):
        instructor(read(path))
    with pytest.raises(LessonError, match=r"solutions/rubrics/nothing\.md"):
        rubric("nothing.at_all", "en")


def test_an_exercise_without_a_reference_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "99_test.py"
    path.write_text(GOOD, encoding="utf-8")
    text = reference.source("elman")
    monkeypatch.setattr(reference, "source", lambda module: text.replace("def step_forward(", "def another("))
    with pytest.raises(LessonError, match=r"99_test\.py:14: .*step_forward"):
        instructor(read(path))


def test_an_answer_without_markers_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "99_test.py"
    path.write_text(GOOD, encoding="utf-8")
    text = re.sub(r"[ ]+### (BEGIN|END) SOLUTION\n", "", reference.source("elman"))
    monkeypatch.setattr(reference, "source", lambda module: text)
    with pytest.raises(LessonError, match=r"solutions/elman\.py.*step_forward.*give the answer away"):
        instructor(read(path))
