"""The arm: its two kinematics undo each other, its paths are the shapes they are called, and the seed decides the rest."""

import numpy as np
import pytest
from unrolled import corpora
from unrolled.corpora import arm


def test_inverse_kinematics_puts_the_hand_where_it_was_asked_to():
    rng = np.random.default_rng(0)
    direction, far = rng.uniform(-3, 3, 500), rng.uniform(1, 59.9, 500)
    hand = np.stack([far * np.cos(direction), far * np.sin(direction)], axis=1)
    angles = corpora.joint_angles(hand)
    assert np.allclose(corpora.arm_positions(angles)[1], hand, rtol=0, atol=1e-9)
    assert np.all((angles[:, 1] >= 0) & (angles[:, 1] <= np.pi))  # the elbow always bends the same way


def test_both_bones_keep_their_length():
    elbow, hand = corpora.arm_positions(np.random.default_rng(1).uniform(-3, 3, (4, 7, 2)))
    assert np.allclose(np.linalg.norm(elbow, axis=-1), 30)
    assert np.allclose(np.linalg.norm(hand - elbow, axis=-1), 30)


def test_a_right_angle_and_a_stretched_arm_by_hand():
    """Elbow at a right angle with the upper arm along x: the hand is at (30, 30). Stretched upwards: at (0, 60)."""
    assert np.allclose(corpora.joint_angles(np.array([30.0, 30.0])), [0, np.pi / 2])
    assert np.allclose(corpora.arm_positions(np.array([np.pi / 2, 0]))[1], [0, 60])


@pytest.mark.parametrize("shape", corpora.ARM_SHAPES)
@pytest.mark.parametrize("steps", [12, 24, 40])
def test_every_shape_closes_and_repeats_in_every_round(shape, steps):
    once, thrice = corpora.hand_path(shape, steps), corpora.hand_path(shape, 3 * steps, rounds=3)
    assert once.shape == (steps, 2)
    assert np.allclose(thrice, np.tile(once, (3, 1)))
    longest = np.linalg.norm(np.diff(once, axis=0, prepend=once[-1:]), axis=1).max()
    assert longest < 80 / steps * 1.6  # no shape is longer than about 80 cm, and none is traced in leaps


def test_the_eight_passes_its_crossing_twice_in_different_directions():
    path = corpora.hand_path("eight", 24)
    assert np.allclose(path[5], path[17]) and np.allclose(path[5], arm.CENTRE)
    assert path[6, 1] > path[5, 1] and path[18, 1] < path[17, 1]
    assert path[6, 0] > 0 and path[18, 0] > 0


def test_the_circle_is_round_and_the_polygons_have_their_corners():
    assert np.allclose(np.linalg.norm(corpora.hand_path("circle", 37) - arm.CENTRE, axis=1), 10)
    square = corpora.hand_path("square", 24) - arm.CENTRE
    assert np.allclose(np.abs(square).max(axis=1), 9)
    assert sum(np.allclose(np.abs(point), 9) for point in square) == 4
    assert np.allclose(np.linalg.norm(np.diff(square, axis=0), axis=1), 3)  # 72 cm in 24 steps


def test_trajectories_are_in_reach_of_several_shapes_and_no_two_alike():
    names, angles = corpora.arm_trajectories(200, steps=15, seed=3)
    assert angles.shape == (200, 15, 2)
    assert np.all(np.isfinite(angles))
    assert set(names) == set(corpora.ARM_SHAPES)
    assert len(np.unique(angles.reshape(200, -1), axis=0)) == 200


def test_trajectories_keep_their_stated_sizes_and_places():
    """Circles: the distance from the middle is the size. It and the middle are within the stated ranges."""
    names, angles = corpora.arm_trajectories(300, steps=400, seed=4)
    hand = corpora.arm_positions(angles)[1][[name == "circle" for name in names]]
    for path in hand:  # the circle through three of its points
        a, b, c = path[0], path[100], path[200]
        middle = np.linalg.solve(2 * np.array([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a])
        assert 8 <= np.linalg.norm(path - middle, axis=1).mean() <= 12
        assert np.all(np.abs(middle - arm.CENTRE) <= 3)


def test_the_seed_decides_everything():
    once, again, other = (corpora.arm_trajectories(5, seed=seed) for seed in (1, 1, 2))
    assert once[0] == again[0] and np.array_equal(once[1], again[1])
    assert not np.array_equal(once[1], other[1])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.hand_path("star", 24),
        lambda: corpora.hand_path("eight", 2),
        lambda: corpora.joint_angles(np.array([[0.0, 10.0], [50.0, 40.0]])),
        lambda: corpora.joint_angles(np.zeros(2)),
        lambda: corpora.arm_trajectories(0),
        lambda: corpora.arm_trajectories(3, steps=2),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must") as error:
        wrong()
    assert "Received: " in str(error.value)
    assert "Example: " in str(error.value)
