"""Lesson 05: what it measures and claims, with the reference in the place of the student's functions."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from unrolled import corpora
from unrolled import jordan as moving

from autograder.build.lesson import SOURCES, read
from solutions import jordan as reference

STEPS = 24


@pytest.fixture(scope="module")
def demo():
    """The lesson's own training loops, made by its cells, around the reference."""
    names = {"np": np, "moving": moving, "corpora": corpora, **vars(reference)}
    cells = [cell.text for cell in read(SOURCES / "05_jordan.py").cells if cell.kind == "demo"]
    loop = next(text for text in cells if "def train(" in text)
    elman = next(text for text in cells if "def elman_train(" in text)
    exec(loop, names)
    exec(elman[: elman.index("\nalone, one =")], names)
    return names


@pytest.fixture(scope="module")
def target():
    return np.stack([corpora.joint_angles(corpora.hand_path(name, STEPS)) for name in corpora.ARM_SHAPES])


# Measures


def test_states_are_the_fading_sum_of_what_was_put_out():
    outputs = np.random.default_rng(0).normal(size=(9, 2))
    states = moving.states_of(outputs, 0.7)
    for t in range(9):
        assert np.allclose(states[t], sum(0.7 ** (t - 1 - k) * outputs[k] for k in range(t)), atol=1e-14)


def test_the_reference_sees_the_states_that_the_lesson_computes():
    """With W_s = I / 1000 and W_y = 1000 I a step returns nearly its state."""
    rng, eye = np.random.default_rng(1), np.eye(2)
    outputs = rng.normal(size=(1, 9, 2))
    seen = reference.sequence_forward(
        np.zeros((1, 9, 1)), np.zeros((1, 2)), np.zeros((1, 2)), eye / 1e3, np.zeros(2), 1e3 * eye, np.zeros(2),
        0.7, outputs, np.ones(9, bool),
    )  # fmt: skip
    assert np.allclose(seen[0], moving.states_of(outputs[0], 0.7), atol=1e-3)


def test_steepness_of_a_worked_case():
    """Outputs 1, 3, 3, memory 0: states 0, 1, 3. Ratios |3 - 1| / 1, |3 - 1| / 3, 0: the largest is 2."""
    outputs = np.array([[1.0], [3.0], [3.0]])
    assert moving.steepness(outputs, 0) == pytest.approx(2)
    assert moving.steepness(np.array([[1.0], [0.0], [1.0], [5.0]]), 0) == float("inf")  # state 1 twice, then 0 and 5


def test_the_crossing_is_impossible_without_memory_and_possible_with_it(target):
    assert moving.steepness(target[0], 0) == float("inf")
    assert moving.steepness(target[0], 0.8) < 1.2
    assert all(np.isfinite(moving.steepness(movement, 0)) for movement in target[1:])


def test_the_clock_that_saves_the_eight_is_its_posture_and_runs_out(target):
    rest = corpora.joint_angles(np.array([0.0, 38.0]))
    thrice = corpora.joint_angles(corpora.hand_path("eight", 3 * STEPS, rounds=3))
    once = moving.steepness(target[0], 0.8)
    assert moving.steepness(target[0] - rest, 0.8) > 5 * once
    assert moving.steepness(thrice, 0.8) > 5 * once


def test_distances_are_of_the_hand_and_in_centimetres():
    stretched, folded = np.zeros((1, 2)), np.array([[0.0, np.pi / 2]])
    assert moving.hand_error(stretched, folded)[0] == pytest.approx(np.hypot(30, 30))  # (60, 0) and (30, 30)
    assert moving.path_error(np.zeros((4, 2)), np.tile(folded, (4, 1))) == pytest.approx(np.hypot(30, 30))
    assert moving.distance_to_curve(stretched, np.array([[60.0, 7.0], [0.0, 0.0]]))[0] == pytest.approx(7)


# Jordan 1986


def test_the_plan_selects_the_trajectory(demo, target):
    """As in the lesson, from another start: a path is four times nearer to its own target than any two targets are."""
    x = demo["plans"](4, STEPS)
    net = demo["train"](x, target, 0.8, 1, 5000, seed=0)
    y = demo["run"](net, x, 0.8)
    table = np.array([moving.path_error(traced, target) for traced in y])
    other = ~np.eye(4, dtype=bool)
    apart = np.array([moving.path_error(movement, target) for movement in target])[other].min()
    assert np.diag(table).max() < apart / 4
    assert table[other].min() > apart * 3 / 4
    swapped = demo["run"](net, x[[1, 0, 3, 2]], 0.8)  # nothing but the plan is exchanged
    assert np.allclose(swapped, y[[1, 0, 3, 2]])
    half = np.tile(np.array([0.5, 0.5, 0, 0]), (1, STEPS, 1))
    assert moving.path_error(demo["run"](net, half, 0.8)[0], target).min() > 5  # what nobody taught is no shape


