"""Built-in answers are found, in the source and at run time; a student's own experiments are left alone."""

import linecache
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder import exercise as exercises
from autograder.delegation import Forbidden, blocked, search, search_living
from autograder.exercise import NOT_BY_HAND
from tests.classroom import cheats, styles

KERAS = ("keras.layers.SimpleRNN", "keras.layers.SimpleRNNCell")
TAPE = ("tensorflow.GradientTape",)
IMPORTS = "import keras\nimport tensorflow as tf\nimport numpy as np"

FOUND = {
    "used by its full name": ["class Cell(keras.layers.SimpleRNNCell):\n    pass"],
    "another name for the object": ["Cell = keras.layers.SimpleRNNCell"],
    "imported by name": ["from keras.layers import SimpleRNNCell", "class Cell(SimpleRNNCell):\n    pass"],
    "imported under another name": ["from keras.layers import SimpleRNNCell as Base", "class Cell(Base):\n    pass"],
    "its package under another name": ["import keras.layers as kl", "class Cell(kl.SimpleRNNCell):\n    pass"],
    "renamed step by step": ["A = keras.layers.SimpleRNN", "B = A", "C = B", "def Cell(units):\n    return C(units)"],
    "by a string": ["def Cell(units):\n    return getattr(keras.layers, 'SimpleRNNCell')(units)"],
    "by a dotted string": ["def Cell(units):\n    return keras.saving.get_registered_object('keras.layers.SimpleRNN')"],
    "by a string that stands elsewhere": [
        "which = 'SimpleRNN'",
        "def Cell(units):\n    return getattr(keras.layers, which)",
    ],
    "in a helper": ["def helper(n):\n    return keras.layers.SimpleRNNCell(n)", "def Cell(n):\n    return helper(n)"],
    "in a helper's helper": [
        "def first(n):\n    return keras.layers.SimpleRNNCell(n)",
        "def second(n):\n    return first(n)",
        "def Cell(n):\n    return second(n)",
    ],
    "in a helper defined afterwards": [
        "def Cell(n):\n    return late(n)",
        "late = lambda n: keras.layers.SimpleRNNCell(n)",
    ],
    "assigned to an attribute afterwards": [
        "class Cell(keras.layers.Layer):\n    pass",
        "Cell.call = keras.layers.SimpleRNNCell.call",
    ],
    "assigned to an attribute's attribute": [
        "class Cell:\n    inner = None",
        "Cell.inner.layer = keras.layers.SimpleRNN(3)",
    ],
    "in one of two definitions": [
        "def Cell(n):\n    return 0",
        "def Cell(n):\n    return keras.layers.SimpleRNNCell(n)",
    ],
    "set by a global statement": [
        "def prepare():\n    global hidden\n    hidden = keras.layers.SimpleRNN(3)",
        "def Cell(n):\n    return hidden",
    ],
    "in a nested function": [
        "def Cell(n):\n    def inner():\n        return keras.layers.SimpleRNNCell(n)\n    return inner()"
    ],
    "as a default argument": ["def Cell(n, make=keras.layers.SimpleRNNCell):\n    return make(n)"],
    "as a decorator's argument": ["def Cell(n):\n    return n", "Cell = keras.layers.SimpleRNNCell"],
    "beside a magic": ["%matplotlib inline\n!ls\nCell = keras.layers.SimpleRNNCell"],
}


@pytest.mark.parametrize("name", FOUND)
def test_a_built_in_layer_is_found(name):
    assert search([IMPORTS, *FOUND[name]], "Cell", KERAS) in KERAS


@pytest.mark.parametrize(
    "body",
    [
        "with tf.GradientTape() as tape:\n        pass",
        "tape = getattr(tf, 'GradientTape')()",
        "from tensorflow import GradientTape as T\n    T()",
        "tape = tf.__dict__['GradientTape']",
    ],
)
def test_a_tape_in_a_backward_pass_is_found(body):
    assert search([IMPORTS, f"def step_backward(dh):\n    {body}\n    return dh"], "step_backward", TAPE) == TAPE[0]


CLEAN = "class Cell(keras.layers.Layer):\n    def call(self, inputs, states):\n        return inputs, states"

