"""The drawn pictures are patterns of +1 and -1, and damage is what it says."""

import numpy as np
import pytest
from unrolled import corpora


def test_every_picture_is_400_units_of_plus_or_minus_one_and_no_two_are_equal():
    patterns = corpora.draw_pictures(corpora.PICTURE_NAMES)
    assert patterns.shape == (12, 400)
    assert set(np.unique(patterns)) == {-1.0, 1.0}
    assert len(np.unique(patterns, axis=0)) == 12
    assert set(corpora.UNLIKE_PICTURES + corpora.ALIKE_PICTURES) <= set(corpora.PICTURE_NAMES)


def overlaps(names):
    patterns = corpora.draw_pictures(names)
    return (patterns @ patterns.T / 400)[np.triu_indices(len(names), 1)]


def test_unlike_pictures_overlap_little_and_alike_ones_much():
    """Two random patterns of 400 units have an overlap of 0 with a standard deviation of 1/20."""
    assert np.abs(overlaps(corpora.UNLIKE_PICTURES)).max() < 0.3
    assert abs(overlaps(corpora.UNLIKE_PICTURES).mean()) < 0.05
    assert overlaps(corpora.ALIKE_PICTURES).mean() > 0.25


def test_some_pixels_are_where_the_names_say():
    ring, cross = corpora.draw_pictures(["ring", "cross"]).reshape(2, 20, 20)
    assert ring[10, 10] == ring[0, 0] == -1 and ring[10, 3] == ring[3, 10] == 1
    assert np.array_equal(ring, ring[::-1]) and np.array_equal(ring, ring.T)
    assert np.all(np.diag(cross) == 1) and np.all(np.diag(cross[::-1]) == 1) and cross[10, 0] == -1
    (disc,) = corpora.draw_pictures(["disc"])
    radius = np.hypot(*(np.indices((20, 20)) - 9.5)) / 9.5
    assert np.array_equal(disc.reshape(20, 20) == 1, radius < 0.82)


@pytest.mark.parametrize("share, expected", [(0, 0), (0.1, 40), (0.333, 133), (1, 400)])
def test_damage_turns_over_the_same_number_of_units_in_each_picture(share, expected):
    patterns = corpora.draw_pictures()
    before = patterns.copy()
    damaged = corpora.flip_units(patterns, share, seed=3)
    assert np.array_equal((damaged != patterns).sum(axis=1), [expected] * 6)
    assert np.array_equal(patterns, before)
    assert set(np.unique(damaged)) == {-1.0, 1.0}


def test_the_seed_decides_the_damage_and_each_picture_has_its_own():
    patterns = corpora.draw_pictures()
    once, again, other = (corpora.flip_units(patterns, 0.2, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert len(np.unique(once != patterns, axis=0)) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.draw_pictures(["ring", "dragon"]),
        lambda: corpora.draw_pictures([]),
        lambda: corpora.flip_units(np.ones((1, 4)), 1.5, seed=0),
        lambda: corpora.flip_units(np.ones((1, 4)), -0.1, seed=0),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must") as error:
        wrong()
    assert "Received: " in str(error.value) and "Example: " in str(error.value)