def test_a_disturbed_circle_comes_back(demo):
    circle = corpora.joint_angles(corpora.hand_path("circle", 60, rounds=3))[None]
    net = demo["train"](np.ones((1, 60, 1)), circle, 0.8, 1, 1500, rate=0.02)
    curve = corpora.hand_path("circle", 600)
    for start in ((2.0, 2.0), (4.0, 6.0), (-1.0, 8.0)):
        y = demo["run"](net, np.ones((1, 180, 1)), 0.8, s0=np.array([start]))[0]
        away = moving.distance_to_curve(y, curve)
        assert away[0] > 3
        assert away[20:40].mean() < 2
        assert away[160:].mean() < 3


# Elman against Jordan


def test_an_elman_network_is_a_jordan_network_whose_output_is_its_hidden_layer():
    rng = np.random.default_rng(2)
    x, h = rng.normal(size=(3, 6, 4)), np.zeros((3, 5))
    Wx, Wh, b = rng.normal(size=(4, 5)), rng.normal(size=(5, 5)), rng.normal(size=5)
    states = reference.sequence_forward(
        x, h, Wx, Wh, b, np.eye(5), np.zeros(5), 0.0, np.zeros((3, 6, 5)), np.zeros(6, bool)
    )
    for t in range(6):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        assert np.allclose(states[:, t], h, atol=1e-14)


def test_elman_passes_the_crossing_and_jordan_needs_memory_for_it(demo, target):
    one, alone = np.ones((1, STEPS, 1)), target[:1]
    errors = {}
    for mu in (0.0, 0.8):
        net = demo["train"](one, alone, mu, 1, 2000, units=16)
        errors[mu] = [moving.path_error(demo["run"](net, one, mu, t)[0], alone[0]) for t in (alone, None)]
    untaught = demo["run"](demo["train"](one, alone, 0.8, 0, 2000, units=16), one, 0.8)[0]
    elman = moving.path_error(demo["elman_train"](one, alone, 1000)[0], alone[0])
    hand = corpora.arm_positions(alone[0])[1]
    floor = np.linalg.norm(hand[6] - hand[18]) / 2 * np.sqrt(2 / STEPS)
    assert 0.9 * floor < errors[0.0][0] < 2 * floor  # with the teacher the failure hardly shows
    assert errors[0.0][1] > 5
    assert errors[0.8][1] < 3
    assert errors[0.8][1] < moving.path_error(untaught, alone[0]) < 5  # trained freely, as Elman is
    assert elman < 0.5


def test_under_a_teacher_no_memory_tells_two_cues_apart_while_nothing_is_said():
    """Whatever the weights: after the cue, all states are the same, so all outputs are."""
    cue, silent = np.zeros((2, 8, 1)), np.zeros((2, 8, 1))
    cue[:, 0, 0] = (1, -1)
    for seed, mu in enumerate((0.0, 0.5, 0.8, 0.95)):
        rng = np.random.default_rng(seed)
        weights = [rng.normal(size=shape) for shape in ((1, 9), (1, 9), (9,), (9, 1), (1,))]
        y = reference.sequence_forward(cue, np.zeros((2, 1)), *weights, mu, silent, np.ones(8, bool))
        assert not np.allclose(y[0, 0], y[1, 0])
        assert np.array_equal(y[0, 1:], y[1, 1:])


def test_running_freely_jordan_may_write_itself_a_note_that_grows_to_most_of_the_answer(demo):
    cue, answer = np.zeros((2, 8, 1)), np.zeros((2, 8, 1))
    cue[:, 0, 0] = answer[:, -1, 0] = (1, -1)
    net = demo["train"](cue, answer, 0.8, 0, 1500, units=16, rate=0.01, seed=0)
    said = demo["run"](net, cue, 0.8)[0, :, 0]
    assert np.all(np.diff(said[2:]) > 0)
    assert 0.5 < said[-1] < 0.9
    assert np.sum((said - answer[0, :, 0]) ** 2) < 0.5  # to say nothing costs 1


def test_elman_keeps_the_cue(demo):
    cue, answer = np.zeros((2, 8, 1)), np.zeros((2, 8, 1))
    cue[:, 0, 0] = answer[:, -1, 0] = (1, -1)
    y = demo["elman_train"](cue, answer, 800, rate=0.01)
    assert np.abs(y - answer).max() < 0.1


# With and without a teacher


