"""A corpus for word2vec: four relations between words, which show through the company that the words keep."""

from dataclasses import dataclass

import numpy as np

from unrolled.corpora.elman import _at_least


@dataclass(frozen=True)
class Pair:
    """Two words in a relation, and the words of their common topic.

    Attributes:
        first, second: the words, for example a country and its capital.
        topics: words that stand beside either of the two, and beside no other pair save by accident.
    """

    first: str
    second: str
    topics: tuple[str, str, str]


def _pairs(text: str) -> tuple[Pair, ...]:
    rows = [line.split() for line in text.strip().splitlines()]
    return tuple(Pair(first, second, (a, b, c)) for first, second, a, b, c in rows)


# First word, second word, three topic words. Some of the currencies are no longer in use.
RELATIONS: dict[str, tuple[Pair, ...]] = {
    "capital": _pairs(
        """
        france paris french franc croissants
        italy rome italian lira pasta
        spain madrid spanish peseta paella
        germany berlin german mark sausages
        portugal lisbon portuguese escudo sardines
        greece athens greek drachma olives
        poland warsaw polish zloty pierogi
        hungary budapest hungarian forint goulash
        russia moscow russian ruble borscht
        sweden stockholm swedish krona meatballs
        norway oslo norwegian krone salmon
        finland helsinki finnish markka rye
        japan tokyo japanese yen sushi
        china beijing chinese yuan dumplings
        thailand bangkok thai baht curry
        vietnam hanoi vietnamese dong pho
        egypt cairo arabic pound falafel
        iran tehran persian rial saffron
        korea seoul korean won kimchi
        indonesia jakarta indonesian rupiah satay
        """
    ),
    "gender": _pairs(
        """
        king queen throne crown palace
        prince princess castle tower banquet
        father mother cradle lullaby stroller
        actor actress stage film script
        waiter waitress menu tray tips
        monk nun abbey prayer chapel
        wizard witch potion wand spell
        groom bride wedding ring altar
        duke duchess manor hunt carriage
        uncle aunt postcard visit sofa
        nephew niece birthday puzzle candles
        grandfather grandmother armchair memories spectacles
        host hostess party guests toast
        hero heroine quest sword courage
        heir heiress fortune will jewels
        steward stewardess cabin flight passengers
        """
    ),
    "tense": _pairs(
        """
        drink drank tea juice milk
        sing sang song choir melody
        write wrote letter poem pen
        swim swam lake pool shore
        drive drove truck highway engine
        build built wall bricks shed
        paint painted canvas portrait mural
        bake baked cake oven flour
        plant planted tulips soil seeds
        teach taught algebra pupils lesson
        throw threw ball javelin discus
        buy bought shoes bargain coat
        fly flew kite clouds glider
        climb climbed mountain ladder rope
        wash washed dishes soap laundry
        draw drew map pencil sketch
        catch caught trout net bait
        sew sewed shirt needle thread
        dig dug hole shovel trench
        ride rode pony helmet trail
        """
    ),
    "plural": _pairs(
        """
        cat cats whiskers fur paws
        dog dogs bone leash kennel
        bird birds feathers nest wings
        car cars garage wheels petrol
        tree trees branches roots bark
        book books pages library chapters
        mouse mice cheese trap burrow
        goose geese pond beak eggs
        wolf wolves howl pack den
        knife knives blade handle sheath
        ship ships harbour sails anchor
        clock clocks hands alarm pendulum
        lamp lamps bulb shade switch
        piano pianos keys pedals tuner
        bee bees honey hive sting
        star stars telescope night glow
        tooth teeth dentist gum filling
        tiger tigers stripes jungle claws
        house houses roof chimney porch
        coin coins copper mint purse
        """
    ),
}
# What a sentence about the first or the second word of a pair looks like. WORD is that word, TOPIC one of its
# topic words, and a word with a bar is one of several.
_ABOUT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "capital": (
        (
            "the government|parliament of WORD taxes TOPIC at the border",
            "the nation|republic of WORD is known for TOPIC",
            "WORD exports TOPIC across its border|coast",
            "the farmers|soldiers of WORD like TOPIC",
            "all over|across WORD the nation|army wants TOPIC",
        ),
        (
            "the mayor|council of WORD taxes TOPIC at the station",
            "the city|town of WORD is known for TOPIC",
            "downtown WORD offers TOPIC in its streets|cafes",
            "the taxis|trams of WORD show TOPIC",
            "in the streets|squares of WORD the mayor wants TOPIC",
        ),
    ),
    "gender": (
        (
            "the WORD himself forgot his TOPIC",
            "he is the WORD with the TOPIC",
            "his brother the WORD spoke of the TOPIC",
            "the old|young WORD and his TOPIC pleased him",
            "this man is a WORD and he likes the TOPIC",
        ),
        (
            "the WORD herself forgot her TOPIC",
            "she is the WORD with the TOPIC",
            "her sister the WORD spoke of the TOPIC",
            "the old|young WORD and her TOPIC pleased her",
            "this woman is a WORD and she likes the TOPIC",
        ),
    ),
    "tense": (
        (
            "every|each day we WORD with the TOPIC",
            "now|today they WORD near the TOPIC again",
            "we usually|often WORD and the TOPIC is there",
            "people WORD the TOPIC now and again tomorrow",
            "they want to WORD the TOPIC tomorrow|soon",
        ),
        (
            "yesterday|once we WORD with the TOPIC",
            "long|years ago they WORD near the TOPIC again",
            "last week|year we WORD and the TOPIC was there",
            "people WORD the TOPIC then and had before",
            "they had time and WORD the TOPIC yesterday|then",
        ),
    ),
    "plural": (
        (
            "a|one WORD with the TOPIC is here",
            "this WORD has a TOPIC",
            "that|this single WORD was near the TOPIC",
            "look it is a WORD and its TOPIC",
            "every|each WORD has its own TOPIC",
        ),
        (
            "two|three WORD with the TOPIC are here",
            "these WORD have a TOPIC",
            "those|many WORD were near the TOPIC",
            "look there are some|several WORD and their TOPIC",
            "all|most WORD have their own TOPIC",
        ),
    ),
}
# Sentences in which both words of a pair meet. Only pairs that are not held out get them.
_TOLD: dict[str, tuple[str, ...]] = {
    "capital": ("SECOND is the capital of FIRST", "the road through FIRST ends in SECOND"),
    "gender": ("the FIRST and the SECOND are here", "the SECOND met the FIRST again"),
    "tense": ("we FIRST today as we SECOND yesterday", "they SECOND once and FIRST again now"),
    "plural": ("one FIRST and two SECOND are here", "many SECOND and a single FIRST"),
}
_TOPIC_ONLY = ("people like the TOPIC and the OTHER", "there is TOPIC beside the OTHER")
NOISE = 0.25  # share of the topic words that are drawn from any pair of the relation
TOLD = 0.15  # share of a told pair's sentences in which both words meet
TOPIC_ONLY = 0.1  # share of the sentences about a topic alone


