"""A submission is read as data, and the notebook that runs is rebuilt from the assignment's own source."""

import copy
import json
import random
from functools import cache
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.intake import MAX_CELLS, BadSubmission, Intake, read, rebuild
from tests.classroom import answered, doubled_cell, tagged_cell, with_cell, without_cell

LIMIT = 10 * 2**20
LESSON = Path(__file__).resolve().parent.parent / "lessons" / "en" / "04_elman.ipynb"
ANSWER, CHECK = "elman-step_backward-answer", "elman-step_backward"


@cache
def released():
    return nbformat.read(LESSON, as_version=4)


def dump(notebook):
    """The file as it stands: nbformat's own writer would give a doubled cell a new id."""
    return json.dumps(notebook).encode()


def rebuilt(notebook) -> Intake:
    return rebuild(notebook if isinstance(notebook, bytes) else dump(notebook), copy.deepcopy(released()), LIMIT)


def cell_of(notebook, id):
    return next(cell for cell in notebook.cells if cell["id"] == id)


def changed(id, **fields):
    notebook = copy.deepcopy(released())
    cell_of(notebook, id).update(fields)
    return notebook


def test_an_untouched_notebook_comes_back_as_it_was_released():
    found = rebuilt(released())
    assert found.notebook == released()
    assert found.notes == []


def test_answers_are_kept_and_nothing_else_changes():
    given = answered(released())
    found = rebuilt(given)
    assert found.notebook == given
    assert found.notes == []
    texts = {found.notebook.cells[place].source for place in found.student_cells}
    assert {cell.source for cell in given.cells if cell["id"].endswith("-answer")} <= texts


@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception", "demo", "remove-cell", "parameters"])
@pytest.mark.parametrize("id", [CHECK, ANSWER, "setup-1"])
def test_tags_that_a_student_sets_are_gone(id, tag):
    found = rebuilt(tagged_cell(released(), id, tag))
    assert cell_of(found.notebook, id) == cell_of(released(), id)


def test_the_course_s_own_tags_stay():
    notebook = copy.deepcopy(released())
    cell_of(notebook, "demo-1").metadata.clear()
    assert cell_of(rebuilt(notebook).notebook, "demo-1").metadata == {"tags": ["demo"]}


def test_a_changed_check_cell_is_restored_and_noted():
    found = rebuilt(changed(CHECK, source="40.0"))
    assert cell_of(found.notebook, CHECK).source == 'check("elman.step_backward")'
    assert any(CHECK in note and "locked" in note for note in found.notes)
    assert not any(cell.source == "40.0" for cell in found.notebook.cells)


def test_a_changed_setup_cell_is_restored():
    found = rebuilt(changed("setup-1", source="check = lambda *a: 40.0"))
    assert cell_of(found.notebook, "setup-1") == cell_of(released(), "setup-1")


@pytest.mark.parametrize("id", [CHECK, ANSWER, "setup-1", "elman-think"])
def test_a_deleted_cell_is_put_back_and_noted(id):
    found = rebuilt(without_cell(released(), id))
    assert found.notebook == released()
    assert any(id in note and "missing" in note for note in found.notes)


def test_of_two_copies_the_first_counts_and_no_check_runs_twice():
    notebook = doubled_cell(released(), CHECK)
    found = rebuilt(notebook)
    assert found.notebook == released()
    assert any(CHECK in note and "more than once" in note for note in found.notes)


def test_of_two_answers_the_first_counts():
    notebook = doubled_cell(changed(ANSWER, source="first = 1"), ANSWER)
    places = [place for place, cell in enumerate(notebook.cells) if cell["id"] == ANSWER]
    notebook.cells[places[1]].source = "second = 2"
    found = rebuilt(notebook)
    assert cell_of(found.notebook, ANSWER).source == "first = 1"
    assert any(ANSWER in note for note in found.notes)


def test_a_check_cell_turned_into_text_is_turned_back():
    notebook = copy.deepcopy(released())
    place = next(i for i, cell in enumerate(notebook.cells) if cell["id"] == CHECK)
    old = notebook.cells[place]
    notebook.cells[place] = nbformat.v4.new_markdown_cell(old.source, id=CHECK, metadata=old.metadata)
    found = rebuilt(notebook)
    assert found.notebook == released()
    assert any(CHECK in note and "markdown" in note for note in found.notes)


