"""The adding problem as its text says it is: marks, places, sums, and the errors of guessing."""

import math

import numpy as np
import pytest
from unrolled import corpora
from unrolled.corpora.adding import FIRST_MARKS


@pytest.fixture(scope="module")
def many():
    return corpora.adding_problem(20_000, 60, seed=3, places="1997")


def test_two_numbers_are_marked_and_the_target_is_their_sum(many):
    x, target = many
    assert x.shape == (20_000, 60, 2) and target.shape == (20_000, 1)
    assert x.dtype == target.dtype == np.float32
    marked = x[:, :, 1] == 1
    assert np.array_equal(marked.sum(axis=1), np.full(20_000, 2))
    assert np.all(x[~marked][:, 1] == 0)
    assert np.allclose(np.where(marked, x[:, :, 0], 0).sum(axis=1, dtype=float), target[:, 0], rtol=0, atol=2e-7)


def test_marks_stand_where_the_paper_puts_them(many):
    """One of the first ten pairs, and one of the first T/2 - 1 that is still unmarked."""
    places = np.array([np.flatnonzero(row) for row in many[0][:, :, 1]])
    assert places[:, 0].max() < FIRST_MARKS == 10
    assert set(places[:, 1]) == set(range(1, 60 // 2 - 1))
    assert places.max() == 60 // 2 - 2


def test_by_default_one_mark_falls_in_each_half_on_any_step():
    x, target = corpora.adding_problem(20_000, 60, seed=3)
    places = np.array([np.flatnonzero(row) for row in x[:, :, 1]])
    assert set(places[:, 0]) == set(range(30)) and set(places[:, 1]) == set(range(30, 60))
    counts = np.bincount(places.ravel()) / 20_000
    assert np.all(np.abs(counts - 1 / 30) < 5 * math.sqrt(1 / 30 / 20_000))
    assert np.allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=1), target[:, 0], rtol=0, atol=2e-7)


def test_every_allowed_pair_of_places_is_as_likely_as_it_should_be():
    places = np.array([np.flatnonzero(row) for row in corpora.adding_problem(40_000, 22, 4, "1997")[0][:, :, 1]])
    # T = 22: first mark among 10, second among the 9 unmarked of the first 10; each unordered pair can come two ways
    pairs, counts = np.unique(places, axis=0, return_counts=True)
    assert len(pairs) == 45
    assert np.all(np.abs(counts / 40_000 - 1 / 45) < 5 * math.sqrt(1 / 45 / 40_000))


def test_numbers_are_uniform_so_that_the_mean_guess_errs_by_one_sixth(many):
    x, target = many
    numbers = x[:, :, 0]
    assert numbers.min() >= 0 and numbers.max() <= 1
    assert abs(numbers.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / numbers.size)
    # two independent uniform numbers: variance 1/12 each; the standard error of a mean square follows from their kurtosis
    assert np.mean((target - 1) ** 2) == pytest.approx(1 / 6, abs=5 * math.sqrt(7 / 180 / 20_000))


def test_the_seed_decides_everything_and_a_generator_goes_on():
    first, again, other = (corpora.adding_problem(5, 30, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first[0], again[0]) and not np.array_equal(first[0], other[0])
    rng = np.random.default_rng(1)
    assert np.array_equal(corpora.adding_problem(5, 30, rng)[0], first[0])
    assert not np.array_equal(corpora.adding_problem(5, 30, rng)[0], first[0])


@pytest.mark.parametrize("wrong", [(0, 100, 1), (5, 21, 1), (5, 100, 1, "thirds")])
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must be") as error:
        corpora.adding_problem(*wrong)
    assert "Received: " in str(error.value) and "Example: " in str(error.value)