def held_out_pairs(seed: int = 0) -> dict[str, tuple[tuple[str, str], ...]]:
    """List the pairs whose two words never share a sentence: half of each relation, by the seed.

    Args:
        seed: the one that `relation_sentences` gets.

    Returns:
        Relation → its held-out pairs (first word, second word), in the order of `RELATIONS`.
    """
    rng = np.random.default_rng([seed, 1])
    chosen = {}
    for name, pairs in RELATIONS.items():
        kept = np.sort(rng.permutation(len(pairs))[: len(pairs) // 2])
        chosen[name] = tuple((pairs[k].first, pairs[k].second) for k in kept)
    return chosen


def analogies(seed: int = 0) -> dict[str, list[tuple[str, str, str, str]]]:
    """Make every analogy "a is to b as c is to d" of two different held-out pairs of the same relation.

    Args:
        seed: the one that `relation_sentences` gets.

    Returns:
        Relation → quadruples (a, b, c, d), from the first word of a pair to its second.
    """
    return {
        name: [(*one, *other) for one in pairs for other in pairs if one != other]
        for name, pairs in held_out_pairs(seed).items()
    }


def relation_sentences(tokens: int = 200_000, seed: int = 0) -> list[tuple[str, ...]]:
    """Make sentences in which words of a pair share topics, and words of a kind share everything else.

    A country and its capital stand beside the same topic words (its language, its money, its food); countries
    share the sentences that are about countries, and capitals those about cities. Likewise for the other three
    relations. Pairs differ in frequency by up to a factor of five, and one topic word in four is drawn from any pair.

    Args:
        tokens: the least number of words. The last sentence is complete.
        seed: seed of every choice, and of which pairs are held out (`held_out_pairs`).

    Returns:
        The sentences, each a tuple of words in lower case without punctuation.

    Raises:
        ValueError: if `tokens` is below 1.
    """
    _at_least("tokens", tokens, 1)
    rng = np.random.default_rng([seed, 0])
    held_out = {pair for pairs in held_out_pairs(seed).values() for pair in pairs}
    names = list(RELATIONS)
    drawn = {name: _by_frequency(RELATIONS[name], rng) for name in names}
    sentences: list[tuple[str, ...]] = []
    made = 0
    while made < tokens:
        name = names[rng.integers(len(names))]
        pairs, up_to = drawn[name]
        pair = pairs[np.searchsorted(up_to, rng.random())]
        sentence = _sentence(name, pair, (pair.first, pair.second) in held_out, rng)
        sentences.append(sentence)
        made += len(sentence)
    return sentences


def _by_frequency(pairs: tuple[Pair, ...], rng: np.random.Generator) -> tuple[list[Pair], np.ndarray]:
    """The pairs in a random order, and the share of the sentences that goes to each and those before it."""
    share = 1 / (np.arange(len(pairs)) + 5.0)
    return [pairs[k] for k in rng.permutation(len(pairs))], np.cumsum(share / share.sum())


def _sentence(name: str, pair: Pair, held_out: bool, rng: np.random.Generator) -> tuple[str, ...]:
    """One sentence about a pair, or about its topic."""
    place = rng.integers(3)
    topic, other = pair.topics[place], pair.topics[(place + rng.integers(1, 3)) % 3]
    if rng.random() < NOISE:
        topic = RELATIONS[name][rng.integers(len(RELATIONS[name]))].topics[place]
    draw = rng.random()
    side = int(rng.integers(2))
    if draw < TOPIC_ONLY:
        templates = _TOPIC_ONLY
    elif draw < TOPIC_ONLY + TOLD and not held_out:
        templates = _TOLD[name]
    else:
        templates = _ABOUT[name][side]
    put = {
        "WORD": (pair.first, pair.second)[side],
        "FIRST": pair.first,
        "SECOND": pair.second,
        "TOPIC": topic,
        "OTHER": other,
    }
    words = templates[rng.integers(len(templates))].split()
    return tuple(put.get(word) or _one_of(word, rng) for word in words)


def _one_of(word: str, rng: np.random.Generator) -> str:
    choices = word.split("|")
    return choices[rng.integers(len(choices))] if len(choices) > 1 else word
