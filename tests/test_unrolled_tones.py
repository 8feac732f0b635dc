"""The sounds hold the frequencies of their labels, and a single frame of a glide does not tell which one it is."""

import numpy as np
import pytest
from unrolled import corpora
from unrolled.corpora import tones

SAMPLES, LABELS, LENGTHS = corpora.tone_sounds(300, seed=4)
FRAMES = corpora.tone_frames(300, seed=4)[0]
CENTRES = 200 + 100 * np.arange(corpora.TONE_BANDS)  # hertz


def test_a_pure_tone_is_loudest_in_its_own_band():
    t = np.arange(corpora.TONE_FRAME) / corpora.TONE_RATE
    for frequency in (300, 700, 1500, 2200):
        bands = corpora.tone_spectra(np.sin(2 * np.pi * frequency * t))
        assert CENTRES[bands.argmax()] == frequency


def test_both_partials_of_a_steady_sound_stand_out():
    for name in ("a", "o", "u"):
        mean = FRAMES[corpora.TONE_LABELS.index(name) == LABELS].mean(axis=0)
        peaks = [k for k in range(1, 23) if mean[k] > mean[k - 1] and mean[k] > mean[k + 1]]
        loudest = sorted(CENTRES[k] for k in sorted(peaks, key=lambda k: mean[k])[-2:])
        assert np.allclose(loudest, corpora.TONE_PARTIALS[name][0], atol=100)


def upper(label):
    """For each segment of a glide: the band of the upper partial in its first and in its last frame."""
    found = []
    for frames, labels in zip(FRAMES, LABELS, strict=True):
        inside = labels == corpora.TONE_LABELS.index(label)
        if inside.any():
            start = inside.argmax()
            end = start + (
                np.diff(inside[start:].astype(int)).argmin() if not inside[start:].all() else inside[start:].sum() - 1
            )
            found.append((CENTRES[10:][frames[start, 10:].argmax()], CENTRES[10:][frames[end, 10:].argmax()]))
    return np.array(found)


def test_glides_rise_and_fall_between_the_same_frequencies():
    rise, fall = upper("rise"), upper("fall")
    assert len(rise) > 50 and len(fall) > 50
    assert np.all(rise[:, 1] > rise[:, 0] + 400) and np.all(fall[:, 1] < fall[:, 0] - 400)
    assert abs(np.median(rise[:, 0]) - np.median(fall[:, 1])) <= 100
    assert abs(np.median(rise[:, 1]) - np.median(fall[:, 0])) <= 100


def test_labels_lengths_and_padding_fit_together():
    assert SAMPLES.shape == (300, corpora.TONE_TIME, corpora.TONE_FRAME) and SAMPLES.dtype == np.float32
    assert FRAMES.shape == (300, corpora.TONE_TIME, corpora.TONE_BANDS) and FRAMES.dtype == np.float32
    real = np.arange(corpora.TONE_TIME) < LENGTHS[:, None]
    assert np.array_equal(LABELS != corpora.NO_TONE, real)
    assert not SAMPLES[~real].any() and not FRAMES[~real].any()
    assert LENGTHS.min() >= 3 * 4 and LENGTHS.max() <= 5 * 7


def test_segments_are_four_to_seven_frames_and_neighbours_differ():
    for labels, length in zip(LABELS, LENGTHS, strict=True):
        change = np.flatnonzero(np.diff(labels[:length])) + 1
        runs = np.diff([0, *change, length])
        assert 3 <= len(runs) <= 5
        assert set(runs) <= set(range(4, 8))


def test_all_labels_occur_about_equally_often():
    counts = np.bincount(LABELS[LABELS >= 0], minlength=len(corpora.TONE_LABELS))
    assert counts.min() > 0.8 * counts.mean() and counts.max() < 1.2 * counts.mean()


def test_a_pause_is_only_noise():
    pause = SAMPLES[corpora.TONE_LABELS.index("pause") == LABELS]
    assert pause.std() == pytest.approx(tones._NOISE, rel=0.02)
    assert np.abs(SAMPLES).max() > 0.9


def test_the_seed_decides_everything():
    first, again, other = (corpora.tone_frames(5, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_errors_name_the_rule_what_came_and_the_way_out():
    with pytest.raises(ValueError, match="must.*Received: count=0.*Example"):
        corpora.tone_sounds(0)
