"""Reber's grammar, and the same grammar embedded in a frame that must be remembered. Lesson 08's second test of memory.

A string is a walk through a small graph, one symbol for each edge. In the embedded grammar the second symbol, T or P,
comes back as the last but one, and between the two stands a whole string of the plain grammar.

Sources: Reber 1967, for the grammar; Cleeremans, Servan-Schreiber and McClelland 1989, for the embedded one;
Hochreiter and Schmidhuber 1997, experiment 1, for LSTM on it.
"""

from functools import lru_cache

import numpy as np

REBER_SYMBOLS = ("B", "T", "P", "S", "X", "V", "E")
# place → (symbol, next place); both ways out of a place are equally likely. Place 7 is the end.
REBER_GRAPH = {
    0: (("B", 1),),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}
END = 7
EXAMPLE = 'legal_symbols("BT", embedded=True)'


def reber_strings(count: int, seed: int | np.random.Generator, embedded: bool = False) -> list[str]:
    """Draw strings of the grammar; where there are two ways to go on, each has probability 1/2.

    Args:
        count: how many strings.
        seed: a seed, or a generator to go on drawing from.
        embedded: whether each is framed: B, then T or P, then a plain string, then the same T or P, then E.

    Returns:
        The strings, from "B" to "E". Plain ones have at least 5 symbols, embedded ones at least 9.

    Raises:
        ValueError: if `count` is less than 1.

    Source: Reber 1967; Cleeremans, Servan-Schreiber and McClelland 1989.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}. Example: reber_strings(100, seed=1).")
    rng = np.random.default_rng(seed)
    strings = []
    for _ in range(count):
        place, symbols = 0, []
        while place != END:
            ways = REBER_GRAPH[place]
            symbol, place = ways[rng.integers(len(ways))]
            symbols.append(symbol)
        inner = "".join(symbols)
        frame = "TP"[rng.integers(2)]
        strings.append(f"B{frame}{inner}{frame}E" if embedded else inner)
    return strings


@lru_cache(maxsize=100_000)
def _legal_plain(prefix: str) -> str | None:
    """What may follow in the plain grammar: "" after a whole string, None if the prefix does not obey the grammar."""
    place = 0
    for symbol in prefix:
        place = dict(REBER_GRAPH[place]).get(symbol) if place in REBER_GRAPH else None
        if place is None:
            return None
    return "".join(symbol for symbol, _ in REBER_GRAPH.get(place, ()))


@lru_cache(maxsize=100_000)
def _legal_embedded(prefix: str) -> str | None:
    if not prefix:
        return "B"
    if prefix[0] != "B" or (len(prefix) > 1 and prefix[1] not in "TP"):
        return None
    if len(prefix) == 1:
        return "TP"
    frame, inner = prefix[1], prefix[2:]
    end = inner.find("E")
    if end < 0:
        return _legal_plain(inner)
    if _legal_plain(inner[: end + 1]) is None:
        return None
    rest = frame + "E"
    after = inner[end + 1 :]
    return rest[len(after) : len(after) + 1] if rest.startswith(after) else None


def legal_symbols(prefix: str, embedded: bool = False) -> str:
    """Name the symbols that may follow the beginning of a string.

    Args:
        prefix: the beginning of a string, possibly empty.
        embedded: whether the strings are those of the embedded grammar.

    Returns:
        The one or two symbols, in the graph's order; "" after a whole string.

    Raises:
        ValueError: if no string begins like this.
    """
    found = _legal_embedded(prefix) if embedded else _legal_plain(prefix)
    if found is None:
        grammar = "embedded Reber grammar" if embedded else "Reber grammar"
        raise ValueError(f"`prefix` must begin a string of the {grammar}. Received: {prefix!r}. Example: {EXAMPLE}.")
    return found


def reber_arrays(strings: list[str], embedded: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Code strings for a network that predicts, after each symbol, which symbols may come next.

    Args:
        strings: whole strings of the grammar.
        embedded: whether they are those of the embedded grammar.

    Returns:
        (x, following, legal), each of shape (strings, steps, 7), float32, the last axis in the order of
        REBER_SYMBOLS. x: the symbols, one-hot, without the last E. following: the symbol that came next, one-hot.
        legal: 1 for each symbol that may come next. All are zero after a string's end, up to the longest.

    Raises:
        ValueError: if a string does not obey the grammar.
    """
    steps = max(len(string) for string in strings) - 1
    x, following, legal = (np.zeros((len(strings), steps, len(REBER_SYMBOLS)), np.float32) for _ in range(3))
    for n, string in enumerate(strings):
        for t in range(len(string) - 1):
            x[n, t, REBER_SYMBOLS.index(string[t])] = 1
            following[n, t, REBER_SYMBOLS.index(string[t + 1])] = 1
            for symbol in legal_symbols(string[: t + 1], embedded):
                legal[n, t, REBER_SYMBOLS.index(symbol)] = 1
        legal_symbols(string, embedded)
    return x, following, legal