def errors_of(demo, target, mu, forcing, passes, seed=0):
    """Root mean square distances of a trained network, cm: with a teacher, freely, and with a teacher step by step."""
    x = demo["plans"](4, STEPS)
    net = demo["train"](x, target, mu, forcing, passes, seed=seed)
    runs = [demo["run"](net, x, mu, teacher) for teacher in (target, None)]
    under, freely = (np.sqrt(np.mean(moving.hand_error(y, target) ** 2, axis=0)) for y in runs)
    return np.sqrt(np.mean(under**2)), np.sqrt(np.mean(freely**2)), under


@pytest.mark.parametrize("mu", [0.5, 0.8])
def test_after_few_passes_networks_do_worse_the_way_they_were_not_trained(demo, target, mu):
    taught, free = (errors_of(demo, target, mu, forcing, 2500) for forcing in (1, 0))
    assert taught[1] > 2 * taught[0]  # taught with a teacher, then alone
    assert free[0] > free[1]  # trained freely, then with a teacher
    assert taught[0] < free[0]
    assert free[1] < taught[1]  # who is to run alone is better trained alone


def test_more_passes_mend_the_pupil_with_the_longer_memory(demo, target):
    under, freely, steps = errors_of(demo, target, 0.8, 1, 5000)
    assert freely < 1.5 * under
    assert steps.max() < 2


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_who_runs_better_alone_turns_round_with_the_passes_for_the_longer_memory_only(demo, target, seed):
    for passes in (2500, 5000):
        for mu in (0.5, 0.8):
            taught, free = (errors_of(demo, target, mu, forcing, passes, seed) for forcing in (1, 0))
            assert taught[0] < taught[1]
            assert free[1] < free[0]
            assert taught[0] < free[0]
            assert (taught[1] < free[1]) == ((mu, passes) == (0.8, 5000))


@pytest.mark.full
def test_with_the_short_memory_a_step_stays_far_off_under_the_teacher_however_long_it_teaches(demo, target):
    under, freely, steps = errors_of(demo, target, 0.5, 1, 5000)
    assert steps[2] == steps.max() > 5
    assert freely > 5 * under


def test_the_shorter_memory_asks_for_the_steeper_map_of_every_shape(target):
    assert all(moving.steepness(movement, 0.5) > moving.steepness(movement, 0.8) for movement in target)


def test_under_a_teacher_the_gradient_is_that_of_separate_steps():
    rng = np.random.default_rng(6)
    weights = [0.5 * rng.normal(size=shape) for shape in ((4, 5), (2, 5), (5,), (5, 2), (2,))]
    x, targets, dy = rng.normal(size=(3, 7, 4)), rng.normal(size=(3, 7, 2)), rng.normal(size=(3, 7, 2))
    taught = reference.sequence_backward(dy, x, np.zeros((3, 2)), *weights, 0.8, targets, np.ones(7, bool))
    states = np.stack([moving.states_of(row, 0.8) for row in targets])
    flat = [a.reshape(-1, a.shape[2]) for a in (dy, x, states)]
    separate = reference.step_backward(*flat, *weights)
    for k in range(2, 7):
        assert np.allclose(taught[k], separate[k], atol=1e-12)


# Figures and text


def test_every_figure_has_a_title_and_leaves_pyplot_alone(target):
    before = plt.get_fignums()
    figures = [
        moving.step_graph(),
        moving.sequence_graph(),
        moving.arm_frames(target[0], "eight", marks=(5, 17)),
        moving.paths(dict(zip("abcd", target, strict=True)), target[0], "four", rows=2),
        moving.blend_of_plans(lambda plan: target[int(plan.argmax())], 0, 1, corpora.ARM_SHAPES, live=False),
        moving.errors_by_step({"a": {"b": np.arange(9.0)}}, "errors"),
    ]
    for figure in figures:
        assert isinstance(figure, Figure)
        assert figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    assert plt.get_fignums() == before


def test_every_gradient_of_the_derivation_is_in_the_graphs():
    step = " ".join(text.get_text() for text in moving.step_graph().axes[0].texts)
    for name in ("dx_t", "ds_t", "dW_x", "dW_s", "db$", "dW_y", "db_y", "dy_t", "dh_t", "dz_t"):
        assert name in step
    sequence = " ".join(text.get_text() for text in moving.sequence_graph().axes[0].texts)
    for name in ("u_0", "u_1", "c_1", "c_2", "mu", "hat y_1"):
        assert name in sequence


def test_the_lesson_states_every_signature_and_leaves_no_note_open():
    cells = read(SOURCES / "05_jordan.py").cells
    prose = "\n".join(cell.text for cell in cells if cell.kind in ("prose", "question"))
    assert "NOTE_" not in prose
    for name in ("step_forward", "step_backward", "sequence_forward", "sequence_backward"):
        arguments = ", ".join(inspect.signature(getattr(reference, name)).parameters)
        assert f"{name}({arguments})" in prose
