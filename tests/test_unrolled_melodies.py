"""The melodies keep the grammar's rules, and sound at the frequencies of the scale."""

import numpy as np
import pytest
from unrolled import corpora

MOTIFS = corpora.melody_motifs()


def test_a_melody_by_hand():
    assert corpora.continue_motif(np.array([[0, 2, 4, 2], [4, 3, 1, 0]])).tolist() == [
        [0, 2, 4, 2, 1, 3, 5, 3, 2, 4, 2, 0, 4, 3, 1, 0],
        [4, 3, 1, 0, 5, 4, 2, 1, 0, 1, 3, 4, 2, 4, 1, 0],
    ]


def test_motifs_are_all_those_that_the_rules_allow():
    every = np.stack(np.meshgrid(*[np.arange(-1, 10)] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    allowed = np.isin(every[:, 0], (0, 2, 4, 7)) & np.all(np.abs(np.diff(every, axis=1)) <= 4, axis=1)
    allowed &= np.all((every >= 0) & (every <= 8), axis=1)
    assert {tuple(row) for row in every[allowed]} == {tuple(row) for row in MOTIFS}
    assert len(MOTIFS) == allowed.sum()


def test_the_bars_follow_from_the_first():
    melodies = corpora.melodies(len(MOTIFS), seed=1)
    first, second, third, fourth = np.split(melodies, 4, axis=1)
    assert np.array_equal(second, first + 1)
    assert np.array_equal(third, first[:, ::-1])
    assert np.all(fourth[:, -1] == 0)
    assert np.array_equal(fourth[:, 0] == 4, first[:, 3] >= first[:, 0])
    assert melodies.min() == 0 and melodies.max() == corpora.MELODY_NOTES - 1
    assert melodies.shape[1] == corpora.MELODY_LENGTH == 4 * corpora.MELODY_BAR


def test_no_two_melodies_are_alike():
    assert len(np.unique(corpora.melodies(300, seed=2), axis=0)) == 300


def test_frequencies_are_those_of_the_major_scale():
    """Just intonation says 9/8, 5/4, 4/3, 3/2, 5/3, 15/8, 2; equal temperament is within 1 % of each."""
    just = np.array([1, 9 / 8, 5 / 4, 4 / 3, 3 / 2, 5 / 3, 15 / 8, 2])
    assert np.allclose(corpora.degree_frequency(np.arange(8), 100.0), 100 * just, rtol=0.01)
    assert corpora.degree_frequency(np.array(7), 220.0) == pytest.approx(440.0)


def test_the_seed_decides_everything():
    assert np.array_equal(corpora.melodies(20, seed=1), corpora.melodies(20, seed=1))
    assert not np.array_equal(corpora.melodies(20, seed=1), corpora.melodies(20, seed=2))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.melodies(0),
        lambda: corpora.melodies(10**5),
        lambda: corpora.continue_motif(np.zeros((2, 5), int)),
        lambda: corpora.continue_motif(np.zeros(4, int)),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must.*Received: .*Example: "):
        wrong()
