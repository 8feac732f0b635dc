"""The relations corpus keeps what it promises: held-out pairs never meet, and everything else is there to learn from."""

import itertools
from collections import Counter

import pytest
from unrolled import corpora
from unrolled.corpora import RELATIONS, analogies, held_out_pairs, relation_sentences

SEEDS = range(5)


@pytest.fixture(scope="module", params=SEEDS)
def seeded(request):
    """A seed and its text of 200,000 words."""
    return request.param, relation_sentences(200_000, seed=request.param)


def test_the_text_is_as_long_as_asked_for_and_no_longer_than_one_more_sentence(seeded):
    _, sentences = seeded
    length = sum(map(len, sentences))
    assert length >= 200_000
    assert length - len(sentences[-1]) < 200_000


def test_the_two_words_of_a_held_out_pair_never_share_a_sentence(seeded):
    seed, sentences = seeded
    partner = {
        word: other
        for pairs in held_out_pairs(seed).values()
        for word, other in (pair for p in pairs for pair in (p, p[::-1]))
    }
    assert not [s for s in sentences if any(partner.get(word) in s for word in s)]


def test_the_two_words_of_every_other_pair_do_share_sentences(seeded):
    seed, sentences = seeded
    held_out = {pair for pairs in held_out_pairs(seed).values() for pair in pairs}
    told = {(p.first, p.second) for pairs in RELATIONS.values() for p in pairs} - held_out
    met = {pair for s in sentences for pair in told if set(pair) <= set(s)}
    assert met == told


def test_every_word_of_every_pair_and_topic_occurs_often_enough_to_be_learned(seeded):
    counts = Counter(word for sentence in seeded[1] for word in sentence)
    for pair in itertools.chain.from_iterable(RELATIONS.values()):
        # the rarest pair has 1 / 24 of 1 / 20 of the weights' scale: about 130 sentences about either word
        assert min(counts[pair.first], counts[pair.second]) >= 40
        assert min(counts[topic] for topic in pair.topics) >= 40


def test_a_topic_stands_beside_its_own_pair_mostly_and_beside_others_sometimes(seeded):
    _, sentences = seeded
    own, strange = 0, 0
    topics = {pair.first: set(pair.topics) for pair in RELATIONS["capital"]}
    every = set().union(*topics.values())
    for sentence in sentences:
        words = set(sentence)
        for country in words & topics.keys():
            own += len(words & topics[country])
            strange += len(words & (every - topics[country]))
    # one topic word in four is drawn from any of 20 pairs: 1/4 · 19/20 are another pair's
    assert strange / (own + strange) == pytest.approx(0.25 * 19 / 20, abs=0.03)


def test_held_out_pairs_are_half_of_each_relation_and_change_with_the_seed():
    chosen = [held_out_pairs(seed) for seed in SEEDS]
    for found in chosen:
        for name, pairs in RELATIONS.items():
            assert len(set(found[name])) == len(pairs) // 2
            assert set(found[name]) <= {(p.first, p.second) for p in pairs}
    assert len({str(found) for found in chosen}) == len(SEEDS)


def test_analogies_are_all_ordered_choices_of_two_held_out_pairs():
    pairs, questions = held_out_pairs(3), analogies(3)
    for name, group in questions.items():
        count = len(pairs[name])
        assert len(set(group)) == len(group) == count * (count - 1)
        for a, b, c, d in group:
            assert {(a, b), (c, d)} <= set(pairs[name]) and (a, b) != (c, d)


def test_no_word_belongs_to_two_pairs_or_is_a_topic_of_two():
    words = [word for pairs in RELATIONS.values() for p in pairs for word in (p.first, p.second, *p.topics)]
    assert not [word for word, count in Counter(words).items() if count > 1]


def test_topic_words_do_not_stand_in_the_frames_of_sentences():
    """Otherwise a topic word would mark a kind, and not only its pair."""
    from unrolled.corpora import relations

    frames = " ".join(
        itertools.chain(
            *(side for sides in relations._ABOUT.values() for side in sides),
            *relations._TOLD.values(),
            relations._TOPIC_ONLY,
        )
    )
    used = set(frames.replace("|", " ").split())
    for pair in itertools.chain.from_iterable(RELATIONS.values()):
        assert not used & {pair.first, pair.second, *pair.topics}


def test_the_seed_decides_everything():
    assert relation_sentences(500, seed=1) == relation_sentences(500, seed=1)
    assert relation_sentences(500, seed=1) != relation_sentences(500, seed=2)


def test_a_longer_text_begins_with_the_shorter_one():
    assert relation_sentences(5000, seed=1)[: len(relation_sentences(500, seed=1))] == relation_sentences(500, seed=1)


def test_errors_name_the_rule_what_came_and_the_way_out():
    with pytest.raises(ValueError, match="must be at least 1. Received: tokens=0. Example: "):
        corpora.relation_sentences(0)
