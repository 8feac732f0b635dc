"""Reber's grammar against strings that are published as good and bad, and against an independent description of it."""

import itertools
import math
import re

import numpy as np
import pytest
from unrolled import corpora

# The grammar as a regular expression, worked out from the graph by hand: after BT, any S, X; after BP, any T, V; and
# then the loops. The place after X is called X here, the place after V is called V.
#   X = S | X T* V V-part;  V-part = V | P X
FROM_X = r"(?:XT*VP)*(?:S|XT*VV)"
PLAIN = re.compile(rf"B(?:TS*X{FROM_X}|PT*V(?:V|P{FROM_X}))E")


def obeys(string, embedded):
    if not embedded:
        return PLAIN.fullmatch(string) is not None
    framed = re.fullmatch(r"B([TP])(.*)\1E", string)
    return framed is not None and PLAIN.fullmatch(framed[2]) is not None


def is_legal(string, embedded):
    """Whether the generator's own description lets a whole string through, symbol by symbol."""
    return all(string[k] in corpora.legal_symbols(string[:k], embedded) for k in range(len(string)))


def test_strings_that_are_printed_as_examples_are_accepted_and_the_printed_faults_are_not():
    """Pairs shown with the grammar in teaching material: BTSSXXTVVE and BPVVE obey it, BTSSPXSE and BPTVVB do not."""
    for good in ("BTSSXXTVVE", "BPVVE", "BTXXVPSE"):
        assert is_legal(good, embedded=False) and obeys(good, embedded=False)
    for bad in ("BTSSPXSE", "BPTVVB", "BTXXVVSE"):
        with pytest.raises(ValueError, match="must begin a string"):
            is_legal(bad, embedded=False) or corpora.legal_symbols(bad)


@pytest.mark.parametrize("embedded", [False, True])
def test_every_drawn_string_obeys_a_regular_expression_of_the_grammar(embedded):
    strings = corpora.reber_strings(3000, seed=5, embedded=embedded)
    assert all(obeys(string, embedded) for string in strings)
    assert min(map(len, strings)) == (9 if embedded else 5)


@pytest.mark.parametrize("embedded", [False, True])
def test_legal_symbols_are_those_with_which_some_string_goes_on(embedded):
    """All strings up to a length, from the regular expression alone; prefixes short enough that they can be finished."""
    plain = {
        "B" + "".join(rest) + "E"
        for n in range(3, 10)
        for rest in itertools.product("TPSXV", repeat=n)
        if PLAIN.fullmatch("B" + "".join(rest) + "E")
    }
    whole = {f"B{t}{inner}{t}E" for t in "TP" for inner in plain} if embedded else plain
    shortest_rest = 8 if embedded else 5
    longest = max(map(len, whole))
    seen = {}
    for string in whole:
        for k in range(len(string)):
            seen.setdefault(string[:k], set()).add(string[k])
    tried = 0
    for prefix, following in seen.items():
        if len(prefix) + 1 + shortest_rest <= longest:
            assert set(corpora.legal_symbols(prefix, embedded)) == following, prefix
            tried += 1
    assert tried > 20
    for string in whole:
        assert corpora.legal_symbols(string, embedded) == ""


def test_both_ways_out_of_a_place_are_equally_likely():
    strings = corpora.reber_strings(20_000, seed=6, embedded=True)
    five_sigma = 5 * math.sqrt(0.25 / 20_000)
    assert abs(np.mean([s[1] == "T" for s in strings]) - 0.5) < five_sigma
    assert abs(np.mean([s[3] == "T" for s in strings]) - 0.5) < five_sigma
    assert abs(np.mean([s[4] in "ST" for s in strings]) - 0.5) < five_sigma
    # the mean length, from the expected number of steps to the end: e = (I - Q)^-1 1 over the places of the graph
    Q = np.zeros((7, 7))
    for place, ways in corpora.REBER_GRAPH.items():
        for _, to in ways:
            if to < 7:
                Q[place, to] += 1 / len(ways)
    expected = np.linalg.solve(np.eye(7) - Q, np.ones(7))[0] + 4
    lengths = np.array([len(s) for s in strings])
    assert lengths.mean() == pytest.approx(expected, abs=5 * lengths.std() / math.sqrt(20_000))


def test_the_frame_cannot_be_guessed_from_inside():
    strings = corpora.reber_strings(20_000, seed=7, embedded=True)
    short = [s for s in strings if s[2:-2] == "BPVVE"]
    assert abs(np.mean([s[-2] == "T" for s in short]) - 0.5) < 5 * math.sqrt(0.25 / len(short))
    assert {s[1] + s[-2] for s in strings} == {"TT", "PP"}


def test_arrays_code_symbols_what_followed_and_what_was_allowed():
    x, following, legal = corpora.reber_arrays(["BTBPVVETE", "BPBTXSEPE"], embedded=True)
    assert x.shape == following.shape == legal.shape == (2, 8, 7) and x.dtype == np.float32

    def read(rows):
        return "".join(corpora.REBER_SYMBOLS[k] for k in rows.argmax(axis=1))

    assert read(x[0]) == "BTBPVVET" and read(following[0]) == "TBPVVETE"
    assert read(x[1]) == "BPBTXSEP" and read(following[1]) == "PBTXSEPE"
    names = [{corpora.REBER_SYMBOLS[k] for k in np.flatnonzero(row)} for row in legal[0]]
    assert names == [set("TP"), set("B"), set("TP"), set("TV"), set("PV"), set("E"), set("T"), set("E")]
    assert np.all(legal >= following)


def test_arrays_are_zero_after_a_strings_end():
    x, following, legal = corpora.reber_arrays(["BPVVE", "BTSSXXTVVE"])
    assert x.shape == (2, 9, 7)
    for array in (x, following, legal):
        assert np.all(array[0, :4].sum(axis=1) >= 1) and not array[0, 4:].any()


def test_the_seed_decides_everything():
    assert corpora.reber_strings(50, seed=1) == corpora.reber_strings(50, seed=1)
    assert corpora.reber_strings(50, seed=1) != corpora.reber_strings(50, seed=2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.reber_strings(0, seed=1),
        lambda: corpora.legal_symbols("BX"),
        lambda: corpora.legal_symbols("BPVVEE"),
        lambda: corpora.legal_symbols("BTBPVVEP", embedded=True),
        lambda: corpora.legal_symbols("BTBPVVETEE", embedded=True),
        lambda: corpora.legal_symbols("BV", embedded=True),
        lambda: corpora.reber_arrays(["BTBPVVEPE"], embedded=True),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must") as error:
        wrong()
    assert "Received: " in str(error.value) and "Example: " in str(error.value)
