"""Lesson 06: the orders of growth, the equality of both methods, SnAp-1, and that the prose says what the cells print."""

import re

import keras
import numpy as np
import pytest
from unrolled import bptt_rtrl as lab
from unrolled import figures

from autograder import reference
from autograder.build.lesson import SOURCES, read
from solutions import bptt, rtrl
from tests.lesson_cells import Ran, assert_drawn, prose_of

LESSON = read(SOURCES / "06_bptt_rtrl.py")


@pytest.fixture(scope="module")
def ran():
    from keras import ops

    names = {**reference.load("bptt"), **reference.load("rtrl"), "np": np, "keras": keras, "ops": ops}
    return Ran(LESSON, names | {"time_lab": lab, "figures": figures})


@pytest.fixture(scope="module")
def prose():
    return prose_of(LESSON)


def flat(gradients):
    return np.concatenate([np.ravel(g) for g in gradients])


# The numbers of the syllabus


@pytest.mark.parametrize("steps, units, features, seed", [(5, 3, 2, 0), (30, 9, 4, 1), (100, 12, 3, 2), (400, 6, 2, 3)])
def test_rtrl_is_bptt_to_twelve_digits(steps, units, features, seed):
    problem = lab.random_problem(steps, units, features, seed)
    forwards, backwards = flat(rtrl.gradient(*problem)), flat(bptt.truncated_backward(*problem, steps, steps))
    assert np.abs(forwards - backwards).max() <= 1e-12 * np.abs(backwards).max()


def test_the_lesson_prints_that_equality(ran):
    text = next(t for title, t in ran.printed.items() if "giving the same gradient" in title)
    differences = [float(n) for n in re.findall(r"\d\.\de-\d\d", text)]
    assert len(differences) == 10  # four sizes, two comparisons each, and two of the layer
    assert max(differences) <= 1e-12


@pytest.mark.parametrize("size, orders", [("N", (2, 4, 1, 3)), ("T", (1, 1, 1, 0))])
def test_orders_of_growth_counted_in_the_code_are_those_of_williams_and_zipser(size, orders):
    """Exponents between the two largest sizes; one feature, so that lower orders have nearly died out at 64 units."""
    sizes = (64, 128) if size == "N" else (300, 600)
    ops_back, ops_on, memory_back, memory_on = [], [], [], []
    for n in sizes:
        steps, units = (4, n) if size == "N" else (n, 8)
        problem = lab.random_problem(steps, units, 1)
        ops_back.append(lab.count_products(bptt.truncated_backward, *problem, steps, steps)[1])
        ops_on.append(lab.count_products(rtrl.gradient, *problem)[1])
        memory_back.append(bptt.cost(steps, units, 1)[1])
        memory_on.append(lab.peak_bytes(rtrl.gradient, *problem))
    found = [lab.fitted_exponent(sizes, values) for values in (ops_back, ops_on, memory_back, memory_on)]
    assert found == pytest.approx(orders, abs=0.05)


def test_bytes_measured_of_bptt_grow_with_the_length_and_those_of_rtrl_do_not():
    back, on = [], []
    for steps in (200, 2000):
        problem = lab.random_problem(steps, 8, 1)
        back.append(lab.peak_bytes(bptt.truncated_backward, *problem, steps, steps))
        on.append(lab.peak_bytes(rtrl.gradient, *problem))
    assert back[1] - back[0] >= 8 * 8 * 1800  # eight numbers of eight bytes for each further step, and no less
    assert on[1] <= on[0] * 1.02


# Counting


def test_products_are_counted_as_a_times_b_times_c():
    a, b = np.ones((2, 3)), np.ones((3, 5))
    for product in (
        np.matmul,
        np.dot,
        lambda a, b: np.tensordot(a, b, 1),
        lambda a, b: np.inner(a, b.T),
        lambda a, b: a @ b,
        lambda a, b: np.einsum("ij,jk->ik", a, b),
    ):
        result, count = lab.count_products(product, a, b)
        assert count == 2 * 3 * 5
        assert np.array_equal(result, np.full((2, 5), 3.0))
    stacked = lab.count_products(np.matmul, np.ones((2, 3)), np.ones((7, 3, 5)))[1]
    assert stacked == 7 * 2 * 3 * 5


