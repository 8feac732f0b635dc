"""Numeric gradients: right values, honest errors, few evaluations, and functions that misbehave.

Oracles: derivatives worked out by hand, backpropagation through time after Werbos 1990, and the complex
step, which shares no formula with differences.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import gradients
from autograder.gradients import numeric_gradient, project, projected_gradient

ALLOWED = 10  # times its own estimate is what an estimate may be off: architecture.md, "Judging gradients"


def elman(x, h0, Wx, Wh, b):
    """All states of an Elman network, (batch, time, units)."""
    h, states = h0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        states.append(h)
    return np.stack(states, axis=1)


def elman_backward(dhs, x, h0, Wx, Wh, b):
    """Backpropagation through time, Werbos 1990: (dx, dh0, dWx, dWh, db)."""
    hs = elman(x, h0, Wx, Wh, b)
    dx, dWx, dWh, db = (np.zeros_like(a) for a in (x, Wx, Wh, b))
    carry = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        dz = (dhs[:, t] + carry) * (1 - hs[:, t] ** 2)
        dx[:, t] = dz @ Wx.T
        dWx += x[:, t].T @ dz
        dWh += (hs[:, t - 1] if t else h0).T @ dz
        db += dz.sum(axis=0)
        carry = dz @ Wh.T
    return dx, carry, dWx, dWh, db


def elman_case(rng, scale, time, batch=2, features=3, units=4, dtype=np.float64):
    """(arguments, upstream) of an Elman network with weights of that scale."""
    arguments = {
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.uniform(-0.9, 0.9, (batch, units)),
        "Wx": scale * rng.standard_normal((features, units)),
        "Wh": scale * rng.standard_normal((units, units)),
        "b": scale * rng.standard_normal(units),
    }
    upstream = rng.standard_normal((batch, time, units))
    return {name: a.astype(dtype) for name, a in arguments.items()}, upstream.astype(dtype)


class Counting:
    """A function that counts how often it is called."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.function(*arguments)


def step(x, h, Wx, Wh, b):
    return np.tanh(x @ Wx + h @ Wh + b)


@pytest.fixture
def step_case():
    """A by-hand step: batch 3, features 4, 5 units."""
    rng = np.random.default_rng(0)
    shapes = {"x": (3, 4), "h": (3, 5), "Wx": (4, 5), "Wh": (5, 5), "b": (5,)}
    arguments = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return arguments, rng.standard_normal((3, 5)), sum(a.size for a in arguments.values())


# Values


@pytest.mark.parametrize(
    ("method", "bound"),
    # references.md, "how good each method is": the worse end of each range, L2 relative error
    [("central", 3e-9), ("richardson", 1e-10), ("complex", 5e-15)],
)
@pytest.mark.parametrize("time", [5, 35])
def test_methods_are_as_accurate_as_published(method, bound, time):
    arguments, upstream = elman_case(np.random.default_rng(time), 0.5, time, units=5)
    found = numeric_gradient(elman, arguments, upstream=upstream, method=method)
    for name, exact in zip(arguments, elman_backward(upstream, *arguments.values()), strict=True):
        assert np.linalg.norm(found.values[name] - exact) < bound * np.linalg.norm(exact)


def test_float32_central_differences_are_as_accurate_as_published():
    arguments, upstream = elman_case(np.random.default_rng(1), 0.5, 5, units=5, dtype=np.float32)
    found = numeric_gradient(elman, arguments, upstream=upstream)
    exact = elman_backward(upstream.astype(float), *(a.astype(float) for a in arguments.values()))
    for name, gradient in zip(arguments, exact, strict=True):
        assert found.values[name].dtype == np.float32
        # references.md: 3e-4 at its best
        assert np.linalg.norm(found.values[name] - gradient) < 1e-3 * np.linalg.norm(gradient)


