"""Comparing one tensor, reading the signature of what is wrong, and checking a backward pass.

Every signature here is made from a random tensor by the operation it is the signature of.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.gradients import check_gradient, compare, describe

SIZES = {"batch": 3, "time": 7, "features": 4, "units": 5}


@pytest.fixture(autouse=True)
def no_warning_may_leak():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# Right or wrong


def test_an_element_off_by_1e_4_is_found_among_100_000(rng):
    expected = rng.standard_normal((400, 250))
    answer = expected.copy()
    answer[123, 45] += 1e-4 * np.max(np.abs(expected))
    comparison = compare(answer, expected)
    assert (comparison.ok, comparison.wrong_count, comparison.worst_index) == (False, 1, (123, 45))
    assert comparison.relative_error == pytest.approx(1e-4, rel=1e-6)
    assert describe(comparison) == "a single element of 100000 is wrong: [123, 45]"


@settings(max_examples=60, deadline=None)
@given(
    shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=6),
    exponent=st.floats(-6, 6),
    off=st.floats(1e-3, 1e3),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_bound_is_relative_to_the_largest_element_at_every_scale(shape, exponent, off, seed):
    rng = np.random.default_rng(seed)
    expected = 10**exponent * rng.standard_normal(shape)
    largest = np.max(np.abs(expected))
    answer = expected + off * 1e-7 * largest * rng.choice([-1, 1], shape)
    comparison = compare(answer, expected, rtol=1e-7)
    if abs(off - 1) > 1e-6:  # not on the bound itself, where rounding decides
        assert comparison.wrong_count == (0 if off < 1 else expected.size)
    # an equivalent right answer: the same numbers through float addition in another order
    assert compare((expected * 3 + expected) / 4, expected, rtol=1e-14).ok


def test_small_elements_may_carry_the_rounding_of_large_ones():
    assert compare(np.array([1.0, 1e-9]), np.array([1.0, 2e-9])).ok
    assert not compare(np.array([1e-9]), np.array([2e-9])).ok


def test_with_error_estimates_an_element_is_wrong_beyond_ten_times_its_own():
    expected, error = np.zeros(4), np.array([1e-3, 1e-3, 1e-6, 1e-6])
    answer = np.array([0.9e-2, 1.1e-2, 0.9e-5, 1.1e-5])
    assert compare(answer, expected, error=error).wrong.tolist() == [False, True, False, True]


def test_what_the_reference_comparison_accepts_the_numeric_one_accepts_too(rng):
    expected = rng.standard_normal(9)
    answer = expected + 0.9e-7 * np.max(np.abs(expected))
    assert compare(answer, expected).ok
    assert compare(answer, expected, error=np.full(9, 1e-30)).ok


def test_elements_without_a_numeric_gradient_are_not_judged_and_alone_prove_nothing():
    expected, error = np.array([np.nan, 1.0]), np.array([np.inf, 1e-9])
    half = compare(np.array([5.0, 1.0]), expected, error=error)
    assert (half.ok, half.not_judged, half.wrong_count) == (True, 1, 0)
    assert not compare(np.array([5.0, 2.0]), expected, error=error).ok
    none = compare(np.array([5.0]), expected[:1], error=error[:1])
    assert (none.ok, none.not_judged, none.wrong_count) == (False, 1, 0)
    assert describe(none) is None


def test_an_absolute_tolerance_saves_gradients_that_are_zero_but_for_rounding():
    answer, expected = np.array([3e-17, -2e-17]), np.array([-1e-17, 4e-17])
    assert not compare(answer, expected).ok
    assert compare(answer, expected, atol=1e-12).ok


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_wrong_and_counted(value, rng):
    expected = rng.standard_normal((3, 4))
    answer = expected.copy()
    answer[1, 2] = answer[2, 0] = value
    comparison = compare(answer, expected, error=np.full((3, 4), 1e-3), time_axis=0)
    assert (comparison.ok, comparison.wrong_count, comparison.not_finite) == (False, 2, 2)
    assert comparison.worst_index in {(1, 2), (2, 0)}
    assert comparison.relative_error == comparison.l2_error == math.inf
    assert math.isnan(comparison.cosine)
    assert comparison.per_time == [True, False, False]
    assert describe(comparison).startswith("2 of 12 values are not finite")
    assert "nan" in str(comparison) or "inf" in str(comparison)


def test_infinities_and_nan_that_are_expected_must_be_the_same():
    expected = np.array([-np.inf, np.nan, 1.0])  # masked log-probabilities
    assert compare(expected.copy(), expected).ok
    assert compare(np.array([np.inf, 0.0, 1.0]), expected).wrong.tolist() == [True, True, False]


def test_zero_tensors_are_compared_exactly():
    zero = np.zeros((2, 3))
    assert compare(zero.copy(), zero).ok
    comparison = compare(zero + 1e-300, zero)
    assert (comparison.wrong_count, comparison.relative_error) == (6, math.inf)
    assert comparison.factor is None
    assert not comparison.negated


def test_single_numbers_and_empty_tensors_are_compared():
    number = compare(np.float64(2), np.float64(3))
    assert (number.worst_index, number.answer_value, number.expected_value) == ((), 2.0, 3.0)
    empty = compare(np.zeros((0, 3)), np.zeros((0, 3)))
    assert (empty.ok, empty.worst_index, empty.answer_value) == (True, None, None)


def test_numbers_near_the_ends_of_the_range_neither_overflow_nor_vanish(rng):
    for scale in (1e-200, 1e200):
        expected = scale * rng.standard_normal(5)
        comparison = compare(expected / 3, expected)
        assert comparison.cosine == pytest.approx(1)
        assert comparison.norm_ratio == pytest.approx(1 / 3)
        assert comparison.factor == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("answer", "expected", "more"),
    [
        (np.ones(3), np.ones(4), {}),
        (np.ones((3, 1)), np.ones((1, 3)), {}),  # would broadcast
        (np.ones(3), np.ones(3), {"error": np.ones(1)}),
        (np.ones(3, np.float32), np.ones(3), {}),
        (np.ones(3, complex), np.ones(3, complex), {}),
        (np.array(["a"]), np.array(["a"]), {}),
        (np.ones(3), np.ones(3), {"time_axis": 1}),
        (np.ones(()), np.ones(()), {"time_axis": 0}),
    ],
)
def test_what_can_not_be_compared_is_refused_with_the_rule_what_came_and_the_way_out(answer, expected, more):
    with pytest.raises(ValueError, match="must.*Received.*"):
        compare(answer, expected, **more)


# Figures


def test_cosine_norm_ratio_and_l2_error_are_those_of_vectors():
    # 3-4-5 triangles: |a| = 5, |e| = 10, a . e = 3*8 + 4*6 = 48, |a - e| = sqrt(29)
    comparison = compare(np.array([3.0, 4.0]), np.array([8.0, 6.0]))
    assert comparison.cosine == pytest.approx(48 / 50)
    assert comparison.norm_ratio == pytest.approx(1 / 2)
    assert comparison.l2_error == pytest.approx(math.sqrt(29) / 10)


def test_transposition_leaves_the_norm_and_is_recognised(rng):
    expected = rng.standard_normal((5, 5))
    comparison = compare(expected.T, expected)
    assert comparison.norm_ratio == pytest.approx(1, abs=1e-12)
    assert comparison.transposed
    assert "transposed" in describe(comparison)
    oblong = rng.standard_normal((4, 5))
    assert compare(oblong.T.reshape(4, 5), oblong).transposed
    assert not compare(oblong + 1, oblong).transposed
    symmetric = expected + expected.T
    assert not compare(symmetric.T, symmetric).transposed


def test_steps_in_time_are_right_or_wrong_one_by_one(rng):
    expected = rng.standard_normal((3, 7, 4))
    answer = expected.copy()
    answer[1, 2, 3] += 1
    answer[0, 5, 0] += 1
    for axis in (1, -2):
        assert compare(answer, expected, time_axis=axis).per_time == [True, True, False, True, True, False, True]
    assert compare(answer, expected).per_time is None


# Signatures


@pytest.mark.parametrize(
    ("factor", "begins", "asks"),
    [
        (1 / 3, "looks like a factor 1/3: ", "averaged over the batch (3) that should be summed?"),
        (7, "looks like a factor 7: ", "summed over the time (7) that should be averaged?"),
        (1 / 21, "looks like a factor 1/21: ", "averaged over the batch (3) and the time (7)"),
        (20, "looks like a factor 20: ", "summed over the features (4) and the units (5)"),
        (3 / 7, "looks like a factor 3/7: ", "averaged over the time (7) instead of the batch (3)?"),
        (2, "looks like a factor 2: ", "counted twice?"),
        (1 / 2, "looks like a factor 1/2: ", "halved"),
        (-1 / 3, "looks like a factor -1/3: ", "and is the sign turned round?"),
        (-1, "looks right but for its sign", "subtracted the wrong way round?"),
        (0, "every value is zero", "returned?"),
        (0.7312, "every element is 0.7312 times what it should be", "?"),
    ],
)
def test_factors_are_read_with_the_sizes_they_may_come_from(factor, begins, asks, rng):
    expected = rng.standard_normal((4, 5))
    sentence = describe(compare(factor * expected, expected), sizes=SIZES)
    assert sentence.startswith(begins)
    assert asks in sentence


def test_two_sizes_that_fit_a_factor_are_both_asked_about(rng):
    expected = rng.standard_normal(6)
    sentence = describe(compare(expected / 2, expected), sizes={"batch": 2, "units": 2})
    assert "the batch (2)" in sentence
    assert "the units (2)" in sentence


def test_a_factor_is_read_from_a_single_number_only_where_a_size_explains_it():
    assert "batch (3)" in describe(compare(np.float64(2), np.float64(6)), sizes=SIZES)
    assert describe(compare(np.float64(2), np.float64(2.7)), sizes=SIZES) is None


@settings(max_examples=60, deadline=None)
@given(size=st.integers(2, 40), exponent=st.floats(-6, 6), seed=st.integers(0, 2**32 - 1))
def test_averages_are_read_at_every_scale_with_the_errors_of_a_numeric_gradient(size, exponent, seed):
    rng = np.random.default_rng(seed)
    expected = 10**exponent * rng.standard_normal((4, 5))
    error = np.full((4, 5), 1e-9 * np.max(np.abs(expected)))
    noisy = expected + error * rng.uniform(-1, 1, (4, 5))
    comparison = compare(expected / size, noisy, error=error)
    assert comparison.factor == pytest.approx(1 / size, rel=1e-6)
    if size != 2:
        sentence = f"looks like a factor 1/{size}: is something averaged over the batch ({size}) that should be summed?"
        assert describe(comparison, sizes={"batch": size}) == sentence


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            slice(0, 6),
            "the last time step is exact, everything before it is not: is the gradient carried back in time?",
        ),
        (slice(0, 4), "the last 3 of 7 time steps are exact, those before them are not: is the gradient cut off"),
        (slice(1, 7), "the first time step is exact, everything after it is not: is the state handed"),
        (slice(3, 7), "the first 3 of 7 time steps are exact, those after them are not"),
        (slice(0, 1), "only the first of 7 time steps is wrong"),
        (slice(6, 7), "only the last of 7 time steps is wrong"),
        (slice(2, 3), "only time step 2 of 7 (counted from 0) is wrong"),
    ],
)
def test_patterns_in_time_are_read(wrong, sentence, rng):
    expected = rng.standard_normal((3, 7, 4))
    answer = expected.copy()
    answer[:, wrong] += rng.standard_normal(answer[:, wrong].shape)
    assert describe(compare(answer, expected, time_axis=1), sizes=SIZES).startswith(sentence)


@pytest.mark.parametrize(
    ("shape", "index", "sentence"),
    [
        ((6, 20), np.s_[:, 5:10], "only columns 5 to 9 of 20 (counted from 0) are wrong, the others are right"),
        ((6, 20), np.s_[2], "only row 2 of 6 (counted from 0) is wrong, the others are right"),
        ((6, 20), np.s_[:, [1, 4, 9]], "only 3 of 20 columns are wrong, the others are right"),
        ((20,), np.s_[:5], "only elements 0 to 4 of 20 (counted from 0) are wrong, the others are right"),
        ((2, 6, 4), np.s_[:, 3], "only slice 3 of 6 along axis 1 (counted from 0) is wrong, the others are right"),
        ((6, 20), np.s_[3, 7], "a single element of 120 is wrong: [3, 7]"),
    ],
)
def test_wrong_rows_columns_and_slices_are_read(shape, index, sentence, rng):
    expected = rng.standard_normal(shape)
    answer = expected.copy()
    answer[index] += 1 + rng.random(answer[index].shape)
    assert describe(compare(answer, expected)) == sentence


def test_what_looks_like_nothing_known_is_given_no_name(rng):
    expected = rng.standard_normal((4, 5))
    assert describe(compare(rng.standard_normal((4, 5)), expected), sizes=SIZES) is None
    assert describe(compare(expected.copy(), expected), sizes=SIZES) is None


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.integers(0, 5))
def test_no_sentence_holds_an_expected_value(seed, kind):
    rng = np.random.default_rng(seed)
    expected = 100 + 800 * rng.random((4, 5))  # three digits before the point, so that they can't be sizes
    answer = [
        expected / 3,
        0 * expected,
        expected * 0.77,
        np.where(rng.random((4, 5)) < 0.2, 0, expected),
        rng.random((4, 5)),
        expected[::-1],
    ][kind]
    sentence = describe(compare(answer, expected), sizes=SIZES) or ""
    for value in expected.ravel():
        assert f"{value:.1f}"[:4] not in sentence
        assert str(int(value)) not in sentence


# Forward and backward together


def forward(x, W, b):
    return np.tanh(x @ W + b)


def backward(upstream, x, W, b):
    dz = upstream * (1 - np.tanh(x @ W + b) ** 2)
    return dz @ W.T, x.T @ dz, dz.sum(axis=0)


@pytest.fixture
def layer(rng):
    shapes = {"x": (3, 4), "W": (4, 5), "b": (5,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}, rng.standard_normal((3, 5))


@pytest.mark.parametrize("method", ["central", "richardson", "complex"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_right_backward_pass_checks_out_and_prints_so(layer, method, dtype):
    arguments, upstream = layer
    arguments = {name: a.astype(dtype) for name, a in arguments.items()}
    found = check_gradient(forward, backward, arguments, upstream=upstream.astype(dtype), method=method)
    assert list(found) == ["x", "W", "b"]
    assert all(comparison.ok for comparison in found.values())
    assert str(found["W"]).startswith("right: 20 elements, relative error ")


def test_a_wrong_backward_pass_is_shown_where_and_how(layer):
    arguments, upstream = layer

    def averaged(*inputs):
        dx, dW, db = backward(*inputs)
        return dx, dW, db / 3

    found = check_gradient(forward, averaged, arguments, upstream=upstream)
    assert [comparison.ok for comparison in found.values()] == [True, True, False]
    assert found["b"].factor == pytest.approx(1 / 3)
    assert str(found["b"]).startswith("wrong: 5 of 5 elements; worst at [")
    assert "norm ratio 0.3333" in str(found["b"])


def test_the_example_in_the_documentation_runs_and_prints_what_it_says(capsys):
    from autograder import gradients

    lines = gradients.__doc__.splitlines()
    code = [line[4:] for line in lines if line.startswith("    ") or not line]
    start = code.index("import numpy as np")
    end = next(i for i, line in enumerate(code) if line.startswith("x right"))
    exec("\n".join(code[start:end]), {})
    printed = capsys.readouterr().out.split("\n")
    for shown, line in zip(code[end:], printed, strict=False):
        assert shown.split("relative")[0] == line.split("relative")[0]


def test_backward_gets_as_many_upstream_gradients_as_forward_returns(rng):
    arguments = {"x": rng.standard_normal(4)}

    def both(d_sine, d_square, x):
        return d_sine * np.cos(x) + d_square * 2 * x

    upstream = rng.standard_normal(4), rng.standard_normal(4)
    assert check_gradient(lambda x: (np.sin(x), x**2), both, arguments, upstream=upstream)["x"].ok
    assert check_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, arguments)["x"].ok


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda dx, dW, db: (dx, dW), "must return one gradient for each of x, W, b"),
        (lambda dx, dW, db: (dW, dx, db), "must have the shape and dtype of its argument"),
        (lambda dx, dW, db: (dx, dW.astype(np.float32), db), "must have the shape and dtype of its argument"),
    ],
)
def test_gradients_in_another_order_number_or_form_are_refused(layer, spoil, message):
    arguments, upstream = layer
    with pytest.raises(ValueError, match=message) as error:
        check_gradient(forward, lambda *inputs: spoil(*backward(*inputs)), arguments, upstream=upstream)
    assert "Received" in str(error.value)


def test_a_backward_pass_that_edits_its_upstream_gradient_is_refused_by_name(layer):
    arguments, upstream = layer
    before = upstream.copy()

    def editing(upstream, x, W, b):
        upstream *= 1 - np.tanh(x @ W + b) ** 2
        return upstream @ W.T, x.T @ upstream, upstream.sum(axis=0)

    with pytest.raises(ValueError, match="must not edit.*`upstream`"):
        check_gradient(forward, editing, arguments, upstream=upstream)
    assert np.array_equal(upstream, before)


# Kinks


def relu(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_at_a_kink_any_value_between_the_slopes_is_right_and_said_to_be_not_differentiable(slope):
    x = np.array([-2.0, 0.0, 3.0])
    found = check_gradient(relu, lambda up, x: up * np.where(x == 0, slope, x > 0), {"x": x}, upstream=np.ones(3))["x"]
    assert found.ok
    assert found.not_smooth.tolist() == [False, True, False]
    assert "1 not differentiable here (a kink)" in str(found)
    assert describe(found).startswith("1 of 3 values is at a kink of the function: not differentiable here")


@pytest.mark.parametrize("slope", [-0.1, 1.1])
def test_at_a_kink_a_value_outside_of_the_slopes_is_wrong(slope):
    x = np.array([-2.0, 0.0, 3.0])
    found = check_gradient(relu, lambda up, x: up * np.where(x == 0, slope, x > 0), {"x": x}, upstream=np.ones(3))["x"]
    assert found.wrong.tolist() == [False, True, False]
    assert "must lie between the slopes on both sides" in describe(found)


def test_beside_a_kink_wrong_values_are_described_as_ever():
    x = np.array([-2.0, 0.0, 3.0, 4.0, 5.0])
    found = check_gradient(relu, lambda up, x: -up * (x > 0), {"x": x}, upstream=np.ones(5))["x"]
    assert not found.ok
    assert "kink of the function" not in describe(found)


def test_without_smoothness_nothing_is_said_about_kinks(rng):
    expected = rng.standard_normal((2, 3))
    comparison = compare(expected, expected)
    assert not comparison.not_smooth.any()
    assert comparison.not_smooth.shape == (2, 3)
    assert "differentiable" not in str(comparison)
    with pytest.raises(ValueError, match="must have one shape.*Received"):
        compare(expected, expected, smooth=np.ones(3, bool))
