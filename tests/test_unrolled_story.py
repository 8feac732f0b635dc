"""The stories keep the rules they claim, and the probabilities that come with them are the true ones."""

import re

import numpy as np
import pytest
from unrolled import corpora

CORPUS = corpora.story_corpus(300_000, seed=7)
IDS = CORPUS.ids
VOCABULARY = corpora.story_vocabulary()
TEXT = " ".join(CORPUS.words)
STORIES = [story.split() + [corpora.STORY_END] for story in TEXT.split(f" {corpora.STORY_END} ")[:-1]]
HOLDING, DROPPING = ("takes", "buys", "steals", "borrows"), ("drops", "loses", "throws", "breaks")


def test_the_vocabulary_has_some_thousand_words_none_of_them_twice():
    assert len(set(VOCABULARY)) == len(VOCABULARY) == 2206
    assert set(IDS.tolist()) <= set(range(len(VOCABULARY)))


def test_frequencies_fall_like_zipf_s_law():
    counts = np.sort(np.bincount(IDS))[::-1]
    ranks = np.arange(10, 1000)
    slope = np.polyfit(np.log(ranks + 1), np.log(counts[ranks]), 1)[0]
    assert -1.4 < slope < -0.8  # Zipf: -1
    assert counts[0] > 20_000  # and a few words make up a good part of the text


def test_next_word_probabilities_sum_to_one_and_are_those_that_the_corpus_reports():
    for k in np.random.default_rng(1).integers(0, 20_000, 200):
        p = corpora.story_probabilities(IDS[max(0, k - 3000) : k])
        assert p.min() >= 0
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert p[IDS[k]] == pytest.approx(CORPUS.probabilities[k], rel=1e-12)


def test_words_come_as_often_as_their_probabilities_say():
    """Of all words that are given a probability between 1/8 and 1/4, so many come, and so on: z-scores of each range."""
    edges = np.array([0, 1e-2, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 0.999])
    came, expected, variance = (np.zeros(len(edges)) for _ in range(3))
    for k in np.random.default_rng(2).integers(0, 290_000, 2500):
        p = corpora.story_probabilities(IDS[max(0, k - 3000) : k])
        assert p[IDS[k]] == pytest.approx(CORPUS.probabilities[k], rel=1e-12)  # no two choices give the same word
        found = np.searchsorted(edges, p, side="right") - 1
        share = np.bincount(found, p, len(edges))  # the probability that the next word is of each range
        expected += share
        variance += share * (1 - share)
        came[found[IDS[k]]] += 1
    assert np.all(came > 100)
    assert np.all(np.abs(came - expected)[:-1] < 4 * np.sqrt(variance[:-1]))
    assert came[-1] == pytest.approx(expected[-1], abs=1e-6)  # where there is no choice, nothing else comes


def test_after_the_same_beginning_the_next_words_are_spread_as_computed():
    """No table of the generator is used here but the probabilities: stories with the same first words are counted."""
    index = {word: k for k, word in enumerate(VOCABULARY)}
    for words, least in ((), 2000), (("once", "in", "the"), 1000), (("long",), 500):
        after = [index[story[len(words)]] for story in STORIES if tuple(story[: len(words)]) == words]
        p = corpora.story_probabilities([index[word] for word in words])
        assert len(after) > least
        counts, expected = np.bincount(after, minlength=len(p)), p * len(after)
        likely = expected > 5
        assert counts[p == 0].sum() == 0
        assert np.all(np.abs(counts - expected)[likely] <= 5 * np.sqrt(expected * (1 - p))[likely] + 1e-9)


def test_the_mean_surprise_of_a_text_is_the_exact_entropy_within_its_standard_error():
    entropy, length = corpora.story_entropy(), corpora.story_length()
    corpus = corpora.story_corpus(1_000_000, seed=8)
    ends = np.flatnonzero(corpus.ids == VOCABULARY.index(corpora.STORY_END)) + 1
    lengths = np.diff(ends, prepend=0)
    nats = np.add.reduceat(-np.log(corpus.probabilities[: ends[-1]]), np.r_[0, ends[:-1]])
    # Stories are independent: nats - entropy · length has mean 0, and the length has its own mean.
    left = nats - entropy * lengths
    error = left.std() * np.sqrt(len(left)) / lengths.sum()  # of the mean, in nats per token
    assert error < 0.005
    assert abs(left.sum()) / lengths.sum() < 4 * error
    assert abs(lengths.mean() - length) < 4 * lengths.std() / np.sqrt(len(lengths))
    assert abs(corpus.nats_per_token - entropy) < 4 * error


