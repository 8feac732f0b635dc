"""The only door: what is observed of a student's object, and what may cross the trust boundary."""

import base64
import json
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import exercise as exercises
from autograder.exercise import Case, Exercise, call_function, evenly
from autograder.subject import (
    DTYPES,
    MAX_BYTES,
    MAX_TEXT,
    MAX_VALUES,
    Observation,
    Problem,
    decode,
    decode_inputs,
    encode,
    encode_inputs,
    observe,
)

CASES = [Case({"x": np.arange(6.0).reshape(2, 3), "w": np.array([1.0, -2.0, 0.5])}, {})]
ONE = Exercise("toy.f", 4, lambda rng: CASES[0], call_function(("y",)), evenly(("y",)), "forward")
TWO = Exercise("toy.f", 4, lambda rng: CASES[0], call_function(("y", "z")), evenly(("y", "z")), "function")


def seen(function, exercise=ONE):
    (observation,) = observe(exercise, {"f": function}, CASES)
    return observation


def test_what_a_right_function_returns_is_observed_as_it_is():
    observation = seen(lambda x, w: x @ w)
    assert observation.problem is None
    assert np.array_equal(observation.values["y"], CASES[0].inputs["x"] @ CASES[0].inputs["w"])
    assert (observation.edited, observation.unstable) == ((), ())


def test_a_name_that_is_not_defined_is_missing():
    (observation,) = observe(ONE, {"g": abs}, CASES)
    assert observation.problem.kind == "missing"
    assert "`f` is not defined" in observation.problem.message


def test_a_stub_is_blank():
    def f(x, w):
        raise NotImplementedError()

    assert seen(f).problem.kind == "blank"


def test_an_answer_that_calls_an_open_stub_says_which():
    def helper():
        raise NotImplementedError()

    problem = seen(lambda x, w: helper()).problem
    assert problem.kind == "blank"
    assert "`helper`" in problem.message


@pytest.mark.parametrize("thing", [3, None, "f", np.zeros(2)])
def test_what_cannot_be_called_is_malformed(thing):
    problem = seen(thing).problem
    assert problem.kind == "malformed"
    assert "must be callable" in problem.message
    assert type(thing).__name__ in problem.message


def test_an_exception_is_an_error_that_is_named_and_quoted():
    def f(x, w):
        raise KeyError("my_own_key")

    problem = seen(f).problem
    assert problem.kind == "error"
    assert "KeyError" in problem.message
    assert "my_own_key" in problem.message


def test_an_errors_signature_leaves_out_counted_names_and_keeps_sizes():
    """Two runs of one mistake differ in the names that Keras counts; two mistakes may differ in their sizes alone."""

    def raising(text):
        def f(x, w):
            raise ValueError(text)

        return seen(f).problem.signature

    assert raising("Layer 'rnn_3' at <object 0x7f1> got weight_12") == raising(
        "Layer 'rnn' at <object 0x9a> got weight_4"
    )
    assert raising("shapes (2,3) and (4,5)") != raising("shapes (2,3) and (4,6)")


class _Quit(BaseException):
    pass


class _Mute(Exception):
    def __str__(self):
        raise RuntimeError("not even its text")


@pytest.mark.parametrize(
    "exception", [ValueError, SystemExit, RecursionError, MemoryError, GeneratorExit, _Quit, _Mute]
)
def test_nothing_that_a_student_raises_gets_out(exception):
    def f(x, w):
        raise exception("gone")

    problem = seen(f).problem
    assert problem.kind == "error"
    assert exception.__name__ in problem.message


def test_sys_exit_is_an_error_and_ends_nothing():
    assert seen(lambda x, w: sys.exit(0)).problem.kind == "error"