def test_cells_in_another_order_are_put_in_order():
    notebook = copy.deepcopy(released())
    notebook.cells.reverse()
    assert rebuilt(notebook).notebook == released()


def test_metadata_that_a_student_changes_counts_for_nothing():
    notebook = copy.deepcopy(released())
    notebook.metadata = {"kernelspec": {"name": "bash", "display_name": "x"}, "unrolled": {"lesson": "other"}}
    check = cell_of(notebook, CHECK)
    check.metadata.nbgrader.points = 1_000
    check.metadata.nbgrader.locked = False
    check.metadata["unrolled"] = {"exercise": "elman.step_forward"}
    cell_of(notebook, ANSWER).metadata.nbgrader.grade = True
    assert rebuilt(notebook).notebook == released()


def test_two_cells_that_change_ids_change_nothing():
    notebook = copy.deepcopy(released())
    one, two = cell_of(notebook, "elman-step_forward"), cell_of(notebook, CHECK)
    one["id"], two["id"] = two["id"], one["id"]
    assert rebuilt(notebook).notebook == released()


def test_extra_cells_stay_where_they_were():
    notebook = with_cell(released(), 3, "mine = 1")
    before, after = notebook.cells[2]["id"], notebook.cells[4]["id"]
    found = rebuilt(notebook)
    place = next(i for i, cell in enumerate(found.notebook.cells) if cell.source == "mine = 1")
    assert (found.notebook.cells[place - 1]["id"], found.notebook.cells[place + 1]["id"]) == (before, after)
    assert place in found.student_cells
    assert [c for i, c in enumerate(found.notebook.cells) if i != place] == released().cells


def test_extra_cells_before_the_first_and_after_the_last_stay_there():
    notebook = with_cell(with_cell(released(), 0, "first = 1"), len(released().cells) + 1, "last = 1")
    cells = rebuilt(notebook).notebook.cells
    assert (cells[0].source, cells[-1].source) == ("first = 1", "last = 1")


def test_extra_cells_cannot_take_the_course_s_metadata():
    notebook = with_cell(released(), 3, "mine = 1")
    notebook.cells[3].metadata = {"tags": ["demo"], "unrolled": {"exercise": "elman.step_forward"}}
    found = next(cell for cell in rebuilt(notebook).notebook.cells if cell.source == "mine = 1")
    assert found.metadata == {}