def test_what_is_no_product_of_matrices_is_not_counted():
    a, b = np.ones((2, 3)), np.ones((2, 3))
    for other in (np.add, np.multiply, lambda a, b: np.tanh(a), lambda a, b: np.einsum("ni,mj->nmij", a, b)):
        assert lab.count_products(other, a, b)[1] == 0
    assert lab.einsum_multiply_adds("ij->i", a) == 0
    assert lab.count_products(lambda a: np.concatenate([a, 1 + a]) @ np.ones((3, 2)), a)[1] == 4 * 3 * 2


@pytest.mark.parametrize(
    "subscripts, shapes, count",
    [
        ("ij,jk->ik", ((2, 3), (3, 5)), 30),
        ("ij,jk", ((2, 3), (3, 5)), 30),
        ("i,j", ((2,), (3,)), 0),
        ("...k,...kp->...p", ((7, 3), (7, 3, 5)), 105),
        ("...i,...j->...ij", ((7, 3), (7, 5)), 0),
        ("nk,nkp->p", ((7, 3), (7, 3, 5)), 105),
    ],
)
def test_einsum_counts_all_sizes_where_something_is_summed(subscripts, shapes, count):
    assert lab.count_products(np.einsum, subscripts, *map(np.ones, shapes))[1] == count


def test_counting_leaves_arguments_and_results_as_they_are():
    problem = lab.random_problem(6, 4, 3)
    before = [np.copy(one) for one in problem]
    counted, operations = lab.count_products(bptt.truncated_backward, *problem, 6, 6)
    assert np.array_equal(flat(counted), flat(bptt.truncated_backward(*problem, 6, 6)))
    assert operations == bptt.cost(6, 4, 3)[0]
    assert all(np.array_equal(a, b) for a, b in zip(problem, before, strict=True))


def test_an_exponent_is_that_of_a_power():
    sizes = np.array([3, 5, 11])
    assert lab.fitted_exponent(sizes, 7.0 * sizes**2.5) == pytest.approx(2.5)
    assert np.isnan(lab.fitted_exponent(sizes, [0, 1, 2]))


# What a cut gradient sees


@pytest.mark.parametrize("k1, k2", [(1, 1), (1, 4), (2, 4), (3, 5), (5, 5), (4, 9), (7, 8)])
def test_the_map_of_links_is_what_truncated_backward_uses(k1, k2):
    """A loss at one step alone; a link is there if the use of the weights at another step changes the gradient."""
    steps = 8
    dh, x, h0, Wx, Wh, b = lab.random_problem(steps, 4, steps)
    x = np.eye(steps)[None]  # step s uses row s of Wx and no other step does
    for t in range(steps):
        alone = dh * (np.arange(steps) == t)[None, :, None]
        dWx = bptt.truncated_backward(alone, x, h0, Wx, Wh, b, k1, k2)[0]
        assert np.array_equal(np.any(dWx != 0, axis=1), lab.reach(steps, k1, k2)[t])


def test_a_window_shorter_than_the_step_between_passes_is_refused():
    with pytest.raises(ValueError, match="`k1` must be at least 1") as caught:
        lab.reach(10, 3, 2)
    assert "Received: k1=3, k2=2" in str(caught.value) and "Example: " in str(caught.value)


# SnAp-1


def test_snap1_keeps_the_entries_of_rtrl_at_the_weights_own_unit():
    rng = np.random.default_rng(0)
    (x, h_prev), (Wx, Wh, b) = (rng.normal(size=(3, n)) for n in (2, 4)), (rng.normal(size=s) for s in ((2, 4), (4, 4), 4))  # fmt: skip
    S = rng.normal(size=(3, 7, 4))
    P = np.einsum("nij,kj->nkij", S, np.eye(4)).reshape(3, 4, 28)  # nothing but those entries
    h = rtrl.elman_step(x, h_prev, Wx, Wh, b)
    full = rtrl.sensitivity_step(P, x, h_prev, Wx, Wh, b).reshape(3, 4, 7, 4)
    expected = np.einsum("njij->nij", full)
    assert np.allclose(lab.snap1_step(S, x, h_prev, h, Wh), expected, rtol=0, atol=1e-14)


