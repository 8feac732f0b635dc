"""Rewrite the committed samples of the corpora, and their checksums.

    PYTHONPATH=lessons python data/generate.py [FOLDER]

Without a folder, the one that holds this script. The same version of NumPy's generator (PCG64) gives the
same bytes on every machine.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from unrolled import corpora

SEED = 1990
BITS_PER_LINE = 60
LETTERS_PER_LINE = 60


def _wrapped(text: str, width: int) -> str:
    return "".join(text[k : k + width] + "\n" for k in range(0, len(text), width))


def _of_lesson_11() -> dict[str, str]:
    sentences, feelings = corpora.sentiment_sentences(200, seed=SEED)
    pictures, captions = corpora.captioned_pictures(12, seed=SEED)
    clips, moves, _, told = corpora.shape_clips(3, seed=SEED)
    written, iso = corpora.date_pairs(300, seed=SEED)
    _, labels, lengths = corpora.tone_frames(60, seed=SEED)

    def drawn(picture: np.ndarray) -> str:
        return "".join("".join(".#"[int(unit > 0.5)] for unit in row) + "\n" for row in picture)

    frames = [
        "".join(f"{corpora.CLIP_MOVES[move]}\n{drawn(frame)}" for move, frame in zip(way, clip, strict=True))
        for way, clip in zip(moves, clips, strict=True)
    ]
    sounds = [
        " ".join(corpora.TONE_LABELS[label] for label in row[:length])
        for row, length in zip(labels, lengths, strict=True)
    ]
    return {
        "sentiment.txt": "".join(f"{'-+'[a]} {' '.join(b)}\n" for a, b in zip(feelings, sentences, strict=True)),
        "captions.txt": "\n".join(f"{' '.join(a)}\n{drawn(b)}" for a, b in zip(captions, pictures, strict=True)),
        "clips.txt": "\n".join(f"{' '.join(a)}\n{b}" for a, b in zip(told, frames, strict=True)),
        "dates.txt": "".join(f"{a} = {b}\n" for a, b in zip(written, iso, strict=True)),
        "melodies.txt": "".join(" ".join(map(str, tune)) + "\n" for tune in corpora.melodies(100, seed=SEED)),
        "tones.txt": "".join(f"{sound}\n" for sound in sounds),
    }


def samples() -> dict[str, str]:
    """Make the text of every committed sample.

    Returns:
        File name → content, ASCII, lines ended by a newline.
    """
    bits = "".join(map(str, corpora.temporal_xor(3000, seed=SEED)))
    letters = corpora.letter_sequences(1000, seed=SEED)
    sentences = corpora.elman_grammar(2000, seed=SEED)
    drawn = corpora.draw_pictures(corpora.PICTURE_NAMES).reshape(-1, 20, 20)
    rows = ["\n".join("".join(".#"[int(unit > 0)] for unit in row) for row in picture) for picture in drawn]
    texts, topics = corpora.topic_documents(200, seed=SEED)
    shapes, movements = corpora.arm_trajectories(40, steps=24, seed=SEED)
    angles = [" ".join(f"{shoulder:.3f},{elbow:.3f}" for shoulder, elbow in movement) for movement in movements]
    x, sums = corpora.adding_problem(20, 40, seed=SEED)
    marked = [" ".join(f"{number:.4f}{'*' if mark else ''}" for number, mark in row) for row in x]
    shown, asked = corpora.recall(200, (1, 40), length=41, seed=SEED)
    letter = np.where(shown[:, :, corpora.RECALL_SYMBOLS] == 1, "A", "a")  # marked symbols are capitals
    recalled = [
        "".join(
            chr(ord(first) + step[: corpora.RECALL_SYMBOLS].argmax())
            for first, step in zip(row, steps[:-1], strict=False)
        )
        for row, steps in zip(letter, shown, strict=True)
    ]
    stories = " ".join(corpora.story_corpus(4000, seed=SEED).words).split(f" {corpora.STORY_END} ")
    return {
        "arm_trajectories.txt": "".join(f"{a}: {b}\n" for a, b in zip(shapes, angles, strict=True)),
        "temporal_xor.txt": _wrapped(bits, BITS_PER_LINE),
        "letters.txt": _wrapped(letters, LETTERS_PER_LINE),
        "elman_grammar.txt": "".join(" ".join(sentence) + "\n" for sentence in sentences),
        "pictures.txt": "\n".join(f"{name}\n{text}\n" for name, text in zip(corpora.PICTURE_NAMES, rows, strict=True)),
        "topic_documents.txt": "".join(f"{a}: {' '.join(b)}\n" for a, b in zip(topics, texts, strict=True)),
        "relations.txt": "".join(" ".join(sentence) + "\n" for sentence in corpora.relation_sentences(4000, seed=SEED)),
        "adding.txt": "".join(f"{row} = {total:.4f}\n" for row, (total,) in zip(marked, sums, strict=True)),
        "recall.txt": "".join(f"{a}? = {chr(ord('a') + b)}\n" for a, b in zip(recalled, asked[:, -1], strict=True)),
        "reber.txt": "".join(f"{string}\n" for string in corpora.reber_strings(300, seed=SEED)),
        "embedded_reber.txt": "".join(f"{s}\n" for s in corpora.reber_strings(300, seed=SEED, embedded=True)),
        "stories.txt": "".join(f"{story}\n" for story in stories),
        **_of_lesson_11(),
    }


def write_samples(folder: Path) -> dict[str, str]:
    """Write every sample, and SHA256SUMS (in the format of sha256sum), into a folder.

    Args:
        folder: where to; made where it is missing.

    Returns:
        File name → SHA-256 of its bytes, hexadecimal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for name, text in samples().items():
        content = text.encode("ascii")
        (folder / name).write_bytes(content)
        sums[name] = hashlib.sha256(content).hexdigest()
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    (folder / "SHA256SUMS").write_bytes(lines.encode("ascii"))
    return sums


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
