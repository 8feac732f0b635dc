"""The corpora keep the rules they claim, and the committed samples are what the generators make."""

import hashlib
import importlib.util
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from unrolled import corpora

DATA = Path(__file__).parents[1] / "data"


def test_every_third_bit_is_the_exclusive_or_of_the_two_before():
    bits = corpora.temporal_xor(3000, seed=3)
    assert bits.shape == (3000,)
    assert set(bits.tolist()) == {0, 1}
    for k in range(2, 3000, 3):
        assert bits[k] == int(bits[k - 2] != bits[k - 1])


def test_the_other_bits_are_fair_and_independent_coins():
    groups = corpora.temporal_xor(30_000, seed=3).reshape(-1, 3)
    counts = np.unique(groups[:, :2], axis=0, return_counts=True)[1]
    # 10,000 pairs in four cells: 2,500 each, standard deviation sqrt(10,000 · 1/4 · 3/4) = 43
    assert np.abs(counts - 2500).max() < 5 * 43


@pytest.mark.parametrize("bits", [3, 4, 5, 3001])
def test_a_stream_has_as_many_bits_as_asked_for(bits):
    assert len(corpora.temporal_xor(bits)) == bits


def test_letters_are_syllables_of_the_three_consonants_and_nothing_else():
    letters = corpora.letter_sequences(500, seed=1)
    assert re.fullmatch("(ba|dii|guuu){500}", letters)
    assert {letters.count(c) > 100 for c in "bdg"} == {True}


def test_letter_code_tells_all_six_letters_apart_and_vowels_from_consonants():
    code = corpora.letter_vectors("bdgaiu")
    assert code.shape == (6, 6)
    assert len(np.unique(code, axis=0)) == 6
    features = dict(zip(corpora.LETTER_FEATURES, code.T, strict=True))
    assert features["Consonant"].tolist() == [1, 1, 1, 0, 0, 0]
    assert features["Vowel"].tolist() == [0, 0, 0, 1, 1, 1]
    assert features["Voiced"].all()


def test_vocabulary_is_the_29_words_of_the_paper():
    assert len(set(corpora.VOCABULARY)) == len(corpora.VOCABULARY) == 29
    assert len(corpora.WORD_CLASSES) == 12
    assert len(set(corpora.TEMPLATES)) == 16


def test_every_sentence_matches_a_template_and_every_template_is_used():
    possible = {
        sentence
        for template in corpora.TEMPLATES
        for sentence in itertools.product(*(corpora.WORD_CLASSES[name] for name in template))
    }
    made = corpora.elman_grammar(10_000, seed=0)
    assert set(made) <= possible
    assert len(set(made)) > 0.95 * len(possible)
    # 16 templates of 2.75 words: 27,500, standard deviation sqrt(10,000 · 12/16 · 4/16) = 43
    assert abs(sum(map(len, made)) - 27_500) < 5 * 43


@pytest.mark.parametrize("prefix", [(), ("boy",), ("cat", "break"), ("lion", "eat", "girl")])
def test_likelihood_agrees_with_counts_in_a_large_corpus(prefix):
    made = corpora.elman_grammar(40_000, seed=5)
    follows = dict.fromkeys(corpora.VOCABULARY, 0)
    for sentence, following in itertools.pairwise(made):
        if sentence[: len(prefix)] == prefix:
            rest = sentence[len(prefix) :] or following
            follows[rest[0]] += 1
    counts = np.array(list(follows.values()))
    likelihood = corpora.next_word_likelihood(prefix)
    assert likelihood.sum() == pytest.approx(1)
    deviation = np.sqrt(likelihood * (1 - likelihood) / counts.sum())
    assert np.all(np.abs(counts / counts.sum() - likelihood) <= 5 * deviation)


def test_likelihood_of_what_cannot_be_said_is_refused():
    with pytest.raises(ValueError, match="must begin a sentence"):
        corpora.next_word_likelihood(("bread", "eat"))


@pytest.mark.parametrize("make", [corpora.temporal_xor, corpora.letter_sequences, corpora.elman_grammar])
def test_the_seed_decides_everything(make):
    assert list(make(100, seed=1)) == list(make(100, seed=1))
    assert list(make(100, seed=1)) != list(make(100, seed=2))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.temporal_xor(2),
        lambda: corpora.letter_sequences(0),
        lambda: corpora.elman_grammar(0),
        lambda: corpora.letter_vectors("bax"),
        lambda: corpora.one_hot(np.array([0, 3]), 3),
        lambda: corpora.one_hot(np.array([-1]), 3),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match=r"must|may") as error:
        wrong()
    assert "Received: " in str(error.value)
    assert "Example: " in str(error.value)


def test_one_hot_has_a_single_one_where_the_index_says():
    rows = corpora.one_hot(np.array([[2, 0], [1, 1]]), 3)
    assert rows.shape == (2, 2, 3)
    assert np.array_equal(rows.argmax(axis=-1), [[2, 0], [1, 1]])
    assert np.array_equal(rows.sum(axis=-1), np.ones((2, 2)))


def test_generating_again_gives_the_committed_samples_and_checksums(tmp_path):
    spec = importlib.util.spec_from_file_location("generate", DATA / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    generate.write_samples(tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in DATA.iterdir() if path.suffix == ".txt" or path.name == "SHA256SUMS")
    for name in made:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


def test_readme_of_the_data_lists_every_sample_with_its_checksum_and_size():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for path in DATA.glob("*.txt"):
        content = path.read_bytes()
        row = next(line for line in readme.splitlines() if f"`{path.name}`" in line)
        assert hashlib.sha256(content).hexdigest() in row
        assert f"{len(content):,}" in row
