"""Melodies of four bars, in which the first bar decides the rest."""

import numpy as np

MELODY_NOTES = 10  # degrees of the major scale, from the tonic (0) upwards; 7 is the tonic an octave higher
MELODY_BAR = 4
MELODY_LENGTH = 4 * MELODY_BAR
_STARTS = (0, 2, 4, 7)
_LEAPS = (-4, -3, -2, -1, 0, 1, 2, 3, 4)
_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
_CADENCES = ((2, 4, 1, 0), (4, 3, 1, 0))  # after a motif that falls, and after one that does not


def melody_motifs() -> np.ndarray:
    """List all first bars.

    A bar has four notes. The first is the tonic, the third, the fifth or the octave (0, 2, 4, 7), every other one lies
    up to four degrees from the one before, and none lies outside 0 to 8.

    Returns:
        Shape (motifs, 4), int64.
    """
    found = [(start,) for start in _STARTS]
    for _ in range(MELODY_BAR - 1):
        found = [(*bar, bar[-1] + leap) for bar in found for leap in _LEAPS if 0 <= bar[-1] + leap < MELODY_NOTES - 1]
    return np.array(found)


def continue_motif(motif: np.ndarray) -> np.ndarray:
    """Continue first bars by the rules.

    The second bar is the first one, a degree higher. The third is the first one from its end. The fourth closes:
    4 3 1 0, or 2 4 1 0 if the last note of the first bar is lower than its first.

    Args:
        motif: first bars. Shape (count, 4).

    Returns:
        whole melodies. Shape (count, 16), int64.

    Raises:
        ValueError: for another shape.
    """
    motif = np.asarray(motif)
    if motif.ndim != 2 or motif.shape[1] != MELODY_BAR:
        raise ValueError(
            f"`motif` must have the shape (count, {MELODY_BAR}). Received: {motif.shape}. "
            "Example: continue_motif(np.array([[0, 2, 4, 2]]))."
        )
    rises = (motif[:, -1] >= motif[:, 0]).astype(int)
    return np.concatenate([motif, motif + 1, motif[:, ::-1], np.array(_CADENCES)[rises]], axis=1)


def melodies(count: int, seed: int = 0) -> np.ndarray:
    """Draw melodies, no two alike.

    Args:
        count: how many, at least 1.
        seed: the same seed gives the same melodies.

    Returns:
        degrees of the scale. Shape (count, 16), int64.

    Raises:
        ValueError: if `count` is below 1, or above the number of melodies that there are.
    """
    motifs = melody_motifs()
    if not 1 <= count <= len(motifs):
        raise ValueError(f"`count` must be 1 to {len(motifs)}. Received: count={count}. Example: melodies(100).")
    return continue_motif(motifs[np.random.default_rng(seed).permutation(len(motifs))[:count]])


def degree_frequency(degrees: np.ndarray, tonic: float = 261.63) -> np.ndarray:
    """Compute the frequencies of degrees of the major scale, in equal temperament.

    Args:
        degrees: 0 is the tonic, 7 the tonic an octave higher. Integers of any shape.
        tonic: the tonic's frequency, hertz. Default: the middle C.

    Returns:
        frequencies, hertz, of the same shape.
    """
    degrees = np.asarray(degrees)
    semitones = 12 * (degrees // 7) + np.array(_SEMITONES)[degrees % 7]
    return tonic * 2.0 ** (semitones / 12)
