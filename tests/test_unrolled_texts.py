"""Texts become ids and ids become texts, and what cannot be read says why."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from unrolled import texts
from unrolled.texts import TextError

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
POEM = "the cat sat\nthe cat ran\n\nthe dog sat\n" * 10


def written(folder, content, name="text.txt"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return file


def test_words_are_numbered_and_each_line_ends(tmp_path):
    text = texts.text_file(written(tmp_path, POEM), valid=0.1, test=0.1)
    assert text.vocabulary[:4] == ("<unk>", "the", "<eos>", "cat")  # as often as each other: the first to come first
    assert [len(part) for part in (text.train, text.valid, text.test)] == [96, 12, 12]  # 3 · 4 · 10, no empty lines
    assert text.decode(text.train[:8]) == "the cat sat\nthe cat ran\n"
    assert text.encode("the dog sang").tolist() == [1, text.vocabulary.index("dog"), 0]
    whole = np.concatenate([text.train, text.valid, text.test])
    assert text.decode(whole) == POEM.replace("\n\n", "\n")


def test_rare_words_of_the_training_part_and_unknown_ones_elsewhere_are_unk(tmp_path):
    body = "a b " * 30 + "rare " + "a b " * 60 + "a new"
    text = texts.text_file(written(tmp_path, body), min_count=2)
    assert set(text.vocabulary) == {"<unk>", "a", "b"}
    assert (text.train == 0).sum() == 1
    assert text.test.tolist()[-2:] == [0, 0]  # "new" and the end of the only line, which is not in the training part


def test_characters_keep_every_sign_and_japanese_is_one_character_each(tmp_path):
    body = "吾輩は猫である。\n名前はまだ無い。\n" * 20
    text = texts.text_file(written(tmp_path, body), "character")
    assert set(text.vocabulary) == {"<unk>", *body}
    assert text.decode(np.concatenate([text.train, text.valid, text.test])) == body
    assert text.decode(text.encode("猫である")) == "猫である"


def test_every_end_of_a_sentence_begins_a_line():
    assert texts.decode([1, 0, 0, 1, 1, 0], ("<eos>", "a"), "word") == "a\n\na a\n"


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_text(tmp_path):
    text = texts.text_file(written(tmp_path, b"\xef\xbb\xbf" + b"ab\r\n" * 30), "character")
    assert set(text.vocabulary) == {"<unk>", "a", "b", "\n"}


def test_a_file_in_another_encoding_is_refused_with_place_and_remedy(tmp_path):
    file = written(tmp_path, b"first line\nsecond " + "吾輩は猫である".encode("cp932"))
    with pytest.raises(TextError, match=r"byte 0x8c at position 18, in line 2. It could be cp932.*iconv -f cp932"):
        texts.text_file(file)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "none.txt", "There is no file"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: written(folder, ""), "is empty"),
        (lambda folder: written(folder, " \n\n "), "is empty"),
        (lambda folder: written(folder, "only three words"), "only 4 words: too few"),
    ],
)
def test_what_is_not_there_or_too_little_is_refused(tmp_path, make, message):
    with pytest.raises(TextError, match=message):
        texts.text_file(make(tmp_path))


@pytest.mark.parametrize("wrong", [{"level": "syllable"}, {"min_count": 0}, {"valid": 0.6, "test": 0.5}, {"test": 0.0}])
def test_arguments_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="Received"):
        texts.text_file(written(tmp_path, POEM), **wrong)


def test_penn_treebank_is_read_from_a_folder_with_its_own_unk(tmp_path):
    inner = tmp_path / "simple-examples" / "data"
    inner.mkdir(parents=True)
    for name, body in (("train", " aer <unk> N years \n" * 5), ("valid", " aer old \n"), ("test", " N \n")):
        written(inner, body, f"ptb.{name}.txt")
    text = texts.penn_treebank(inner.parent)
    assert sorted(text.vocabulary) == sorted(["aer", "<unk>", "N", "years", "<eos>"])
    assert text.decode(text.valid) == "aer <unk>\n"
    assert len(text.train) == 25


def test_a_folder_without_penn_treebank_says_what_is_missing_and_where_it_is(tmp_path):
    with pytest.raises(TextError, match=r"Missing: ptb.train.txt, ptb.valid.txt, ptb.test.txt. They are at https://"):
        texts.penn_treebank(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_text8_is_cut_at_90_and_95_percent(tmp_path, packed):
    body = "anarchism originated as a term of abuse " * 50  # 2,000 characters
    file = written(tmp_path, body, "text8")
    if packed:
        with zipfile.ZipFile(tmp_path / "text8.zip", "w") as archive:
            archive.writestr("text8", body)
        file = tmp_path / "text8.zip"
    text = texts.text8(file, "character")
    assert [len(part) for part in (text.train, text.valid, text.test)] == [1800, 100, 100]
    words = texts.text8(file, min_count=2)
    assert words.decode(words.train[:3]) == "anarchism originated as"


def test_another_file_than_text8_is_refused(tmp_path):
    with pytest.raises(TextError, match="not text8"):
        texts.text8(written(tmp_path, "Capital letters"))
    with pytest.raises(TextError, match="not the archive"):
        texts.text8(written(tmp_path, "no archive", "text8.zip"))
    with pytest.raises(TextError, match="Get http"):
        texts.text8(tmp_path / "nowhere")


def test_a_file_is_downloaded_once_and_its_sum_checked(tmp_path):
    source = written(tmp_path, POEM, "poem.txt")
    digest, cache = hashlib.sha256(POEM.encode()).hexdigest(), tmp_path / "cache"
    file = texts.download(source.as_uri(), digest, cache)
    source.unlink()
    assert texts.download(source.as_uri(), digest, cache) == file
    assert file.read_text() == POEM
    file.write_text("damaged")
    with pytest.raises(TextError, match="must have the SHA-256 sum"):
        texts.download(source.as_uri(), digest, cache)


def test_a_wrong_sum_leaves_nothing_in_the_cache(tmp_path):
    source = written(tmp_path, POEM, "poem.txt")
    with pytest.raises(TextError, match="must have the SHA-256 sum"):
        texts.download(source.as_uri(), "0" * 64, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_without_a_network_the_error_says_where_to_put_the_file(tmp_path):
    with pytest.raises(TextError, match="Without a network: .* put it into .*cache"):
        texts.download("http://127.0.0.1:9/file.txt", "0" * 64, tmp_path / "cache")  # nobody listens there


@needs_shared
@pytest.mark.parametrize(
    ("name", "level", "least"),
    [
        ("tinyshakespeare.txt", "character", 1_000_000),
        ("soseki_neko_ja.txt", "character", 300_000),
        ("soseki_kokoro_ja_words.txt", "word", 100_000),
    ],
)
def test_real_texts_come_back_as_they_were(name, level, least):
    text = texts.text_file(SHARED / name, level)
    whole = np.concatenate([text.train, text.valid, text.test])
    assert len(whole) > least
    content = (SHARED / name).read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    known = text.decode(text.train[:2000])
    assert content.split()[:100] == known.split()[:100] if level == "word" else content.startswith(known)
