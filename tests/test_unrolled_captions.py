"""The pictures show what their captions say, and the clips move as their labels, names and captions say."""

import numpy as np
import pytest
from unrolled import corpora
from unrolled.corpora import captions as module

PICTURES, CAPTIONS = corpora.captioned_pictures(400, seed=5)
CLIPS, MOVES, ACTIONS, TOLD = corpora.shape_clips(400, seed=6)


def ink(size, shape):
    """How many pixels such a shape has."""
    return corpora.shape_mask(shape, {"small": 2, "large": 3}[size]).sum()


def test_shapes_by_hand():
    assert corpora.shape_mask("cross", 1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert corpora.shape_mask("square", 2).sum() == 25
    assert corpora.shape_mask("circle", 2).sum() == 21  # all but the corners
    triangle = corpora.shape_mask("triangle", 2).sum(axis=1)
    assert triangle.tolist() == [1, 1, 3, 3, 5]


def test_every_shape_is_like_its_mirror_image_and_unlike_the_others():
    for radius in (2, 3):
        masks = [corpora.shape_mask(shape, radius) for shape in corpora.CAPTION_SHAPES]
        assert all(np.array_equal(mask, mask[:, ::-1]) for mask in masks)
        assert len({mask.tobytes() for mask in masks}) == 4


def test_each_half_holds_as_much_ink_as_the_caption_says():
    """Above and beside: the picture is cut between the two shapes, and the pixels of ink are counted on either side."""
    for picture, caption in zip(PICTURES, CAPTIONS, strict=True):
        a, size, shape, relation, b, other_size, other_shape = caption
        assert (a, b) == ("a", "a")
        black = picture > 0.5
        across = black if relation == "above" else black.T
        assert across[:8].sum() == ink(size, shape)
        assert across[8:].sum() == ink(other_size, other_shape)


def test_noise_never_passes_for_ink():
    for picture in PICTURES:
        assert np.all((picture < 0.48) | (picture > 0.52))


def test_all_captions_occur_about_equally_often():
    captions = corpora.captioned_pictures(6400, seed=7)[1]
    counts = np.unique([" ".join(caption) for caption in captions], return_counts=True)[1]
    assert len(counts) == 128
    assert np.abs(counts - 50).max() < 5 * np.sqrt(50)
    assert {word for caption in captions for word in caption} == set(corpora.CAPTION_VOCABULARY)


def shift(before, after):
    """By how many rows and columns one frame must be rolled to become the next: the best of all."""
    best = max(
        np.ndindex(corpora.CLIP_SIDE, corpora.CLIP_SIDE), key=lambda by: (np.roll(before, by, (0, 1)) * after).sum()
    )
    return tuple((by + 5) % 10 - 5 for by in best)


def test_the_moves_are_those_of_the_pixels():
    ways = {"still": (0, 0), "left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
    for clip, moves in zip(CLIPS[:60], MOVES, strict=False):
        for t in range(1, len(clip)):
            assert shift(clip[t - 1], clip[t]) == ways[corpora.CLIP_MOVES[moves[t]]]
        assert moves[0] == 0


def test_actions_and_captions_follow_from_the_moves():
    opposite = {"left": "right", "right": "left", "up": "down", "down": "up"}
    for moves, action, caption in zip(MOVES, ACTIONS, TOLD, strict=True):
        names = [corpora.CLIP_MOVES[move] for move in moves[1:]]
        phases = [name for k, name in enumerate(names) if not k or names[k - 1] != name]
        first, second = phases[0], phases[-1]
        kind = corpora.CLIP_ACTIONS[action]
        assert len(phases) == (1 if kind == "crosses" else 2)
        assert caption[2:6] == ("goes", first, "and", kind)
        assert (kind == "returns") == (second == opposite[first])
        assert (kind == "waits") == (second == "still")
        assert caption[6:] == ((second,) if kind == "turns" else ())


def test_the_shape_is_the_one_of_the_caption():
    for clip, caption in zip(CLIPS, TOLD, strict=True):
        assert np.all((clip > 0.5).sum(axis=(1, 2)) == corpora.shape_mask(caption[1], 2).sum())


def test_the_second_part_begins_in_the_middle_third():
    changes = [np.flatnonzero(np.diff(moves[1:]))[0] + 2 for moves in MOVES if len(set(moves[1:])) > 1]
    assert set(changes) == set(range(5, 9))


def test_edge_sums_by_hand():
    assert corpora.edge_sums(np.array([[1.0, 0.0], [1.0, 1.0]])).tolist() == [0.5, 1.0, 1.0, 0.5]
    assert corpora.edge_sums(CLIPS).shape == (400, corpora.CLIP_STEPS, 20)


def test_no_single_frame_tells_the_move():
    """The same shape at the same place occurs with different moves: what a frame alone could know is not enough."""
    clean = np.round(CLIPS).astype(np.int8)
    moves_of = {}
    for clip, moves in zip(clean, MOVES, strict=True):
        for frame, move in zip(clip[1:], moves[1:], strict=True):
            moves_of.setdefault(frame.tobytes(), set()).add(int(move))
    assert np.mean([len(moves) > 1 for moves in moves_of.values()]) > 0.9


def test_the_seed_decides_everything():
    for make in (corpora.captioned_pictures, corpora.shape_clips):
        first, again, other = (make(5, seed=seed) for seed in (1, 1, 2))
        assert all(np.array_equal(a, b) for a, b in zip(first[:-1], again[:-1], strict=True)) and first[-1] == again[-1]
        assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.captioned_pictures(0),
        lambda: corpora.shape_clips(0),
        lambda: corpora.shape_clips(3, steps=5),
        lambda: corpora.shape_mask("star", 2),
        lambda: corpora.shape_mask("circle", 0),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must.*Received: .*Example: "):
        wrong()


def test_the_noise_is_the_stated_one():
    assert (CLIPS - np.round(CLIPS)).std() == pytest.approx(module._NOISE, rel=0.02)