# Functions that bend over the size of their argument, or over 1, with their derivatives by hand.
CURVES = {
    "square": (lambda x: x**2, lambda x: 2 * x),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "log": (np.log, lambda x: 1 / x),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2),
    "sine": (np.sin, np.cos),
    "shifted tanh": (lambda x: np.tanh(x + 0.5), lambda x: 1 / np.cosh(np.minimum(x + 0.5, 300)) ** 2),
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(("method", "bound"), [("central", 1e-5), ("richardson", 1e-6), ("complex", 1e-13)])
@settings(max_examples=25, deadline=None)
@given(exponent=st.floats(-6, 6), seed=st.integers(0, 2**32 - 1))
def test_steps_suit_every_scale(curve, method, bound, exponent, seed):
    function, derivative = CURVES[curve]
    x = 10**exponent * np.random.default_rng(seed).uniform(1, 2, 4)
    found = numeric_gradient(lambda x: function(x), {"x": x}, upstream=np.ones(4), method=method)
    exact = derivative(x)
    largest = np.max(np.abs(exact))
    if curve == "shifted tanh":  # where it saturates, its derivative is below the rounding of its values
        largest = max(largest, 1e-3)
    assert np.max(np.abs(found.values["x"] - exact)) < bound * largest


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 4),
    features=st.integers(1, 5),
    units=st.integers(1, 5),
    log_scale=st.floats(-6, 6),
    dtype=st.sampled_from([np.float32, np.float64]),
    method=st.sampled_from(["central", "richardson"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_error_estimates_hold_for_a_layer_of_any_size_and_scale(batch, features, units, log_scale, dtype, method, seed):
    rng = np.random.default_rng(seed)
    scale = 10**log_scale
    x = (scale * rng.standard_normal((batch, features))).astype(dtype)
    W = (rng.standard_normal((features, units)) / scale).astype(dtype)  # the product is of size 1
    upstream = rng.standard_normal((batch, units)).astype(dtype)
    found = numeric_gradient(lambda x, W: np.tanh(x @ W), {"x": x, "W": W}, upstream=upstream, method=method)
    x, W, upstream = (a.astype(float) for a in (x, W, upstream))
    dz = upstream * (1 - np.tanh(x @ W) ** 2)
    for name, exact in (("x", dz @ W.T), ("W", x.T @ dz)):
        answer_rounding = 4 * np.finfo(dtype).eps * np.max(np.abs(exact))  # of storing it in this dtype
        allowed = ALLOWED * found.error[name] + answer_rounding
        assert np.all(np.abs(found.values[name] - exact) <= allowed)


# No right gradient is called wrong


@pytest.mark.parametrize("method", ["central", "richardson"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_gradients_of_networks_that_fade_explode_and_saturate_are_never_called_wrong(method, dtype):
    for seed in range(30):
        rng = np.random.default_rng([seed, 7])
        scale = 10 ** rng.uniform(-2, math.log10(3))
        arguments, upstream = elman_case(rng, scale, int(rng.integers(1, 31)), dtype=dtype)
        found = numeric_gradient(elman, arguments, upstream=upstream, method=method)
        answers = elman_backward(upstream, *arguments.values())
        for name, answer in zip(arguments, answers, strict=True):
            rtol = 1e-7 if dtype is np.float64 else 1e-5
            comparison = gradients.compare(answer, found.values[name], error=found.error[name], rtol=rtol)
            assert comparison.ok, (seed, scale, name, str(comparison))
            # and the estimate holds by itself, but for the rounding of the answer (1 - h^2, saturated)
            off = np.abs(answer - found.values[name].astype(float))
            own_rounding = 1e4 * np.finfo(dtype).eps * np.max(np.abs(answer))
            assert np.all(off <= ALLOWED * found.error[name] + own_rounding), (seed, scale, name)


def called_wrong(seed):
    """The tensors whose right gradient is called wrong, for one network of any size, length and weight scale."""
    rng = np.random.default_rng(seed)
    batch, time = int(np.exp(rng.uniform(0, np.log(65)))), int(np.exp(rng.uniform(0, np.log(101))))
    features, units = rng.integers(1, 7, 2)
    scale = np.exp(rng.uniform(np.log(0.01), np.log(3)))
    shapes = {"x": (batch, time, features), "h0": (batch, units), "Wx": (features, units), "Wh": (units, units)}
    arguments = {name: rng.standard_normal(shape) for name, shape in (shapes | {"b": (units,)}).items()}
    for name in ("Wx", "Wh", "b"):
        arguments[name] *= scale
    upstream = rng.standard_normal((batch, time, units))
    right = dict(zip(arguments, elman_backward(upstream, *arguments.values()), strict=True))
    wrt = ["Wx", "Wh", "b"] if batch * time > 60 else list(arguments)
    found = []
    for method in ("central", "richardson"):
        numeric = numeric_gradient(elman, arguments, upstream=upstream, wrt=wrt, method=method)
        found += [
            f"seed {seed}, {method}, {name}, batch {batch}, time {time}, scale {scale:.2g}"
            for name in wrt
            if not gradients.compare(right[name], numeric.values[name], error=numeric.error[name]).ok
        ]
    return found


def test_right_gradients_are_never_called_wrong_whatever_the_size_length_and_scale():
    assert [fault for seed in range(30) for fault in called_wrong(seed)] == []


@pytest.mark.full
def test_right_gradients_are_never_called_wrong_in_1_000_draws():
    assert [fault for seed in range(1_000, 2_000) for fault in called_wrong(seed)] == []


@pytest.mark.parametrize("method", ["central", "richardson"])
def test_a_wrong_gradient_of_an_ordinary_network_is_called_wrong_though_one_element_is_off_by_1e_4(method):
    for seed in range(20):
        rng = np.random.default_rng([seed, 11])
        arguments, upstream = elman_case(rng, 0.5, 6)
        found = numeric_gradient(elman, arguments, upstream=upstream, method=method)
        answers = elman_backward(upstream, *arguments.values())
        for name, answer in zip(arguments, answers, strict=True):
            index = np.unravel_index(rng.integers(answer.size), answer.shape)
            answer[index] += 1e-4 * np.max(np.abs(answer))
            comparison = gradients.compare(answer, found.values[name], error=found.error[name])
            assert comparison.wrong_count == 1
            assert comparison.worst_index == tuple(map(int, index))


@pytest.mark.parametrize("method", ["central", "richardson"])
def test_the_rounding_of_large_outputs_is_in_the_error_estimate(method):
    for seed in range(20):
        x = np.random.default_rng(seed).uniform(0, 1, 3)
        found = numeric_gradient(lambda x: 1e6 + np.sin(x), {"x": x}, upstream=np.ones(3), method=method)
        assert np.all(np.abs(found.values["x"] - np.cos(x)) <= ALLOWED * found.error["x"])


@pytest.mark.parametrize("effect", [0, 1e-15, 1e-11, 1e-9])
@pytest.mark.parametrize("method", ["central", "richardson"])
def test_an_argument_with_hardly_any_effect_does_not_blur_the_errors_of_the_others(method, effect):
    arguments, upstream = elman_case(np.random.default_rng(2), 0.5, 5)
    more = arguments | {"faint": np.random.default_rng(3).standard_normal((2, 4))}

    def nearly_ignoring(x, h0, Wx, Wh, b, faint):
        return elman(x, h0 + effect * faint, Wx, Wh, b)

    alone = numeric_gradient(elman, arguments, upstream=upstream, method=method)
    found = numeric_gradient(nearly_ignoring, more, upstream=upstream, method=method)
    exact = effect * alone.values["h0"]
    assert np.all(np.abs(found.values["faint"] - exact) <= ALLOWED * found.error["faint"])
    for name in arguments:
        assert np.max(found.error[name]) < 3 * np.max(alone.error[name])


# Evaluations: counted, not timed


def test_central_differences_evaluate_twice_per_element_and_no_more(step_case):
    arguments, upstream, elements = step_case
    function = Counting(step)
    found = numeric_gradient(function, arguments, upstream=upstream)
    assert function.calls == found.evaluations == 2 * elements


def test_richardson_evaluates_four_times_per_element_and_once_more(step_case):
    arguments, upstream, elements = step_case
    function = Counting(step)
    found = numeric_gradient(function, arguments, upstream=upstream, method="richardson")
    assert function.calls == found.evaluations == 4 * elements + 1


def test_the_complex_step_evaluates_once_per_element(step_case):
    arguments, upstream, elements = step_case
    function = Counting(step)
    found = numeric_gradient(function, arguments, upstream=upstream, method="complex")
    assert function.calls == found.evaluations == elements


def test_only_what_is_asked_for_is_differentiated(step_case):
    arguments, upstream, _ = step_case
    function = Counting(step)
    found = numeric_gradient(function, arguments, upstream=upstream, wrt=["b", "Wx"])
    assert list(found.values) == list(found.error) == list(found.smooth) == ["b", "Wx"]
    assert function.calls == 2 * (5 + 20)


def test_blocks_of_evaluations_join_without_a_seam(step_case, monkeypatch):
    arguments, upstream, _ = step_case
    whole = numeric_gradient(step, arguments, upstream=upstream, method="richardson")
    monkeypatch.setattr("autograder.gradients.evaluate.BLOCK", 100)  # less than two elements' outputs
    pieces = numeric_gradient(step, arguments, upstream=upstream, method="richardson")
    for name in arguments:
        np.testing.assert_allclose(pieces.values[name], whole.values[name], rtol=0, atol=1e-10)


# Kinks


@pytest.mark.parametrize("curve", [np.abs, lambda x: np.maximum(x, 0)], ids=["abs", "relu"])
@pytest.mark.parametrize("summed", [False, True])
def test_kinks_are_found_and_slopes_beside_them_are_not_called_kinks(curve, summed):
    x = np.array([0.0, 0.3, -2.0, 1e-4, 6.6e-4, 0.0, 0.05])
    function = (lambda x: curve(x).sum()) if summed else curve
    upstream = None if summed else np.full(7, 1.5)
    found = numeric_gradient(function, {"x": x}, upstream=upstream, method="richardson")
    assert np.array_equal(found.smooth["x"], x != 0)
    smooth = x != 0
    exact = np.where(curve(np.sign(x)) > 0, np.sign(x), 0) * (1 if summed else 1.5)
    assert np.max(np.abs(found.values["x"] - exact)[smooth]) < 1e-9
    assert np.max(found.error["x"][smooth]) < 1e-8
    for slope in (curve(1.0), -curve(-1.0)):  # on either side of a kink: a subgradient is no mistake
        answer = np.where(smooth, exact, slope * (1 if summed else 1.5))
        assert gradients.compare(answer, found.values["x"], error=found.error["x"]).ok


def test_a_kink_is_found_in_a_single_number():
    found = numeric_gradient(np.abs, {"x": np.float64(0)}, method="richardson")
    assert not found.smooth["x"]
    assert found.error["x"] > 0.9


def test_sharp_bends_are_not_called_kinks():
    x = np.linspace(-0.02, 0.02, 9)
    found = numeric_gradient(lambda x: np.tanh(300 * x), {"x": x}, upstream=np.ones(9), method="richardson")
    assert found.smooth["x"].all()
    exact = 300 * (1 - np.tanh(300 * x) ** 2)
    assert np.all(np.abs(found.values["x"] - exact) <= ALLOWED * found.error["x"])
    assert np.max(found.error["x"]) < 1e-5 * 300


def test_stationary_points_are_smooth():
    x = np.zeros(3)
    found = numeric_gradient(np.square, {"x": x}, upstream=np.ones(3), method="richardson")
    assert found.smooth["x"].all()
    assert np.max(np.abs(found.values["x"])) < 1e-15


def test_where_the_function_is_not_finite_the_error_is_infinite():
    with np.errstate(divide="ignore"):
        for method in ("central", "richardson"):
            found = numeric_gradient(np.log, {"x": np.zeros(1)}, upstream=np.ones(1), method=method)
            assert np.isinf(found.error["x"]).all()


@pytest.mark.parametrize("method", ["central", "richardson"])
def test_an_element_that_leaves_the_domain_does_not_spoil_the_others(method):
    x = np.array([1e-9, 1.0, 2.0, 3.0])  # log(x - h) is NaN at the first, for a step that suits the others
    found = numeric_gradient(np.log, {"x": x}, upstream=np.ones(4), method=method)
    np.testing.assert_allclose(found.values["x"][1:], 1 / x[1:], rtol=1e-9)
    assert np.isinf(found.error["x"][0])
    assert np.max(found.error["x"][1:]) < 1e-8


def test_a_masked_logit_does_not_spoil_the_others():
    mask = np.array([0, 0, -np.inf])
    for method in ("central", "richardson"):
        found = numeric_gradient(lambda x: x**2 + mask, {"x": np.arange(1.0, 4)}, upstream=np.ones(3), method=method)
        np.testing.assert_allclose(found.values["x"], [2, 4, 0], atol=1e-9)
        assert np.max(found.error["x"]) < 1e-8


# Outputs and arguments of every form


def test_tuples_of_outputs_are_summed_with_their_own_upstream_gradients():
    a, b = np.array([1.0, 2.0]), np.array([3.0])
    upstream = np.array([0.5, -1.0]), np.array([2.0])
    found = numeric_gradient(lambda a, b: (a * b, b**2), {"a": a, "b": b}, upstream=upstream)
    np.testing.assert_allclose(found.values["a"], [1.5, -3.0], rtol=1e-9)
    np.testing.assert_allclose(found.values["b"], [0.5 - 2.0 + 12.0], rtol=1e-9)


@pytest.mark.parametrize("method", ["central", "richardson", "complex"])
def test_outputs_without_upstream_gradient_do_not_count(method):
    found = numeric_gradient(lambda a: (a**2, a**3), {"a": np.array([2.0])}, upstream=(None, np.ones(1)), method=method)
    np.testing.assert_allclose(found.values["a"], [12.0], rtol=1e-9)


@pytest.mark.parametrize("output", [float, np.float64, np.asarray], ids=["float", "np.float64", "0-d array"])
def test_a_single_number_needs_no_upstream_gradient(output):
    found = numeric_gradient(lambda x: output(np.sum(x**2)), {"x": np.array([1.0, -2.0])})
    np.testing.assert_allclose(found.values["x"], [2, -4], rtol=1e-9)


def test_floats_arrays_without_dimension_and_empty_tensors_are_differentiated():
    arguments = {"x": 3.0, "y": np.array(2.0), "none": np.zeros((0, 4)), "times": 2}
    found = numeric_gradient(lambda x, y, none, times: times * x * y + none.sum(), arguments)
    assert found.values["x"].shape == found.values["y"].shape == ()
    assert found.values["none"].shape == (0, 4)
    np.testing.assert_allclose([found.values["x"], found.values["y"]], [4, 6], rtol=1e-9)


def test_indices_and_flags_reach_the_function_as_they_are():
    def embed(ids, E, reverse):
        assert reverse is True
        return E[ids][::-1]

    arguments = {"ids": np.array([2, 0, 2]), "E": np.arange(6.0).reshape(3, 2), "reverse": True}
    found = numeric_gradient(embed, arguments, upstream=np.ones((3, 2)))
    assert list(found.values) == ["E"]
    np.testing.assert_allclose(found.values["E"], [[1, 1], [0, 0], [2, 2]], atol=1e-9)


def test_a_function_may_return_its_argument_or_the_same_buffer_every_time():
    buffer = np.zeros(3)
    arguments, upstream = {"x": np.arange(3.0)}, np.array([1.0, 2.0, 3.0])
    for function in (lambda x: x, lambda x: x[::-1][::-1], lambda x: np.multiply(x, 1, out=buffer)):
        found = numeric_gradient(function, arguments, upstream=upstream)
        np.testing.assert_allclose(found.values["x"], upstream, rtol=1e-9)


def test_transposed_and_strided_arguments_and_outputs_keep_their_order():
    rng = np.random.default_rng(3)
    base = rng.standard_normal((4, 6))
    x = base.T[::2]  # (3, 4), neither contiguous nor in C order
    upstream = rng.standard_normal((4, 3))
    found = numeric_gradient(lambda x: (x**2).T, {"x": x}, upstream=upstream)
    np.testing.assert_allclose(found.values["x"], 2 * x * upstream.T, rtol=1e-7)


def test_tensors_of_two_precisions_are_differentiated_together():
    x, w = np.array([0.5, -0.3], np.float32), np.array([0.2, 0.7])
    found = numeric_gradient(lambda x, w: np.tanh(x * w), {"x": x, "w": w}, upstream=np.ones(2))
    slope = 1 - np.tanh(x * w) ** 2
    assert (found.values["x"].dtype, found.values["w"].dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(found.values["x"], w * slope, rtol=1e-3)
    np.testing.assert_allclose(found.values["w"], x * slope, rtol=1e-3)


def test_steps_grow_where_the_function_answers_in_a_lower_precision():
    x = np.array([0.5, -0.3])
    found = numeric_gradient(lambda x: np.tanh(x).astype(np.float32), {"x": x}, upstream=np.ones(2))
    exact = 1 - np.tanh(x) ** 2
    assert np.max(np.abs(found.values["x"] - exact)) < 1e-3  # 1e-2 with the steps of float64
    assert np.all(np.abs(found.values["x"] - exact) <= ALLOWED * found.error["x"])


def test_a_given_step_is_taken():
    found = numeric_gradient(lambda x: x**3, {"x": np.array([1.0])}, upstream=np.ones(1), step=0.5)
    np.testing.assert_allclose(found.values["x"], [3 + 0.5**2])  # f' + h^2 for a cube


def test_differences_are_divided_by_the_step_that_the_dtype_could_hold():
    x = np.array([1e6], np.float32)  # neighbours are 1/16 apart: x + 0.2 is rounded to x + 3/16
    found = numeric_gradient(lambda x: 2 * x, {"x": x}, upstream=np.ones(1), step=0.2)
    np.testing.assert_allclose(found.values["x"], 2, rtol=1e-6)


# Functions that misbehave


def spoil_later(x, W, calls=[]):  # noqa: B006 (the point: it remembers)
    calls.append(0)
    if len(calls) > 20:
        W *= 1.0001
    return x @ W


def unlock_and_edit(x, W):
    W.setflags(write=True)
    W += 1
    return x @ W


def sort_in_place(x, W):
    W.sort()
    return x @ W


def add_in_place(x, W):
    W += 1
    return x @ W


def flip_sign_in_place(x, W):
    W *= -1  # undoes itself at every second call
    return x @ W


@pytest.mark.parametrize("function", [add_in_place, flip_sign_in_place, sort_in_place, spoil_later, unlock_and_edit])
@pytest.mark.parametrize("wrt", [None, ["x"], ["W"]])
def test_a_function_that_edits_an_argument_is_refused_by_name_and_our_arrays_stay(function, wrt):
    rng = np.random.default_rng(0)
    arguments = {"x": rng.standard_normal((3, 4)), "W": rng.standard_normal((4, 5))}
    before = {name: a.copy() for name, a in arguments.items()}
    with pytest.raises(ValueError, match="must not edit.*`.*W`"):
        numeric_gradient(function, arguments, upstream=np.ones((3, 5)), wrt=wrt)
    for name, array in arguments.items():
        assert np.array_equal(array, before[name])


def test_errors_of_the_function_itself_pass_through():
    def broken(x):
        raise ValueError("my own read-only problem")

    with pytest.raises(ValueError, match="my own read-only problem"):
        numeric_gradient(broken, {"x": np.ones(2)})


def test_outputs_that_change_their_shape_are_refused():
    sizes = iter([3, 3, 2, 3, 3, 3])
    with pytest.raises(ValueError, match="same shapes and dtypes"):
        numeric_gradient(lambda x: np.ones(next(sizes)), {"x": np.ones(3)}, upstream=np.ones(3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "forward"}, "`method` must be one of"),
        ({"step": -1.0}, "`step` must be a positive number"),
        ({"wrt": ["y"]}, "`wrt` must name floating-point arguments"),
        ({"wrt": []}, "`wrt` must name floating-point arguments"),
        ({"upstream": np.ones(4)}, "`upstream` must have the structure and the shapes"),
        ({"upstream": (np.ones(3),)}, "`upstream` must have the structure and the shapes"),
        ({"upstream": None}, "`upstream` may only be left out"),
        ({"arguments": {"x": np.array([1.0, np.nan, 2.0])}}, "can only be taken at finite numbers"),
        ({"arguments": {"x": np.arange(3)}}, "`wrt` must name floating-point arguments"),
        ({"function": lambda x: np.sign(x).astype(int)}, "must return floating-point"),
        ({"function": lambda x: x + 0j}, "must return floating-point"),
    ],
)
def test_wrong_use_is_refused_with_the_rule_what_came_and_the_way_out(changes, message):
    use = {"function": np.sin, "arguments": {"x": np.ones(3)}, "upstream": np.ones(3)} | changes
    with pytest.raises(ValueError, match=message) as error:
        numeric_gradient(use.pop("function"), use.pop("arguments"), **use)
    assert "Received" in str(error.value)


def fill_a_buffer(x):
    out = np.zeros(x.shape)
    out[...] = x
    return out


@pytest.mark.parametrize(
    "function", [np.abs, lambda x: x.real, fill_a_buffer, lambda x: np.array([math.tanh(v) for v in x])]
)
def test_a_complex_step_through_a_function_that_drops_the_imaginary_part_is_refused(function):
    with pytest.raises(ValueError, match="complex step needs"):
        numeric_gradient(function, {"x": np.ones(3)}, upstream=np.ones(3), method="complex")


# Projections


@pytest.mark.parametrize(("method", "evaluations"), [("central", 2), ("richardson", 4)])
def test_projections_take_a_few_evaluations_and_agree_with_the_projected_gradient(method, evaluations):
    for seed in range(20):
        rng = np.random.default_rng([seed, 13])
        arguments, upstream = elman_case(rng, 10 ** rng.uniform(-2, math.log10(3)), int(rng.integers(1, 31)))
        function = Counting(elman)
        found = projected_gradient(function, arguments, upstream=upstream, rng=rng, projections=3, method=method)
        assert function.calls == found.evaluations == evaluations * 3 * len(arguments) + 1
        for name, exact in zip(arguments, elman_backward(upstream, *arguments.values()), strict=True):
            assert found.directions[name].shape == (3, *exact.shape)
            assert np.array_equal(np.abs(found.directions[name]), np.ones((3, *exact.shape)))
            off = np.abs(found.values[name] - project(exact, found.directions[name]))
            assert np.all(off <= ALLOWED * found.error[name] + 1e-7 * np.linalg.norm(exact))


def test_projections_show_a_single_wrong_element_of_a_large_tensor():
    rng = np.random.default_rng(4)
    x, W = rng.standard_normal((2, 200)), 0.05 * rng.standard_normal((200, 150))
    upstream = rng.standard_normal((2, 150))
    found = projected_gradient(
        lambda x, W: np.tanh(x @ W), {"x": x, "W": W}, upstream=upstream, wrt=["W"], rng=rng, method="richardson"
    )
    dW = x.T @ (upstream * (1 - np.tanh(x @ W) ** 2))
    right = project(dW, found.directions["W"])
    assert np.all(np.abs(found.values["W"] - right) <= ALLOWED * found.error["W"])
    dW[17, 29] += 0.01 * np.max(np.abs(dW))
    wrong = project(dW, found.directions["W"])
    assert np.all(np.abs(found.values["W"] - wrong) > ALLOWED * found.error["W"])


def test_the_same_generator_gives_the_same_projections():
    use = {"upstream": np.ones(3), "projections": 2}
    found = [projected_gradient(np.sin, {"x": np.arange(3.0)}, rng=np.random.default_rng(5), **use) for _ in range(2)]
    assert np.array_equal(found[0].directions["x"], found[1].directions["x"])
    assert np.array_equal(found[0].values["x"], found[1].values["x"])


def test_project_sums_with_signs_and_refuses_directions_of_another_shape():
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    directions = np.array([[[1, 1], [1, 1]], [[1, -1], [-1, 1]]], np.int8)
    assert np.array_equal(project(array, directions), [10, 0])
    with pytest.raises(ValueError, match="Received.*Use the directions"):
        project(array, directions[:, :1])


@pytest.mark.parametrize("changes", [{"method": "complex"}, {"projections": 0}])
def test_wrong_use_of_projections_is_refused(changes):
    with pytest.raises(ValueError, match="must be.*Received"):
        projected_gradient(np.sum, {"x": np.ones(3)}, rng=np.random.default_rng(0), **changes)