def test_snap1_is_exact_without_links_between_units_and_not_otherwise():
    dh, x, h0, Wx, Wh, b = lab.random_problem(30, 6, 3)
    for kernel, equal in ((np.diag(np.diag(Wh)), True), (Wh, False)):
        full = flat(rtrl.gradient(dh, x, h0, Wx, kernel, b))
        off = np.abs(flat(lab.snap1_gradient(dh, x, h0, Wx, kernel, b)) - full).max() / np.abs(full).max()
        assert off <= 1e-12 if equal else off > 0.01


def test_snap1_costs_as_much_as_bptt_in_order():
    small, large = lab.snap1_cost(10, 1000, 1), lab.snap1_cost(10, 2000, 1)
    assert [np.log2(b / a) for a, b in zip(small, large, strict=True)] == pytest.approx([2, 2], abs=0.01)
    assert lab.snap1_cost(20, 1000, 1)[1] == small[1]
    assert lab.snap1_cost(10, 1000, 1)[0] == pytest.approx(bptt.cost(10, 1000, 1)[0], rel=0.01)  # 3 N² both


def test_snap1_online_takes_the_step_of_its_own_gradient():
    weights = (np.array([[0.3, -0.2, 0.5]]), lab.rotated(3, 0.9, 0), np.array([0.1, 0.0, -0.1]))
    x, target = np.array([1.0, -1.0, 0.7]), np.array([0.2, 0.1, -0.3])
    errors = lab.learn_with_snap1(weights, x, target, rate=0.0)
    h = np.zeros((1, 3))
    for x_t, target_t, error in zip(x, target, errors, strict=True):
        h = rtrl.elman_step(np.array([[x_t]]), h, *weights)
        assert error == pytest.approx((h[0, 0] - target_t) ** 2)
    # one step of learning at the first input alone, from the zero state: then SnAp-1 is exact
    first = np.zeros((1, 1, 3))
    state = np.tanh(weights[0] + weights[2])
    first[0, 0, 0] = 2 * (state[0, 0] - 0.2)
    step = [w - 0.1 * g for w, g in zip(weights, rtrl.gradient(first, np.ones((1, 1, 1)), np.zeros((1, 3)), *weights), strict=True)]  # fmt: skip
    moved = lab.learn_with_snap1(weights, x[:2], target[:2], rate=0.1)[1]
    second = rtrl.elman_step(np.array([[-1.0]]), state, *step)
    assert moved == pytest.approx((second[0, 0] - 0.1) ** 2, rel=1e-12)


# Streams


def test_targets_are_the_bits_of_some_steps_before():
    lag = np.array([2] * 10 + [4] * 10)
    x, target = lab.delayed_bits(20, lag, 3, seed=1)
    assert set(np.unique(x)) == {-1, 1}
    for t in range(4, 20):
        assert np.array_equal(target[:, t], 0.5 * x[:, t - lag[t]])


def test_the_running_mean_is_the_weighted_sum_of_all_bits():
    x, target = lab.running_mean(12, 0.9, 2, seed=0)
    weights = 0.1 * 0.9 ** np.arange(12)[::-1]
    assert np.allclose(target[:, -1], 1.5 * x @ weights, rtol=0, atol=1e-14)