LEFT_ALONE = {
    "an experiment in another cell": [CLEAN, "layer = keras.layers.SimpleRNN(3)\nprint(layer)"],
    "an import for an experiment": ["from keras.layers import SimpleRNN, SimpleRNNCell", CLEAN],
    "an experiment with the object": [CLEAN, "ours = Cell()\ntheirs = keras.layers.SimpleRNN(3)\nprint(ours, theirs)"],
    "another function that uses it": [CLEAN, "def compare():\n    return keras.layers.SimpleRNN(3), Cell()"],
    "a comment": ["# unlike keras.layers.SimpleRNN\n" + CLEAN],
    "a docstring": [
        CLEAN.replace(
            "\n", '\n    """The same as SimpleRNN, made by hand. See keras.layers.SimpleRNN for more."""\n', 1
        )
    ],
    "a docstring that ends with the name": [CLEAN.replace("\n", '\n    """The same as keras.layers.SimpleRNN"""\n', 1)],
    "a docstring that is the name": [CLEAN.replace("\n", '\n    """SimpleRNN"""\n', 1)],
    "a local variable with an experiment's name": [
        "layer = keras.layers.SimpleRNN(3)",
        "def Cell(n):\n    layer = n + 1\n    return layer",
    ],
    "an argument with an experiment's name": ["x = keras.layers.SimpleRNN(3)", "def Cell(x):\n    return x + 1"],
    "a loop variable with an experiment's name": [
        "t = keras.layers.SimpleRNN(3)",
        "def Cell(n):\n    return [t + 1 for t in range(n)]",
    ],
    "a cell that does not parse": ["keras.layers.SimpleRNN(", CLEAN],
    "a cell with a null byte": ["x = 1\0", CLEAN],
    "nothing": [],
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_does_not_give_the_answer_is_left_alone(name):
    assert search([IMPORTS, *LEFT_ALONE[name]], "Cell", KERAS) is None


@pytest.mark.parametrize("word", ["grad", "gradients", "vjp", "autograd", "RNN"])
@pytest.mark.parametrize(
    "use", ["{} = 2 * dh\n    return {}", "total = {{'{}': dh}}\n    return total", "return sum({} for {} in dh)"]
)
def test_a_students_own_name_for_a_gradient_is_not_a_library(word, use):
    """`grad` is what everybody calls a gradient; jax.grad is something else."""
    body = use.replace("{}", word).replace("{{", "{").replace("}}", "}")
    assert search([IMPORTS, f"def step_backward(dh):\n    {body}"], "step_backward", NOT_BY_HAND) is None


def test_a_students_own_helper_named_grad_is_not_a_library():
    sources = ["def grad(z):\n    return 1 - np.tanh(z) ** 2", "def step_backward(dh, z):\n    return dh * grad(z)"]
    assert search([IMPORTS, *sources], "step_backward", NOT_BY_HAND) is None


@pytest.mark.parametrize(
    "source",
    [
        "import jax\ndef f(x):\n    return jax.grad(abs)(x)",
        "def f(x):\n    from jax import grad\n    return grad(abs)(x)",
        "import tensorflow as tf\ndef f(x):\n    return tf.gradients(x, x)",
    ],
)
def test_a_librarys_gradient_is_found_all_the_same(source):
    assert search([source], "f", NOT_BY_HAND) is not None


@pytest.mark.parametrize("id", exercises.of_module("elman"))
def test_right_answers_and_the_reference_are_left_alone(id):
    from autograder import reference

    exercise = exercises.find(id)
    own = [reference.source_of(other) for other in exercises.of_module("elman")]
    for sources in (own, list(styles.OTHER.values())):
        assert search([IMPORTS, *sources], exercise.object, exercise.forbidden) is None


def test_the_sly_answer_of_the_made_class_is_found():
    exercise = exercises.find("elman.ElmanCell")
    assert search([IMPORTS, cheats.WRAPS_KERAS], "ElmanCell", exercise.forbidden) == "keras.layers.SimpleRNNCell"


DEEP = {
    "brackets": "x = " + "(" * 5_000 + ")" * 5_000,
    "brackets that parse": "x = " + "(" * 90 + "1" + ")" * 90,
    "a sum of 500": "x = 1" + " + 1" * 500,
    "a sum of 1,500": "x = 1" + " + 1" * 1_500,
    "signs": "x = " + "-" * 3_000 + "1",
    "attributes": "x = y" + ".a" * 2_000,
    "lists": "x = " + "[" * 150 + "]" * 150,
}


@pytest.mark.parametrize("name", DEEP)
def test_a_cell_nested_deep_does_not_stop_the_search(name):
    sources = [DEEP[name], IMPORTS, "Cell = keras.layers.SimpleRNNCell"]
    assert search(sources, "Cell", KERAS) == "keras.layers.SimpleRNNCell"


@pytest.mark.parametrize(
    "source",
    [
        "def step(x, h, x):\n    return x",  # an argument twice: a slip of every day
        "def step(x):\n    global x\n    return x",
        "nonlocal x",
        "def step():\n    nonlocal q",
        "return 3",
        "break",
        "f() = 1",
        "x = '\ud800'",
        "__debug__ = 1",
        "await x",
        "from __future__ import nothing",
    ],
)
def test_a_cell_that_cannot_be_compiled_does_not_stop_the_search(source):
    assert search([source, IMPORTS, "Cell = keras.layers.SimpleRNNCell"], "Cell", KERAS) == "keras.layers.SimpleRNNCell"
    assert search([source, IMPORTS, CLEAN], "Cell", KERAS) is None


@pytest.mark.parametrize("source", ["a = 1\n" * 20_000, "a = 1;" * 20_000, "!ls\n" * 501])
def test_a_cell_of_many_statements_is_searched_all_the_same(source):
    """Each was slow, or stopped the search; IPython itself gives the last one up."""
    start = time.monotonic()
    assert search([source, IMPORTS, "Cell = keras.layers.SimpleRNNCell"], "Cell", KERAS) == "keras.layers.SimpleRNNCell"
    assert time.monotonic() - start < 60  # where it took as many seconds as the square of the length, it was hours


def test_names_that_refer_to_each_other_end_the_search():
    assert search(["def f(x):\n    return g(x)", "def g(x):\n    return f(x)"], "f", NOT_BY_HAND) is None


# At run time


def state_of(cls):
    return {name: vars(cls).get(name) for name in ("__init__", "__call__", "call")}


WATCHED = (keras.layers.SimpleRNN, keras.layers.SimpleRNNCell, keras.layers.RNN, keras.layers.LSTM, tf.GradientTape)


def test_a_blocked_name_raises_and_works_again_afterwards():
    before = [state_of(cls) for cls in WATCHED]
    with pytest.raises(Forbidden) as caught, blocked(KERAS):
        keras.layers.SimpleRNN(3)
    assert caught.value.name == "keras.layers.SimpleRNN"
    assert "`keras.layers.SimpleRNN`" in str(caught.value)
    assert [state_of(cls) for cls in WATCHED] == before
    assert keras.layers.SimpleRNN(3)(np.zeros((1, 2, 4))).shape == (1, 3)


@pytest.mark.parametrize("swallow", [Exception, BaseException])
def test_a_hit_counts_even_where_the_exception_is_swallowed(swallow):
    reached = []
    with pytest.raises(Forbidden), blocked(TAPE):
        try:
            with tf.GradientTape():
                reached.append("inside the tape")
        except swallow:
            reached.append("after the handler")
        reached.append("the end")
    assert "inside the tape" not in reached


def test_a_layer_made_before_the_block_does_not_work_inside_it():
    layer = keras.layers.SimpleRNN(3)
    layer.build((1, 2, 4))
    with pytest.raises(Forbidden), blocked(KERAS):
        layer(np.zeros((1, 2, 4), "float32"))
    assert layer(np.zeros((1, 2, 4), "float32")).shape == (1, 3)


def test_an_alias_taken_before_the_block_does_not_work_inside_it():
    class Mine(keras.layers.SimpleRNNCell):
        pass

    for make in (keras.layers.SimpleRNNCell, Mine):
        with pytest.raises(Forbidden), blocked(KERAS):
            make(3)
        assert make(3).units == 3


def test_a_blocked_function_is_restored_too():
    original = tf.gradients
    with pytest.raises(Forbidden), blocked(("tensorflow.gradients",)):
        tf.gradients([], [])
    assert tf.gradients is original


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_everything_is_restored_when_the_block_fails(error):
    before = [state_of(cls) for cls in WATCHED]
    with pytest.raises(error), blocked(NOT_BY_HAND):
        raise error("on its own")
    assert [state_of(cls) for cls in WATCHED] == before


def test_blocks_inside_blocks_restore_everything():
    before = [state_of(cls) for cls in WATCHED]
    with blocked(NOT_BY_HAND), blocked(NOT_BY_HAND), blocked(KERAS):
        pass
    assert [state_of(cls) for cls in WATCHED] == before


def test_what_is_not_loaded_or_does_not_exist_is_no_obstacle():
    with blocked(("a_package_that_nobody_has.f", "keras.layers.NoSuchLayer", "keras.nothing.at.all")):
        assert keras.layers.SimpleRNN(3).units == 3


def test_nothing_forbidden_blocks_nothing():
    with blocked(()):
        assert keras.layers.SimpleRNN(3).units == 3


# In the notebook, where the object lives

FROM_SCIPY = """
from scipy.special import softmax
from scipy import special as numbers
import numpy as np

def directly(scores):
    return softmax(scores)

def by_another_name(scores):
    return numbers.softmax(scores)

def helper(scores):
    return softmax(scores)

def through_a_helper(scores):
    return helper(scores)

def rewritten(scores):
    e = np.exp(scores)
    return e / e.sum()
"""


@pytest.fixture(scope="module")
def cell():
    """The names of a cell whose source can be asked for, as in a notebook."""
    lines = FROM_SCIPY.splitlines(keepends=True)
    linecache.cache["<a-cell>"] = (len(FROM_SCIPY), None, lines, "<a-cell>")
    names = {"__name__": "__main__"}
    exec(compile(FROM_SCIPY, "<a-cell>", "exec"), names)
    yield names
    del linecache.cache["<a-cell>"]


@pytest.mark.parametrize("name", ["directly", "by_another_name", "through_a_helper"])
def test_what_was_imported_above_the_answer_is_found_in_the_notebook_too(name, cell):
    assert search_living(cell, name, ["scipy.special.softmax"]) == "scipy.special.softmax"


def test_what_was_imported_and_is_not_used_is_left_alone_in_the_notebook_too(cell):
    assert search_living(cell, "rewritten", ["scipy.special.softmax"]) is None
