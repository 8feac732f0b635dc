"""What a student runs: check() in a cell, and `autograder check` on the file before handing it in."""

import contextlib
import copy
import json
import re
import signal
import subprocess
import sys
import time
import warnings
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest

import autograder
from autograder import check, key, notebook, reference
from autograder import exercise as exercises
from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, read
from autograder.expectation import fingerprinted
from autograder.handin import examine
from autograder.reference import Expectations
from solutions import elman
from tests.classroom import answered, doubled_cell, without_cell

LESSON = Path(__file__).resolve().parent.parent / "lessons" / "en" / "04_elman.ipynb"
KEYED = [
    "elman.step_forward",
    "elman.step_backward",
    "elman.output_forward",
    "elman.sequence_forward",
    "elman.ElmanCell",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an answer key."""
    path = tmp_path_factory.mktemp("lesson")
    found = [exercises.find(id) for id in KEYED]
    expectations = Expectations({exercise.id: exercise.public_cases() for exercise in found})
    entries = {e.id: (e.points, fingerprinted(expectations.of(e), e.id)) for e in found}
    key.write(path / f"04_elman{key.SUFFIX}", "04_elman", entries)
    return path


def right():
    return dict(reference.load("elman"))


@pytest.mark.parametrize("id", KEYED)
def test_a_right_answer_gives_all_points_as_a_float(id, folder, capsys):
    points = check(id, namespace=right(), folder=folder)
    assert type(points) is float
    assert points == exercises.find(id).points
    shown = capsys.readouterr().out
    assert id in shown
    assert "right" in shown


@pytest.mark.parametrize("id", KEYED)
def test_nothing_defined_gives_zero_and_says_what_to_do(id, folder, capsys):
    points = check(id, namespace={}, folder=folder)
    assert type(points) is float
    assert points == 0
    shown = capsys.readouterr().out
    assert "not answered yet" in shown
    assert "Run the cell that defines it" in shown


def test_an_open_stub_gives_zero_and_is_no_error(folder, capsys):
    assert check("elman.step_forward", namespace=reference.blank("elman.step_forward"), folder=folder) == 0
    assert "not answered yet" in capsys.readouterr().out


@pytest.mark.parametrize("slug", ["dWh_transposed", "bias_averaged", "upstream_edited"])
def test_the_sentence_of_a_known_mistake_is_shown(slug, folder, capsys):
    mistake = next(m for m in reference.mistakes("elman") if m.id == f"elman.step_backward:{slug}")
    points = check("elman.step_backward", namespace=reference.mutate(mistake), folder=folder)
    assert 0 < points < 7
    assert mistake.sentence in capsys.readouterr().out


def test_a_wrong_backward_pass_shows_its_worst_element_and_the_numeric_value(folder, capsys):
    """The oracle: a central difference of the forward pass at the public inputs, taken here."""

    def spoilt(*arguments):
        dx, dh_prev, dWx, dWh, db = elman.step_backward(*arguments)
        dh_prev[0, 1] -= 0.5
        return dx, dh_prev, dWx, dWh, db

    points = check("elman.step_backward", namespace={**right(), "step_backward": spoilt}, folder=folder)
    assert points == pytest.approx(7 * 4 / 5)
    line = next(line for line in capsys.readouterr().out.split("\n") if "dh_prev" in line)
    index, yours, numeric = re.search(r"\[([\d, ]+)\] yours (\S+), numeric ([^\s;]+);", line).groups()
    inputs = dict(exercises.find("elman.step_backward").public_cases()[0].inputs)
    upstream, sums = inputs.pop("dh"), []
    for sign in (1, -1):
        moved = inputs["h_prev"].copy()
        moved[0, 1] += sign * 1e-6
        sums.append(np.sum(upstream * elman.step_forward(**(inputs | {"h_prev": moved}))))
    true = (sums[0] - sums[1]) / 2e-6
    assert index == "0, 1"
    assert float(numeric) == pytest.approx(true, abs=1e-4)
    assert float(yours) == pytest.approx(true - 0.5, abs=1e-4)


def test_the_numeric_gradient_is_that_of_the_students_own_forward_pass(folder, capsys):
    """A student whose forward pass is mistaken sees a backward pass that fits it called consistent."""
    mistake = next(m for m in reference.mistakes("elman") if m.id == "elman.step_forward:no_bias")
    points = check("elman.step_backward", namespace=reference.mutate(mistake), folder=folder)
    assert points == 3.5
    shown = capsys.readouterr().out
    assert "your forward pass" in shown
    assert "elman.step_forward" in shown


def test_a_forward_pass_that_fails_does_not_stop_the_check_of_the_backward_pass(folder, capsys):
    def fails(*arguments):
        raise ValueError("mine")

    names = {"step_forward": fails, "step_backward": elman.step_backward}
    assert check("elman.step_backward", namespace=names, folder=folder) == 7
    names = {"step_backward": lambda *a: tuple(2 * g for g in elman.step_backward(*a))}
    assert check("elman.step_backward", namespace=names, folder=folder) == 0


def test_a_wrong_forward_pass_does_not_show_the_right_values(folder, capsys):
    check("elman.step_forward", namespace={"step_forward": lambda *a: -elman.step_forward(*a)}, folder=folder)
    shown = [abs(float(n)) for n in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    cases = exercises.find("elman.step_forward").public_cases()
    values = np.abs(np.concatenate([elman.step_forward(**case.inputs).ravel() for case in cases]))
    assert [n for n in shown if np.min(np.abs(values - n)) < 1e-4] == []


def test_a_built_in_layer_gives_zero_and_says_so(folder, capsys):
    import keras

    class ElmanCell(keras.layers.SimpleRNNCell):
        pass

    assert check("elman.ElmanCell", namespace={"ElmanCell": ElmanCell}, folder=folder) == 0
    shown = capsys.readouterr().out
    assert "not allowed here" in shown
    assert "SimpleRNNCell" in shown


def test_without_a_key_it_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        check("elman.step_forward", namespace=right(), folder=tmp_path)
    assert key.SUFFIX in str(caught.value)
    assert "keep both in one folder" in str(caught.value)


def test_a_key_that_is_older_than_the_exercise_is_named_and_calls_nothing_wrong(folder, tmp_path):
    plain = json.loads((folder / f"04_elman{key.SUFFIX}").read_text())
    plain["exercises"]["elman.step_forward"]["inputs"] = "0" * 12
    (tmp_path / f"04_elman{key.SUFFIX}").write_text(json.dumps(plain))
    with pytest.raises(ValueError, match=r"04_elman\.key\.json and the installed course.*one of them is older"):
        check("elman.step_forward", namespace=right(), folder=tmp_path)


@pytest.mark.parametrize(
    ("id", "near"),
    [
        ("elman.step_foward", "elman.step_forward"),
        ("elman.elmancell", "elman.ElmanCell"),
        ("elman.sequence_backwards", "elman.sequence_backward"),
        ("elmen.step_forward", "elman"),
        ("elman", "elman.step_forward"),
    ],
)
def test_an_unknown_exercise_raises_with_what_may_have_been_meant(id, near, folder):
    with pytest.raises(KeyError) as caught:
        check(id, namespace={}, folder=folder)
    assert repr(id) in caught.value.args[0]
    assert near in caught.value.args[0]


def test_outside_a_notebook_it_asks_for_the_names(folder):
    with pytest.raises(RuntimeError, match="namespace=globals"):
        check("elman.step_forward", folder=folder)


def test_standard_error_stays_silent_whatever_the_answer_does(folder, capfd):
    """nbgrader takes any text there for a failure."""

    def noisy(*arguments):
        warnings.warn("a warning", stacklevel=1)
        print("to sys.stderr", file=sys.stderr)
        subprocess.run(["sh", "-c", "echo from a child >&2"], check=True)
        np.log(np.zeros(1)), np.zeros(1) / 0
        return elman.step_forward(*arguments)

    assert check("elman.step_forward", namespace={"step_forward": noisy}, folder=folder) == 3
    print("still works", file=sys.stderr)
    assert capfd.readouterr().err == "still works\n"


def test_standard_error_is_back_after_an_exception(tmp_path, capfd):
    with pytest.raises(FileNotFoundError):
        check("elman.step_forward", namespace={}, folder=tmp_path)
    print("still works", file=sys.stderr)
    assert capfd.readouterr().err == "still works\n"


def test_a_local_variable_named_grad_costs_no_points(tmp_path, folder):
    """The source of a function in a file can be read, as that of a cell can."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\n\n\ndef step_backward(dh, x, h_prev, Wx, Wh, b):\n"
        "    grad = dh * (1 - np.tanh(x @ Wx + h_prev @ Wh + b) ** 2)\n"
        "    return grad @ Wx.T, grad @ Wh.T, x.T @ grad, h_prev.T @ grad, grad.sum(0)\n",
        encoding="utf-8",
    )
    names = {"__name__": "mine"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    names["step_forward"] = elman.step_forward
    assert check("elman.step_backward", namespace=names, folder=folder) == 7


def test_check_is_what_a_student_imports():
    assert autograder.__all__ == ["check"]


# Before handing in


@cache
def released():
    return nbformat.read(LESSON, as_version=4)


@pytest.fixture(scope="module")
def lesson_key(tmp_path_factory):
    """The whole lesson's answer key, as its bundle has it."""
    path = tmp_path_factory.mktemp("key") / f"04_elman{key.SUFFIX}"
    write_key(read(SOURCES / "04_elman.py"), path)
    return path.read_bytes()


@pytest.fixture
def handed(tmp_path, lesson_key):
    """Write a notebook beside its key; returns what examine() says of it."""

    def write(notebook, name="04_elman.ipynb"):
        path = tmp_path / name
        path.write_bytes(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode())
        (tmp_path / f"{path.stem}{key.SUFFIX}").write_bytes(lesson_key)
        return examine(path)

    return write


def test_a_finished_notebook_can_be_handed_in(handed):
    problems, facts = handed(answered(released()))
    assert problems == []
    assert any("8 of 8 exercises have an answer" in fact for fact in facts)
    assert any("written question" in fact for fact in facts)


def test_an_untouched_notebook_can_be_handed_in_and_is_open(handed):
    problems, facts = handed(released())
    assert problems == []
    assert any("0 of 8" in fact for fact in facts)
    assert any("Still open" in fact and "elman.step_backward" in fact for fact in facts)


def test_a_written_answer_is_seen(handed):
    notebook = answered(released())
    next(cell for cell in notebook.cells if cell["id"] == "elman-think").source = "Because it remembers."
    assert not any("written question" in fact for fact in handed(notebook)[1])


@pytest.mark.parametrize("id", ["elman-step_backward", "elman-step_backward-answer"])
def test_a_missing_cell_is_a_problem_that_is_named(handed, id):
    problems, _ = handed(without_cell(answered(released()), id))
    assert len(problems) == 1
    assert f"The cell {id} is missing" in problems[0]


def test_a_doubled_cell_is_a_problem_that_is_named(handed):
    problems, _ = handed(doubled_cell(answered(released()), "elman-step_backward"))
    assert len(problems) == 1
    assert "elman-step_backward is there 2 times" in problems[0]


def test_an_answer_that_does_not_parse_is_a_problem_that_is_named(handed):
    notebook = answered(released(), {"elman.output_forward": "def output_forward(h, Wy, by)\n    return h"})
    problems, _ = handed(notebook)
    assert len(problems) == 1
    assert "elman.output_forward" in problems[0]
    assert "SyntaxError" in problems[0]


def test_ipython_s_own_lines_are_no_syntax_error(handed):
    own = "%timeit 1\n!ls\n" + reference.source_of("elman.output_forward")
    assert handed(answered(released(), {"elman.output_forward": own}))[0] == []


@pytest.mark.parametrize("source", ["\0", "(" * 5_000 + ")" * 5_000, "x = " + "-" * 50_000 + "1"])
def test_a_strange_answer_is_a_problem_and_no_failure(handed, source):
    problems, _ = handed(answered(released(), {"elman.output_forward": source}))
    assert len(problems) == 1
    assert "elman.output_forward" in problems[0]
    assert "\n" not in problems[0]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"nbformat": 4}', b"[" * 100_000])