def test_endless_recursion_is_an_error():
    def f(x, w):
        return f(x, w)

    assert "RecursionError" in seen(f).problem.message


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, w: None, ["nothing", "(y, z)", "return"]),
        (lambda x, w: (x,), ["1 values", "2", "(y, z)"]),
        (lambda x, w: (x, x, x), ["3 values", "2", "(y, z)"]),
        (lambda x, w: x, ["one ndarray", "(y, z)"]),
        (lambda x, w: {"y": x, "z": x}, ["one dict", "(y, z)"]),
        (lambda x, w: (x, None), ["`z` is None"]),
        (lambda x, w: (x.tolist(), x), ["`y` must be a NumPy array", "list"]),
        (lambda x, w: (tf.constant(x), x), ["`y` must be a NumPy array", "tensorflow"]),
        (lambda x, w: (x.astype(complex), x), ["`y` must hold real numbers", "complex128"]),
        (lambda x, w: (x.astype(object), x), ["`y` must hold real numbers", "object"]),
        (lambda x, w: (x.astype(str), x), ["`y` must hold real numbers"]),
    ],
    ids=[
        "nothing",
        "too few",
        "too many",
        "one array",
        "dictionary",
        "None",
        "list",
        "tensor",
        "complex",
        "object",
        "text",
    ],
)
def test_what_does_not_have_the_stated_form_is_malformed_and_says_what_came(function, words):
    problem = seen(function, TWO).problem
    assert problem.kind == "malformed"
    assert [word for word in words if word not in problem.message] == []


def test_a_single_value_may_come_as_a_number_or_in_a_tuple_of_one():
    assert seen(lambda x, w: 3).values["y"].shape == ()
    assert seen(lambda x, w: (x,)).values["y"].shape == (2, 3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_accepted_dtype_is_observed_without_a_fault(dtype):
    observation = seen(lambda x, w: x.astype(dtype))
    assert observation.problem is None
    assert observation.values["y"].dtype == dtype
    assert observation.unstable == ()


def test_nan_and_infinity_are_values_and_not_instability():
    observation = seen(lambda x, w: np.array([np.nan, np.inf, -np.inf, 1.0]))
    assert observation.problem is None
    assert observation.unstable == ()
    assert np.isnan(observation.values["y"][0])


def test_inputs_changed_in_place_are_named():
    def f(x, w):
        w *= 2
        return x @ w

    assert seen(f).edited == ("w",)


def test_a_change_in_place_does_not_reach_the_cases_or_the_second_call():
    def f(x, w):
        result = x @ w
        x[:] = 0
        return result

    observation = seen(f)
    assert observation.edited == ("x",)
    assert observation.unstable == ()
    assert np.array_equal(CASES[0].inputs["x"], np.arange(6.0).reshape(2, 3))


def test_a_returned_view_of_what_changes_later_is_still_what_was_returned():
    buffer = np.zeros(2)
    calls = []

    def f(x, w):
        calls.append(1)
        buffer[:] = len(calls)
        return buffer

    assert np.array_equal(seen(f).values["y"], [1.0, 1.0])


def test_state_kept_between_calls_is_unstable():
    kept = []

    def f(x, w):
        kept.append(1)
        return x @ w + len(kept)

    assert seen(f).unstable == ("y",)


def test_randomness_is_unstable_and_rounding_is_not():
    assert seen(lambda x, w: np.random.default_rng().normal(size=2)).unstable == ("y",)
    noise = iter([1.0, 1.0 + 1e-14])
    assert seen(lambda x, w: x @ w * next(noise)).unstable == ()


def test_a_second_answer_of_another_shape_is_unstable():
    lengths = iter([2, 3])
    assert seen(lambda x, w: np.ones(next(lengths))).unstable == ("y",)


def test_an_array_subclass_arrives_as_a_plain_array():
    class Sly(np.ndarray):
        def __eq__(self, other):
            return True

    assert type(seen(lambda x, w: x.view(Sly)).values["y"]) is np.ndarray


def test_a_forbidden_name_is_a_problem_of_its_own():
    exercise = Exercise(
        "toy.f", 4, lambda rng: CASES[0], call_function(("y",)), evenly(("y",)), forbidden=("tensorflow.GradientTape",)
    )

    def f(x, w):
        try:
            with tf.GradientTape():
                return x @ w
        except BaseException:
            return x @ w

    problem = seen(f, exercise).problem
    assert problem.kind == "forbidden"
    assert "tensorflow.GradientTape" in problem.message
    with tf.GradientTape():  # and it works again
        pass


# Across the trust boundary


def crossed(observations):
    return decode(encode(observations), len(observations))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (1, 2, 0, 3)])