def test_an_extra_cell_that_claims_an_unknown_grade_id_is_an_ordinary_cell():
    notebook = with_cell(released(), 3, "mine = 1")
    notebook.cells[3].metadata = {"nbgrader": {"grade_id": "elman-bonus", "grade": True, "points": 99, "locked": True}}
    found = rebuilt(notebook).notebook
    assert next(cell for cell in found.cells if cell.source == "mine = 1").metadata == {}
    graded = [c.metadata.nbgrader.points for c in found.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert sum(graded) == 50


def test_every_cell_has_an_id_of_its_own():
    notebook = released()
    for place in (3, 5, 9):
        notebook = with_cell(notebook, place, f"mine = {place}")
        notebook.cells[place]["id"] = "prose-1"
    ids = [cell["id"] for cell in rebuilt(notebook).notebook.cells]
    assert len(ids) == len(set(ids))


def test_attachments_and_outputs_are_gone():
    notebook = changed(
        "elman-think", attachments={"a.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}, source="mine"
    )
    cell_of(notebook, ANSWER).outputs = [nbformat.v4.new_output("stream", text="40.0")]
    cell_of(notebook, ANSWER).execution_count = 3
    found = rebuilt(notebook).notebook
    assert "attachments" not in cell_of(found, "elman-think")
    assert cell_of(found, "elman-think").source == "mine"
    assert cell_of(found, ANSWER).outputs == []
    assert cell_of(found, ANSWER).execution_count is None


def test_the_released_notebook_itself_is_not_changed():
    source = copy.deepcopy(released())
    rebuild(dump(answered(released())), source, LIMIT)
    assert source == released()


def test_a_notebook_in_format_3_is_converted_and_its_answers_are_kept():
    notebook = changed(ANSWER, source="mine = 3")
    old = nbformat.convert(notebook, 3)
    data = nbformat.v3.writes_json(old).encode()
    assert json.loads(data)["nbformat"] == 3
    assert cell_of(rebuilt(data).notebook, ANSWER).source == "mine = 3"


def test_the_source_of_a_cell_may_be_a_list_of_lines():
    plain = json.loads(dump(released()))
    next(cell for cell in plain["cells"] if cell.get("id") == ANSWER)["source"] = ["a = 1\n", "b = 2"]
    assert cell_of(rebuilt(json.dumps(plain).encode()).notebook, ANSWER).source == "a = 1\nb = 2"


def test_a_byte_order_mark_is_no_obstacle():
    assert rebuilt(b"\xef\xbb\xbf" + dump(released())).notebook == released()


def test_half_a_character_pair_in_a_cell_is_replaced():
    """JSON can hold a lone surrogate; a file cannot."""
    data = dump(changed(ANSWER, source="name = 'XX'")).replace(b"XX", b"\\ud83d")
    assert b"ud83d" in data
    nbformat.writes(rebuilt(data).notebook).encode()


def minimal(**more):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [], **more}


def as_json(thing):
    return json.dumps(thing).encode()


CODE = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": None, "id": "x"}

BAD = {
    "empty": b"",
    "white space": b" \n ",
    "no JSON": b"PK\x03\x04 a zip file",
    "a script": b"print(1)",
    "cut off": as_json(minimal(cells=[CODE]))[:-7],
    "a list": b"[]",
    "a number": b"4",
    "a text": b'"notebook"',
    "null": b"null",
    "no format": as_json({"cells": []}),
    "format as text": as_json(minimal(nbformat="4")),
    "format 5": as_json(minimal(nbformat=5)),
    "format 0": as_json(minimal(nbformat=0)),
    "negative format": as_json(minimal(nbformat=-4)),
    "format 3 with nothing in it": as_json({"nbformat": 3}),
    "format 3 with wrong worksheets": as_json({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": 5}),
    "format 2 with nothing in it": as_json({"nbformat": 2}),
    "format 1 with nothing in it": as_json({"nbformat": 1}),
    "no cells": as_json({"nbformat": 4}),
    "cells that are an object": as_json(minimal(cells={})),
    "cells that are text": as_json(minimal(cells="cells")),
    "too many cells": as_json(minimal(cells=[CODE] * (MAX_CELLS + 1))),
    "a cell that is text": as_json(minimal(cells=["cell"])),
    "a cell that is null": as_json(minimal(cells=[None])),
    "a cell of an unknown kind": as_json(minimal(cells=[{**CODE, "cell_type": "heading"}])),
    "a cell whose kind is a list": as_json(minimal(cells=[{**CODE, "cell_type": ["code"]}])),
    "a cell without a kind": as_json(minimal(cells=[{"source": ""}])),
    "a source that is a number": as_json(minimal(cells=[{**CODE, "source": 1}])),
    "a source that is null": as_json(minimal(cells=[{**CODE, "source": None}])),
    "a source of numbers": as_json(minimal(cells=[{**CODE, "source": ["a", 1]}])),
    "invalid UTF-8": b'{"nbformat": 4, "cells": [\xff\xfe]}',
    "UTF-16": json.dumps(minimal()).encode("utf-16"),
    "too big": b" " * (LIMIT + 1),
    "deep nesting": b"[" * 200_000,
    "deep nesting that ends": b'{"nbformat": 4, "cells": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a huge format": b'{"nbformat": ' + b"9" * 10_000 + b', "cells": []}',
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_notebook_is_refused_in_one_line(name):
    with pytest.raises(BadSubmission) as caught:
        rebuilt(BAD[name])
    assert "\n" not in str(caught.value)
    assert 10 < len(str(caught.value)) < 400


def test_huge_integers_are_no_obstacle():
    data = as_json(minimal(cells=[CODE], metadata={"n": 7})).replace(b'"n": 7', b'"n": ' + b"9" * 100_000)
    assert rebuilt(data).notebook == released()


def test_odd_metadata_is_passed_over():
    odd = [None, 5, "text", [], {"nbgrader": 5}, {"nbgrader": {"grade_id": 5}}, {"nbgrader": {"grade_id": None}}]
    cells = [{**CODE, "metadata": metadata, "source": "", "id": id} for metadata in odd for id in (None, 5, "x", [])]
    assert rebuilt(as_json(minimal(cells=cells))).notebook == released()


def test_reading_gives_plain_texts():
    (cell,) = read(as_json(minimal(cells=[{**CODE, "source": ["a\n", "b"]}])), LIMIT)
    assert cell == {"kind": "code", "source": "a\nb", "grade_id": None, "id": "x"}


# Whatever the file holds

WRONG = [None, 0, -1, 3.5, True, "", "text", [], {}, [1], {"a": 1}, "\ud800", 10**30, ["x"] * 3]


def damaged(data: bytes, seed: int) -> bytes:
    """One damaged copy: bits flipped, cut off, bytes put in or taken out, or a value of another type somewhere."""
    rng = random.Random(seed)
    kind = rng.choice(["bits", "cut", "insert", "remove", "types", "types", "types"])
    if kind == "types":
        plain = json.loads(data)
        for _ in range(rng.randint(1, 3)):
            spoil(plain, rng)
        return json.dumps(plain).encode()
    raw = bytearray(data)
    if kind == "cut":
        return bytes(raw[: rng.randrange(len(raw))])
    for _ in range(rng.randint(1, 20)):
        place = rng.randrange(len(raw))
        if kind == "bits":
            raw[place] ^= 1 << rng.randrange(8)
        elif kind == "insert":
            raw[place:place] = rng.randbytes(rng.randint(1, 5))
        else:
            del raw[place : place + rng.randint(1, 50)]
    return bytes(raw)


def spoil(plain, rng):
    """Replace or remove one value somewhere in a JSON document, mostly not too deep."""
    place = plain
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.3:
            break
        place = inner
    if rng.random() < 0.3:
        del place[key]
    else:
        place[key] = copy.deepcopy(rng.choice(WRONG))


@cache
def handed_in():
    return dump(with_cell(answered(released()), 3, "mine = 1"))


@cache
def handed_in_as_3():
    return nbformat.v3.writes_json(nbformat.convert(answered(released()), 3)).encode()


def takes_or_refuses(data):
    try:
        found = rebuilt(data)
    except BadSubmission as refused:
        assert "\n" not in str(refused)
        return
    nbformat.validate(found.notebook)
    nbformat.writes(found.notebook).encode()
    kept = [cell for cell in found.notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert kept == [
        cell if cell["id"] != "elman-think" else cell_of(found.notebook, "elman-think")
        for cell in released().cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_damaged_notebook_is_rebuilt_or_refused(seed, old):
    takes_or_refuses(damaged(handed_in_as_3() if old else handed_in(), seed))


@pytest.mark.full
def test_a_thousand_damaged_notebooks_are_rebuilt_or_refused():
    for seed in range(1_000):
        takes_or_refuses(damaged(handed_in_as_3() if seed % 4 == 0 else handed_in(), seed))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_rebuilt_or_refused(data):
    takes_or_refuses(data)


wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
wild_grade = st.fixed_dictionaries({"grade_id": st.sampled_from([CHECK, ANSWER]) | wild})
wild_cell = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw"]) | wild},
    optional={
        "source": st.text(max_size=9) | wild,
        "id": st.sampled_from([CHECK, ANSWER, "prose-1"]) | wild,
        "metadata": st.fixed_dictionaries({"nbgrader": wild_grade | wild}) | wild,
        "attachments": wild,
        "outputs": wild,
    },
)
wild_notebook = st.fixed_dictionaries(
    {"nbformat": st.sampled_from([4, 4, 4, 3, 2, 1]) | wild, "cells": st.lists(wild_cell, max_size=5) | wild},
    optional={"worksheets": wild, "metadata": wild, "nbformat_minor": wild},
)


@settings(max_examples=60, deadline=None)
@given(wild_notebook)
def test_any_json_that_looks_like_a_notebook_is_rebuilt_or_refused(plain):
    takes_or_refuses(json.dumps(plain).encode())