def test_a_damaged_file_is_one_problem_in_one_line(handed, data):
    problems, facts = handed(data)
    assert (len(problems), facts) == (1, [])
    assert "\n" not in problems[0]


def test_another_ending_or_no_file_is_a_problem(tmp_path, handed):
    assert ".ipynb" in examine(tmp_path / "04_elman.py")[0][0]
    assert "cannot be read" in examine(tmp_path / "gone.ipynb")[0][0]


def test_a_notebook_without_its_key_cannot_be_examined(tmp_path):
    path = tmp_path / "04_elman.ipynb"
    path.write_text(json.dumps(released()), encoding="utf-8")
    problems, _ = examine(path)
    assert len(problems) == 1
    assert key.SUFFIX in problems[0]


def test_examining_runs_nothing_and_changes_nothing(tmp_path, handed):
    notebook = copy.deepcopy(answered(released()))
    mark = tmp_path / "ran"
    next(c for c in notebook.cells if c["id"] == "setup-1").source = f"open({str(mark)!r}, 'w')"
    data = json.dumps(notebook).encode()
    handed(data)
    assert not mark.exists()
    assert (tmp_path / "04_elman.ipynb").read_bytes() == data


def _endless(*_):
    while True:
        with contextlib.suppress(Exception):  # a student's own handler does not keep it going
            time.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(notebook, "PATIENCE", 0.2)


def test_an_answer_that_never_ends_is_stopped_and_the_alarm_is_off_afterwards(folder, impatient):
    result = notebook.evaluate(exercises.find("elman.step_forward"), {"step_forward": _endless}, folder)
    assert (result.verdict, result.points) == ("limit", 0)
    assert "0.2 seconds" in result.message and "never ends" in result.message
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_forward_pass_that_never_ends_does_not_hold_up_the_check_of_the_backward_pass(folder, impatient):
    names = right() | {"step_forward": _endless}
    own = {"step_backward": lambda *a: tuple(2 * g for g in elman.step_backward(*a))}
    result = notebook.evaluate(exercises.find("elman.step_backward"), names | own, folder)
    assert result.verdict == "wrong"


def test_a_check_within_a_check_and_an_alarm_of_the_callers_own_keep_their_time(folder, impatient):
    def calls_check_and_loops(*_):
        notebook.evaluate(exercises.find("elman.output_forward"), right(), folder)
        _endless()

    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.6)
        result = notebook.evaluate(
            exercises.find("elman.step_forward"), {"step_forward": calls_check_and_loops}, folder
        )
        assert result.verdict == "limit"
        deadline = time.monotonic() + 10
        while not rang and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rang == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