def test_an_array_crosses_unchanged(dtype, shape):
    array = (np.random.default_rng(0).normal(size=shape) * 10).astype(dtype)
    (back,) = crossed([Observation({"y": array}, None, ("x",), ("y",))])
    assert back.values["y"].dtype == array.dtype
    assert back.values["y"].shape == array.shape
    assert np.array_equal(back.values["y"], array)
    assert (back.edited, back.unstable, back.problem) == (("x",), ("y",), None)


def test_an_array_in_the_other_byte_order_crosses_with_its_values():
    other = ">f8" if sys.byteorder == "little" else "<f8"
    (back,) = crossed([seen(lambda x, w: x.astype(other))])
    assert np.array_equal(back.values["y"], CASES[0].inputs["x"])


@pytest.mark.parametrize("kind", ["missing", "blank", "malformed", "error", "forbidden"])
def test_texts_and_problems_cross_and_are_cut(kind):
    observation = Observation({"config": "é" * 10_000}, Problem(kind, "m" * 10_000, "s" * 10_000))
    (back,) = crossed([observation])
    assert back.values["config"] == "é" * MAX_TEXT
    assert back.problem == Problem(kind, "m" * MAX_TEXT, "s" * MAX_TEXT)


def test_nan_crosses_bit_for_bit():
    (back,) = crossed([Observation({"y": np.array([np.nan, -0.0, np.inf])})])
    assert back.values["y"].tobytes() == np.array([np.nan, -0.0, np.inf]).tobytes()


def test_inputs_cross_unchanged():
    cases = exercises.find("elman.sequence_backward").cases(3, 2)
    back = decode_inputs(json.loads(encode_inputs(cases)))
    for case, inputs in zip(cases, back, strict=True):
        assert list(inputs) == list(case.inputs)
        assert all(np.array_equal(inputs[name], case.inputs[name]) for name in inputs)


def test_a_text_that_crossed_can_be_written_to_a_file():
    """A lone surrogate cannot be encoded: the grader would stop at the first file it writes."""

    def f(x, w):
        raise ValueError("\ud800")

    (back,) = crossed([seen(f)])
    back.problem.message.encode("utf-8")
    (back,) = decode(json.dumps([plain({"y": "\udfff"})]), 1)
    back.values["y"].encode("utf-8")


def plain(values, **more):
    return {"values": values, "problem": None, "edited": [], "unstable": [], **more}


def array(**more):
    return {"dtype": "float64", "shape": [1], "data": base64.b64encode(bytes(8)).decode(), **more}