def test_a_layer_is_followed_step_by_step_and_stops_to_learn_when_told():
    def layer():
        made = rtrl.OnlineElman(3, learning_rate=0.1, dtype="float64")
        made.build((1, 1))
        for name, value in (("kernel", [[0.3, -0.2, 0.5]]), ("recurrent_kernel", lab.rotated(3, 0.9, 0))):
            getattr(made, name).assign(value)
        return made

    x, target = (a[0] for a in lab.delayed_bits(700, 1, 1, seed=0))
    by_hand, errors = layer(), []
    for t in range(40):
        h = np.array(by_hand(np.array([[x[t]]])))
        errors.append((h[0, 0] - target[t]) ** 2)
        by_hand.learn(2 * (h[0, 0] - target[t]) * np.eye(1, 3))
    assert np.allclose(lab.follow(layer(), x[:40], target[:40], 40), errors, rtol=1e-12, atol=1e-15)
    stopped = layer()
    found = lab.follow(stopped, x, target, learn_until=40)
    assert len(found) == 700
    assert np.allclose(found[:40], errors, rtol=1e-12, atol=1e-15)
    assert np.allclose(stopped.recurrent_kernel, by_hand.recurrent_kernel, rtol=0, atol=1e-14)


def test_blocks_are_averaged():
    assert lab.smoothed(np.arange(7.0), 2).tolist() == [0.5, 2.5, 4.5]


# What the prose says is what the cells print


def test_links_that_chunks_drop(ran, prose):
    assert ran.row("which links", "links in all:") == [210, 60]
    assert 4 * 15 == 60 and "Of 210 links 60 are left" in prose


def test_error_of_the_cut_falls_by_the_scale_of_the_kernel(ran, prose):
    for scale, said in ((0.5, 0.53), (0.8, 0.83), (0.95, 0.95)):
        errors = ran.names["by_scale"][scale]
        per_step = (errors[3] / errors[1]) ** (1 / 3)  # from k2 = 2 to 5
        assert per_step == pytest.approx(said, abs=0.0101)
        assert per_step == pytest.approx(scale, rel=0.1)
    assert "falls to .53, .83 and .95 of itself per step at the first three scales" in prose
    spans = ran.names["spans"]
    assert ran.names["shared"][spans.index(20)] > 2 * ran.names["by_scale"][0.95][spans.index(20)]
    assert "has more than twice the error" in prose


def test_a_window_of_five_learns_what_lies_four_steps_back_and_one_of_four_does_not(ran):
    for errors in ran.names["by_seed"].values():
        assert errors[4:].max() < 0.002
        assert errors[3] == pytest.approx(0.25, abs=0.02)
        assert np.all(np.diff(errors[:4]) > 0)  # "the shortest does best"


def test_counts_and_exponents_in_the_table(ran):
    assert ran.row("multiply-adds counted", "BPTT multiply-adds")[:2] == [197632, 197632]
    assert ran.row("multiply-adds counted", "RTRL multiply-adds")[2] == 1.00  # one further forward run
    text = next(t for title, t in ran.printed.items() if title.startswith("# Shows multiply-adds counted"))
    fitted = text.split("fitted exponents")[1].split("\n")
    rows = {line[:18].strip(): [float(n) for n in re.findall(r"\d+\.?\d*", line[24:])] for line in fitted[2:6]}
    assert rows["RTRL bytes"] == pytest.approx([2.98, 2.98, 3, 0, 0, 0], abs=0.02)
    assert rows["RTRL multiply-adds"] == pytest.approx([3.97, 3.97, 4, 1, 1, 1], abs=0.02)


def test_lengths_from_which_rtrl_saves_memory_and_the_bill_of_a_language_model(ran, prose):
    assert ran.row("from which length", "1000") == [2001002, 400601]
    assert ran.row("from which length", "1,000 units, 1,000 features, one step:") == [5e6, 2e12]
    assert ran.row("from which length", "and sensitivities of")[0] == 8.0
    assert ran.row("from which length", "1000")[1] == pytest.approx(2 / 5 * 1000**2, rel=0.01)
    assert "the 8 GB are *per sequence*" in prose