def test_a_story_ends_with_the_hero_and_the_place_it_began_with():
    names = []
    for story in STORIES:
        hero = story[story.index("named") + 1]
        place = story[story.index("the") + 1]
        assert story[-9:] == ["at", "last", hero, "comes", "home", "to", "the", place, ".", "<eos>"][-9:]
        names.append(hero)
    assert len(set(names)) > 80
    assert np.mean([len(story) for story in STORIES]) > 100  # far beyond the reach of five words


def test_names_and_roles_are_of_two_genders_which_pronouns_follow():
    pairs = {(story[k - 1], story[k + 1]) for story in STORIES for k, word in enumerate(story) if word == "named"}
    group = {"man"}
    for _ in range(20):
        names = {name for role, name in pairs if role in group}
        group = {role for role, name in pairs if name in names}
    assert names and not names & {name for role, name in pairs if role not in group}
    for story in STORIES[:1000]:
        hero = story[story.index("named") + 1]
        alone = story.count("named") == 1
        if alone:  # without a companion, all pronouns are the hero's
            assert (
                not {"she", "her", "herself"} & set(story) if hero in names else not {"he", "him", "his"} & set(story)
            )


def test_what_is_put_down_was_taken_and_nothing_is_held_in_the_end():
    puts = 0
    for story in STORIES:
        text = " ".join(story)
        after = [(story[k + 2], story[k + 3]) for k, word in enumerate(story) if word in HOLDING]
        taken = {word for pair in after for word in pair}  # the thing, or an adjective and the thing
        down = re.findall(rf"(?:{'|'.join(DROPPING)}) (?:the|his|her) (\S+)", text)
        assert len(down) == sum(story.count(word) for word in HOLDING)
        assert set(down) <= taken
        puts += len(down)
    assert puts > 2000


def test_quotations_close_even_inside_each_other():
    deepest = 0
    for story in STORIES:
        depth = np.cumsum([{"``": 1, "''": -1}.get(word, 0) for word in story])
        assert depth.min() == 0 and depth[-1] == 0
        assert all(depth[k] == 0 for k, word in enumerate(story) if word == ".")
        deepest = max(deepest, depth.max())
    assert deepest == 2


def test_nouns_agree_with_their_verbs_across_a_relative_clause():
    found = {"every": 0, "many": 0}
    for quantity, verb in re.findall(r"(every|many) \S+ who the \S+ (?!near|who)\S+ (\S+)", TEXT):
        found[quantity] += 1
        one = verb == "is" or (verb.endswith("s") and verb[:-1] in VOCABULARY)
        many = verb == "are" or f"{verb}s" in VOCABULARY
        assert one if quantity == "every" else many, (quantity, verb)
    assert min(found.values()) > 50


def test_each_setting_has_words_of_its_own():
    places = {story[story.index("the") + 1] for story in STORIES}
    assert len(places) == 6 * len(corpora.STORY_SETTINGS)
    sea = [story for story in STORIES if story[story.index("the") + 1] in ("harbour", "pier", "beach")]
    land = [story for story in STORIES if story[story.index("the") + 1] in ("forest", "glade", "hollow")]
    assert any("rope" in story for story in sea) and not any("rope" in story for story in land)


def test_the_seed_decides_everything_and_a_longer_corpus_begins_with_the_shorter():
    long, short = corpora.story_corpus(5000, seed=7), corpora.story_corpus(1234, seed=7)
    assert len(short.ids) == len(short.probabilities) == 1234
    assert np.array_equal(long.ids[:1234], short.ids)
    assert np.array_equal(IDS[:5000], long.ids)
    assert not np.array_equal(corpora.story_corpus(1234, seed=8).ids, short.ids)


def test_a_text_that_the_grammar_cannot_make_is_refused():
    index = {word: k for k, word in enumerate(VOCABULARY)}
    with pytest.raises(ValueError, match="'the' as word 1"):
        corpora.story_probabilities([index["once"], index["the"]])
    with pytest.raises(ValueError, match="at least 1"):
        corpora.story_corpus(0)