REFUSED = {
    "nothing": "",
    "no JSON": "{'values': 1}",
    "cut off": encode([Observation({"y": np.zeros(3)})])[:-9],
    "a pickle": "\x80\x04\x95.",
    "no list": json.dumps(plain({})),
    "none where one was asked for": "[]",
    "two where one was asked for": json.dumps([plain({}), plain({})]),
    "a list of numbers": "[1]",
    "nothing in it": "[{}]",
    "null": "[null]",
    "values in a list": json.dumps([plain([])]),
    "too long": '["' + "a" * MAX_BYTES + '"]',
    "too many values": json.dumps([plain({str(i): "" for i in range(MAX_VALUES + 1)})]),
    "objects": json.dumps([plain({"y": array(dtype="object")})]),
    "text as an array": json.dumps([plain({"y": array(dtype="<U2")})]),
    "complex": json.dumps([plain({"y": array(dtype="complex64")})]),
    "fields": json.dumps([plain({"y": array(dtype=[["a", "f8"]])})]),
    "no dtype": json.dumps([plain({"y": {"shape": [1], "data": ""}})]),
    "shape too large for the data": json.dumps([plain({"y": array(shape=[2])})]),
    "shape too small for the data": json.dumps([plain({"y": array(shape=[0])})]),
    "negative size": json.dumps([plain({"y": array(shape=[-1])})]),
    "two negative sizes": json.dumps([plain({"y": array(shape=[-1, -1])})]),
    "a size that is a fraction": json.dumps([plain({"y": array(shape=[1.0])})]),
    "a size that is true": json.dumps([plain({"y": array(shape=[True])})]),
    "huge size": json.dumps([plain({"y": array(shape=[10**18])})]),
    "huge shape": json.dumps([plain({"y": array(shape=[2**31] * 8)})]),
    "huge shape with nothing in it": json.dumps([plain({"y": array(shape=[0] + [2**31] * 7, data="")})]),
    "too many axes": json.dumps([plain({"y": array(shape=[1] * 9)})]),
    "shape that is a number": json.dumps([plain({"y": array(shape=1)})]),
    "no base64": json.dumps([plain({"y": array(data="!!!!!!!!")})]),
    "data that is a number": json.dumps([plain({"y": array(data=8)})]),
    "data beyond ASCII": json.dumps([plain({"y": array(data="é")})]),
    "unknown kind of problem": json.dumps([plain({}, problem=["right", "", ""])]),
    "the grader's own kind of problem": json.dumps([plain({}, problem=["limit", "", ""])]),
    "a problem of two": json.dumps([plain({}, problem=["error", ""])]),
    "a problem that is true": json.dumps([plain({}, problem=True)]),
    "edited by a number": json.dumps([plain({}, edited=5)]),
    "deep nesting": "[" * 100_000,
    "deep nesting that ends": "[" * 100_000 + "]" * 100_000,
    "a huge integer": "[" + "9" * 10_000 + "]",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_well_formed_is_refused(name):
    with pytest.raises(ValueError):
        decode(REFUSED[name], 1)


def test_what_is_decoded_has_bounded_names_and_cannot_be_written_to():
    (back,) = decode(json.dumps([plain({"n" * 3_000: array()}, edited=["e" * 3_000] * 3_000)]), 1)
    assert max(map(len, back.values)) <= MAX_TEXT
    assert len(back.edited) <= MAX_VALUES
    assert all(len(name) <= MAX_TEXT for name in back.edited)
    (value,) = back.values.values()
    with pytest.raises(ValueError):
        value[0] = 1


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(DTYPES)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
arrays = st.fixed_dictionaries(
    {}, optional={"dtype": st.sampled_from(DTYPES) | anything, "shape": st.lists(st.integers(-2, 2**33)) | anything,
                  "data": st.sampled_from(["", "AAAA", "AAAAAAAAAAA="]) | anything}
)  # fmt: skip
almost = st.fixed_dictionaries(
    {},
    optional={
        "values": st.dictionaries(st.text(max_size=4), arrays | anything, max_size=3) | anything,
        "problem": st.lists(st.sampled_from(["error", "blank"]) | anything, min_size=2, max_size=4) | anything,
        "edited": st.lists(anything, max_size=3) | anything,
        "unstable": st.lists(anything, max_size=3) | anything,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(almost | anything, max_size=2) | anything)
def test_decoding_gives_observations_or_a_value_error(thing):
    try:
        found = decode(json.dumps(thing), 1)
    except ValueError as refused:
        assert "\n" not in str(refused) or len(str(refused)) < 500
    else:
        assert [type(observation) for observation in found] == [Observation]
        for value in found[0].values.values():
            assert type(value) in (str, np.ndarray)


@settings(max_examples=200, deadline=None)
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_decoding_any_text_gives_observations_or_a_value_error(text):
    try:
        found = decode(text, 1)
    except ValueError:
        return
    assert [type(observation) for observation in found] == [Observation]


def test_an_object_may_be_of_any_callable_kind():
    module = types.SimpleNamespace(f=lambda x, w: x @ w)
    for function in (module.f, np.matmul, type("Step", (), {"__call__": lambda self, x, w: x @ w})()):
        assert seen(function).problem is None
