"""Truncated backpropagation: the definition by brute force, the complex step where nothing is cut; cost by counting."""

import numpy as np
import pytest

from autograder.gradients import numeric_gradient
from solutions import bptt

BATCH, TIME, FEATURES, UNITS = 3, 7, 4, 5


def sequence(seed, time=TIME):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(BATCH, time, FEATURES)),
        "h0": rng.uniform(-0.9, 0.9, (BATCH, UNITS)),
        "Wx": 0.4 * rng.normal(size=(FEATURES, UNITS)),
        "Wh": 0.5 * rng.normal(size=(UNITS, UNITS)),
        "b": 0.4 * rng.normal(size=UNITS),
    }


def upstream_of(seed, time=TIME):
    return np.random.default_rng(seed + 100).normal(size=(BATCH, time, UNITS))


def states(x, h0, Wx, Wh, b):
    """The network by itself, written apart from the reference. It also takes complex numbers."""
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx + h[-1] @ Wh + b))
    return h


def by_the_definition(dh, given, k1, k2):
    """One loss after the other: the complex step through its window, with the state before the window held fixed."""
    time = given["x"].shape[1]
    h = states(**given)
    total = {name: np.zeros(given[name].shape) for name in ("Wx", "Wh", "b")}
    for step in range(1, time + 1):  # losses of steps 1, 2, …
        end = min(time, -(-step // k1) * k1)  # the pass that takes this loss in
        start = max(0, end - k2)  # it goes over the steps start + 1, …, end
        window = given["x"][:, start:step]

        def last(Wx, Wh, b, window=window, start=start):
            return states(window, h[start], Wx, Wh, b)[-1]

        weights = {name: given[name] for name in total}
        found = numeric_gradient(last, weights, upstream=dh[:, step - 1], method="complex").values
        for name in total:
            total[name] += found[name]
    return list(total.values())


def largest_difference(found, expected):
    return max(np.max(np.abs(a - b)) / np.max(np.abs(b)) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (2, 2), (2, 3), (2, 5), (3, 3), (3, 4), (7, 7), (4, 9)])
def test_each_loss_goes_back_to_the_start_of_its_window_and_no_further(k1, k2):
    given, dh = sequence(1), upstream_of(1)
    found = bptt.truncated_backward(dh, **given, k1=k1, k2=k2)
    assert [a.shape for a in found] == [(FEATURES, UNITS), (UNITS, UNITS), (UNITS,)]
    assert largest_difference(found, by_the_definition(dh, given, k1, k2)) <= 1e-12


@pytest.mark.parametrize("k1", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("k2", [TIME, TIME + 5])
def test_with_a_long_window_it_is_the_whole_gradient(k1, k2):
    given, dh = sequence(2), upstream_of(2)
    whole = numeric_gradient(
        lambda x, h0, Wx, Wh, b: np.stack(states(x, h0, Wx, Wh, b)[1:], axis=1),
        given, upstream=dh, wrt=["Wx", "Wh", "b"], method="complex",
    )  # fmt: skip
    found = bptt.truncated_backward(dh, **given, k1=k1, k2=k2)
    assert largest_difference(found, list(whole.values.values())) <= 1e-12


def test_with_equal_windows_the_pieces_are_independent_once_the_state_is_known():
    given, dh = sequence(3, 6), upstream_of(3, 6)
    h = states(**given)
    weights = {name: given[name] for name in ("Wx", "Wh", "b")}
    pieces = [
        bptt.truncated_backward(dh[:, a : a + 3], given["x"][:, a : a + 3], h[a], **weights, k1=3, k2=3) for a in (0, 3)
    ]
    whole = bptt.truncated_backward(dh, **given, k1=3, k2=3)
    assert largest_difference(whole, [sum(parts) for parts in zip(*pieces, strict=True)]) <= 1e-13


def test_the_error_of_truncation_falls_as_the_window_grows():
    """A contracting network: what lies further back matters less."""
    given, dh = sequence(4, 12), upstream_of(4, 12)
    given["Wh"] *= 0.6 / np.linalg.norm(given["Wh"], 2)
    whole = bptt.truncated_backward(dh, **given, k1=1, k2=12)
    errors = [np.linalg.norm(bptt.truncated_backward(dh, **given, k1=1, k2=k)[1] - whole[1]) for k in (1, 3, 6, 9)]
    assert all(later < 0.5 * earlier for earlier, later in zip(errors, errors[1:], strict=False))


def test_nothing_that_was_given_is_changed():
    given, dh = sequence(5), upstream_of(5)
    before = [np.copy(a) for a in (dh, *given.values())]
    bptt.truncated_backward(dh, **given, k1=2, k2=3)
    assert all(np.array_equal(a, b) for a, b in zip((dh, *given.values()), before, strict=True))


# Cost: the two methods are run with a matrix product that counts


class Counter:
    def __init__(self):
        self.operations = 0

    def __call__(self, left, right):
        self.operations += left.shape[0] * left.shape[1] * right.shape[1]
        return left @ right


@pytest.mark.parametrize(("time", "units", "features"), [(3, 2, 4), (5, 4, 3), (6, 3, 2), (9, 7, 5)])
def test_cost_is_what_a_run_counts(time, units, features):
    """Both methods for one sequence, products through the counter, what is kept in lists; and they agree."""
    rng = np.random.default_rng(time)
    x, dh = rng.normal(size=(time, features)), rng.normal(size=(time, units))
    Wx, Wh, b = rng.normal(size=(features, units)), rng.normal(size=(units, units)), rng.normal(size=units)

    product, kept = Counter(), []
    h = np.zeros((1, units))
    for t in range(time):
        h = np.tanh(product(x[t : t + 1], Wx) + product(h, Wh) + b)
        kept.append(h)
    backwards, carry = np.zeros((features + units + 1, units)), 0.0
    for t in reversed(range(time)):
        dz = (dh[t : t + 1] + carry) * (1 - kept[t] ** 2)
        before = kept[t - 1] if t else np.zeros((1, units))
        backwards[:features] += product(x[t : t + 1].T, dz)
        backwards[features:-1] += product(before.T, dz)
        backwards[-1] += dz[0]
        carry = product(dz, Wh.T)
    counted = [product.operations, sum(state.size for state in kept)]

    product, h = Counter(), np.zeros((1, units))
    P, forwards = np.zeros((units, (features + units + 1) * units)), 0.0
    for t in range(time):
        u = np.concatenate([x[t : t + 1], h, np.ones((1, 1))], axis=1)
        h = np.tanh(product(x[t : t + 1], Wx) + product(h, Wh) + b)
        P = (1 - h.T**2) * (product(Wh.T, P) + np.kron(u, np.eye(units)))
        forwards += product(dh[t : t + 1], P)
    counted += [product.operations, h.size + P.size]

    assert np.allclose(forwards.reshape(backwards.shape), backwards, rtol=0, atol=1e-12 * np.max(np.abs(backwards)))
    assert list(bptt.cost(time, units, features)) == counted
    assert all(isinstance(number, int) for number in bptt.cost(time, units, features))


def test_cost_grows_as_williams_and_zipser_say():
    """For many units: BPTT time O(T N^2), memory O(T N); RTRL time O(T N^4), memory O(N^3), whatever T."""
    small, large, longer = bptt.cost(50, 1_000, 1), bptt.cost(50, 2_000, 1), bptt.cost(100, 1_000, 1)
    orders = [np.log2(b / a) for a, b in zip(small, large, strict=True)]
    assert orders == pytest.approx([2, 1, 4, 3], abs=0.01)
    assert [b / a for a, b in zip(small, longer, strict=True)] == [2, 2, 2, 1]
