"""Tone frames with phoneme-like labels: two partials that stand or glide, and some noise.

A steady sound is known from any of its frames. The two glides pass the same frequencies in opposite directions, so that
a single frame from the middle of one could be from the other.
"""

import numpy as np

TONE_RATE = 8000  # samples per second
TONE_FRAME = 160  # samples: 20 ms
TONE_BANDS = 24  # of 100 Hz, from 150 to 2,550 Hz
TONE_LABELS = ("a", "o", "u", "rise", "fall", "pause")
TONE_PARTIALS = {  # hertz: (lower, upper) at the beginning and at the end
    "a": ((700, 1100), (700, 1100)),
    "o": ((500, 900), (500, 900)),
    "u": ((300, 700), (300, 700)),
    "rise": ((400, 1400), (400, 2200)),
    "fall": ((400, 2200), (400, 1400)),
    "pause": ((0, 0), (0, 0)),
}
TONE_SEGMENTS = (3, 5)
TONE_LENGTHS = (4, 7)
TONE_TIME = TONE_SEGMENTS[1] * TONE_LENGTHS[1]
NO_TONE = -1  # the label of padding
_NOISE = 0.1


def tone_spectra(samples: np.ndarray) -> np.ndarray:
    """Turn sound into bands, frame by frame.

    Args:
        samples: the sound. Shape (..., 160): frames.

    Returns:
        the logarithms of the mean magnitude in each band of 100 Hz, scaled to about 0 to 1. Shape (..., 24), float32.
    """
    window = np.hanning(TONE_FRAME + 1)[:-1]
    size = np.abs(np.fft.rfft(samples * window, axis=-1)) / (TONE_FRAME / 4)  # bins of 50 Hz
    bands = size[..., 3 : 3 + 2 * TONE_BANDS].reshape(*size.shape[:-1], TONE_BANDS, 2).mean(axis=-1)
    return (1 + np.log10(bands + 0.03) / 1.5).astype(np.float32)


def tone_sounds(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make sounds out of some segments, each with a label.

    A sound has three to five segments of four to seven frames, no two neighbours alike, and all labels equally likely
    otherwise. All that is shorter than the longest possible is padded with zeros behind.

    Args:
        count: how many sounds, at least 1.
        seed: the same seed gives the same sounds.

    Returns:
        (samples, labels, lengths): shape (count, 35, 160), float32; for each frame an index of `TONE_LABELS`, -1 at
        padding, shape (count, 35), int64; and the number of real frames, shape (count,).

    Raises:
        ValueError: if `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}. Example: tone_sounds(100).")
    rng = np.random.default_rng(seed)
    labels = np.full((count, TONE_TIME), NO_TONE)
    partials = np.zeros((count, TONE_TIME, 2))
    for row, frequencies in zip(labels, partials, strict=True):
        place, before = 0, None
        for _ in range(rng.integers(TONE_SEGMENTS[0], TONE_SEGMENTS[1] + 1)):
            label = rng.choice([k for k in range(len(TONE_LABELS)) if k != before])
            length = rng.integers(TONE_LENGTHS[0], TONE_LENGTHS[1] + 1)
            start, end = np.array(TONE_PARTIALS[TONE_LABELS[label]], float)
            row[place : place + length] = label
            frequencies[place : place + length] = start + np.linspace(0, 1, length)[:, None] * (end - start)
            place, before = place + length, label
    lengths = (labels != NO_TONE).sum(axis=1)
    frequencies = partials * rng.normal(1, 0.03, (count, 1, 2))  # another voice each time
    phase = 2 * np.pi * np.cumsum(np.repeat(frequencies, TONE_FRAME, axis=1), axis=1) / TONE_RATE
    sound = ((np.sin(phase) * (np.repeat(partials, TONE_FRAME, axis=1) > 0)) @ [0.6, 0.4]).reshape(
        count, -1, TONE_FRAME
    )
    sound = sound + _NOISE * rng.standard_normal(sound.shape)
    sound = np.where((labels != NO_TONE)[:, :, None], sound, 0.0)
    return sound.astype(np.float32), labels, lengths


def tone_frames(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make sounds as `tone_sounds` does, and turn their frames into bands.

    Args:
        count: how many sounds, at least 1.
        seed: the same seed gives the same sounds.

    Returns:
        (frames, labels, lengths): shape (count, 35, 24), float32, zeros at padding; the others as `tone_sounds`.

    Raises:
        ValueError: if `count` is below 1.
    """
    samples, labels, lengths = tone_sounds(count, seed)
    frames = tone_spectra(samples)
    return np.where((labels != NO_TONE)[:, :, None], frames, np.float32(0)), labels, lengths
