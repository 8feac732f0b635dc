"""Movements of an arm with two joints: the trajectories of lesson 05.

The shoulder stands still at the origin. The arm moves in a plane. Angles are in radians: the shoulder's is measured
from the x axis, the elbow's from the direction of the upper arm; both grow counterclockwise. Lengths are in
centimetres.
"""

from collections.abc import Callable, Sequence

import numpy as np

UPPER_ARM, FOREARM = 30.0, 30.0
CENTRE = (0.0, 38.0)  # where the hand is at rest, and the middle of every shape


def _polygon(turn: np.ndarray, corners: Sequence[tuple[float, float]]) -> np.ndarray:
    """Walk along the sides of a closed polygon at an even speed: turn 0 is the first corner, turn 1 again."""
    points = np.array([*corners, corners[0]], float)
    sides = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0], np.cumsum(sides)]) / sides.sum()
    return np.stack([np.interp(turn % 1, at, points[:, k]) for k in range(2)], axis=-1)


def _eight(turn: np.ndarray) -> np.ndarray:
    angle = 2 * np.pi * turn
    return np.stack([-7.0 * np.sin(2 * angle), -12.0 * np.cos(angle)], axis=-1)


def _circle(turn: np.ndarray) -> np.ndarray:
    angle = 2 * np.pi * turn
    return np.stack([10.0 * np.sin(angle), 10.0 * np.cos(angle)], axis=-1)


_SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "eight": _eight,
    "circle": _circle,
    "square": lambda turn: _polygon(turn, [(-9, -9), (-9, 9), (9, 9), (9, -9)]),
    "triangle": lambda turn: _polygon(turn, [(0, 11), (-11, -8), (11, -8)]),
}
ARM_SHAPES = tuple(_SHAPES)


def hand_path(shape: str, steps: int, rounds: float = 1.0) -> np.ndarray:
    """Sample the path of the hand along a shape.

    Args:
        shape: one of ARM_SHAPES. The eight starts at its bottom, the circle at its top, the polygons at a corner.
        steps: number of points, at least 3. The first is one step from the start.
        rounds: how often the shape is traced. After whole rounds the last point is the start.

    Returns:
        The hand's position after each step, cm from the shoulder. Shape (steps, 2), float64.

    Raises:
        ValueError: if there is no such shape, or there are too few points.
    """
    if shape not in _SHAPES:
        raise ValueError(
            f"`shape` must be one of {', '.join(ARM_SHAPES)}. Received: {shape!r}. Example: hand_path('eight', 36)."
        )
    if steps < 3:
        raise ValueError(f"`steps` must be at least 3. Received: steps={steps}. Example: hand_path('eight', 36).")
    return _SHAPES[shape](rounds * np.arange(1, steps + 1) / steps) + CENTRE


def joint_angles(hand: np.ndarray) -> np.ndarray:
    """Compute how the joints must stand for the hand to be at a place: inverse kinematics, the elbow bent one way.

    Args:
        hand: positions, cm from the shoulder. Shape (…, 2).

    Returns:
        The angles of shoulder and elbow, radians, the elbow's from 0 to π. Shape (…, 2).

    Raises:
        ValueError: if a position is out of the arm's reach, or is the shoulder itself.

    Source: the law of cosines, in the triangle of shoulder, elbow and hand.
    """
    hand = np.asarray(hand, float)
    squared = (hand**2).sum(axis=-1)
    nearest, farthest = abs(UPPER_ARM - FOREARM), UPPER_ARM + FOREARM
    if np.any(squared > farthest**2) or np.any(squared < nearest**2) or np.any(squared == 0):
        far = np.sqrt(squared)
        raise ValueError(
            f"The hand must be more than {nearest:g} and at most {farthest:g} cm from the shoulder. "
            f"Received: {far.min():.1f} to {far.max():.1f} cm. Example: joint_angles(hand_path('eight', 36))."
        )
    bend = (squared - UPPER_ARM**2 - FOREARM**2) / (2 * UPPER_ARM * FOREARM)
    elbow = np.arccos(np.clip(bend, -1, 1))
    direction = np.arctan2(hand[..., 1], hand[..., 0])
    shoulder = direction - np.arctan2(FOREARM * np.sin(elbow), UPPER_ARM + FOREARM * np.cos(elbow))
    return np.stack([shoulder, elbow], axis=-1)


def arm_positions(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute where elbow and hand are: forward kinematics.

    Args:
        angles: of shoulder and elbow, radians. Shape (…, 2).

    Returns:
        (elbow, hand): positions, cm from the shoulder. Shapes (…, 2) both.
    """
    first, second = angles[..., 0], angles[..., 0] + angles[..., 1]
    elbow = UPPER_ARM * np.stack([np.cos(first), np.sin(first)], axis=-1)
    return elbow, elbow + FOREARM * np.stack([np.cos(second), np.sin(second)], axis=-1)


REST = joint_angles(np.array(CENTRE))


def arm_trajectories(count: int, steps: int = 24, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Draw movements: a shape each, of a size, a tilt, a place and a speed of its own.

    Sizes vary by up to 20 %, tilts by up to 20 degrees, places by up to 3 cm each way; a movement goes through 0.75
    to 1.25 rounds of its shape.

    Args:
        count: number of movements, at least 1.
        steps: of each movement, at least 3.
        seed: decides everything.

    Returns:
        (names, angles): the shape of each movement, and its joint angles, radians. Shape (count, steps, 2).

    Raises:
        ValueError: if `count` or `steps` is too small.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}. Example: arm_trajectories(20).")
    rng = np.random.default_rng(seed)
    names, movements = [], []
    for _ in range(count):
        name = ARM_SHAPES[rng.integers(len(ARM_SHAPES))]
        size, tilt, rounds = rng.uniform(0.8, 1.2), rng.uniform(-20, 20) * np.pi / 180, rng.uniform(0.75, 1.25)
        turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])  # row vectors
        path = (hand_path(name, steps, rounds) - CENTRE) * size @ turn + CENTRE + rng.uniform(-3, 3, 2)
        names.append(name)
        movements.append(joint_angles(path))
    return names, np.array(movements)