def test_snap1_is_exact_at_one_end_and_a_window_of_one_at_the_other(ran):
    errors = ran.names["errors"]
    assert errors["SnAp-1"][0] < 1e-12
    assert errors["SnAp-1"][-1] == pytest.approx(errors["window of 1 step"][-1], abs=0.01)
    assert np.all(np.diff(errors["SnAp-1"]) > 0)
    text = next(t for title, t in ran.printed.items() if title.startswith("# Shows the gradient error of SnAp-1"))
    table = text.split("numbers kept")[1]
    assert re.search(r"BPTT +12,416", table) and re.search(r"RTRL +17,576,000 +270,400", table)
    assert re.search(r"SnAp-1 +12,608 +4,288", table)


@pytest.mark.parametrize(
    "task, method, said, digits",
    [
        ("the bit of 4 steps ago", "SnAp-1", ".109", 5e-4),
        ("the bit of 4 steps ago", "window of 1 step", ".121", 5e-4),
        ("the bit of 4 steps ago", "RTRL", ".0002", 5e-5),
        ("running mean", "SnAp-1", ".0054", 5e-5),
        ("running mean", "RTRL", ".0049", 5e-5),
        ("running mean", "window of 1 step", ".019", 5e-4),
    ],
)
def test_learning_curves_end_where_the_prose_says(ran, prose, task, method, said, digits):
    assert abs(ran.names["learned"][task][method][-5:].mean() - float(said)) <= 1.2 * digits
    assert said in prose


def test_the_copy_that_goes_on_learning_follows_the_change(ran):
    on, stopped = ran.names["followed"].values()
    assert on[20] == pytest.approx(0.07, abs=0.005)
    assert on[36:].mean() < 2e-4
    assert stopped[20:].mean() == pytest.approx(0.5, abs=0.02)  # (0.5 + 0.5)² half of the time, else 0
    assert ran.names["size"] == 8 + 8 * (1 + 8 + 1) * 8


def test_wrong_gradients_look_as_the_prose_says(ran, prose):
    assert ran.row("what usual mistakes", "state reset")[1:] == [0.95, 0.99]
    assert ran.row("what usual mistakes", "counted twice")[1:] == [0.94, 1.74]
    assert np.allclose(ran.names["forgetful"], ran.names["cut"](1, 1), rtol=0, atol=1e-12)
    assert "the right length (.99)" in prose and "right direction (.94), too long (1.74)" in prose


def test_stale_sensitivities_cost_in_proportion_to_the_rate(ran, prose):
    stale, rates = np.array(ran.names["stale"]), np.array(ran.names["rates"])
    assert stale[1:] / rates[1:] == pytest.approx(stale[-1] / rates[-1], rel=0.03)
    assert stale[2] == pytest.approx(0.14, abs=0.005) and "At .01 it is 14 % here" in prose


# Figures

CURVES = {"left": {"a": np.array([1, 0.1]), "b": np.array([0.5, 0.2])}, "right": {"a": np.ones(2), "b": np.ones(2)}}
PANEL = ("units", "bytes", {"a": ((1, 2), (1, 2), (1, 3)), "b": ((1, 2), (2, 2), ())})
DRAWN = {
    "reach_maps": lambda: lab.reach_maps({"a": (2, 3), "b": (1, 3)}, "Links"),
    "window_graph": lab.window_graph,
    "two_orders": lab.two_orders,
    "sensitivity_graph": lab.sensitivity_graph,
    "cost_figure": lambda: lab.cost_figure([PANEL] * 4),
    "side_by_side": lambda: lab.side_by_side(CURVES, "Curves", "step", "error", np.arange(2)),
    "explore_truncation": lambda: lab.explore_truncation(lambda k: 1 / k, live=False),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_has_a_title_and_can_be_drawn(name, tmp_path):
    assert_drawn(DRAWN[name](), tmp_path)


def test_truncation_has_a_slider_where_there_can_be_one_and_takes_whole_steps():
    asked = []

    def error_of(k):
        asked.append(k)
        return 1 / k

    slider = lab.explore_truncation(error_of, steps=12, live=True).children[0]
    assert (slider.min, slider.max) == (1, 12)
    assert asked == list(range(1, 13))
    slider.value = 3.4  # draws again, without a new measurement
    assert len(asked) == 12
