"""An n-gram model with interpolated Kneser-Ney smoothing: what a recurrent language model has to beat.

    p(w | c) = max(count(c w) - D_n, 0) / count(c) + D_n types(c) / count(c) · p(w | c without its first word)

count(c w) is how often w followed the context c, types(c) how many different words did. For contexts shorter than the
longest, Kneser and Ney count not how often a word stood behind c but behind how many different words c w stood: "York"
is frequent, but it follows nearly always "New", so that it is an unlikely word after anything else. Below the empty
context every word of the vocabulary is equally likely.

Sources: Kneser and Ney 1995, "Improved backing-off for m-gram language modeling"; Chen and Goodman 1999, "An empirical
study of smoothing techniques for language modeling", for the interpolated form and the estimate of D.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class KneserNey:
    """An interpolated Kneser-Ney model over ids.

    Args:
        order: the length of the longest n-gram: `order - 1` words of context. At least 1.
        discount: what is taken from every count, between 0 and 1. Default: estimated for each order from the numbers
            of n-grams seen once and twice, as n1 / (n1 + 2 n2).

    Attributes:
        discounts: the discount of each order, the shortest first. Shape (order,).

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(self, order: int, discount: float | None = None) -> None:
        if order < 1:
            raise ValueError(f"`order` must be at least 1. Received: order={order}. Example: KneserNey(5).")
        if discount is not None and not 0 <= discount <= 1:
            raise ValueError(f"`discount` must lie from 0 to 1. Received: discount={discount}. Example: 0.75.")
        self.order, self.discount = order, discount
        self.discounts = np.zeros(order)
        self.vocabulary = 0
        self._levels: list[_Level] = []

    def fit(self, ids: np.ndarray, vocabulary: int) -> KneserNey:
        """Count a text.

        Args:
            ids: the text. Integers from 0 to vocabulary - 1, shape (tokens,).
            vocabulary: how many words there are, those that do not occur included.

        Returns:
            itself.

        Raises:
            ValueError: if the text is shorter than the order, or holds an id that is not in the vocabulary.
        """
        ids = self._checked(ids, vocabulary)
        if len(ids) < self.order:
            raise ValueError(
                f"The text must have at least `order` tokens. Received: {len(ids)} tokens, order={self.order}. "
                "Use a longer text or a lower order."
            )
        self.vocabulary = int(vocabulary)
        # Level n numbers the n-grams that occur: an n-gram is (the number of its first n - 1 words, its last word).
        numbers, keys, counts = [np.zeros(len(ids) + 1, dtype=np.int64)], [], []
        for n in range(1, self.order + 1):
            packed = numbers[-1][: len(ids) - n + 1] * vocabulary + ids[n - 1 :]
            found, inverse, times = np.unique(packed, return_inverse=True, return_counts=True)
            keys.append(found)
            counts.append(times)
            numbers.append(inverse)
        self._levels = []
        for n in range(1, self.order + 1):
            times = counts[n - 1]
            if n < self.order:
                times = self._continuations(numbers[n], numbers[n + 1], len(times), len(keys[n]))
            contexts = 1 if n == 1 else len(keys[n - 2])
            self._levels.append(_Level(keys[n - 1], times, contexts, vocabulary))
            self.discounts[n - 1] = self.discount if self.discount is not None else _discount(times)
        return self

    @staticmethod
    def _continuations(short: np.ndarray, long: np.ndarray, size: int, types: int) -> np.ndarray:
        """Count before each n-gram how many different words occur.

        Args:
            short: the number of the n-gram that begins at each place.
            long: the number of the (n + 1)-gram that begins at each place.
            size: how many n-grams there are.
            types: how many (n + 1)-grams there are.

        Returns:
            Shape (size,). An n-gram that stands at the very beginning of the text only is preceded by nothing: 0.
        """
        ends = np.zeros(types, dtype=np.int64)  # of each (n + 1)-gram, the number of its last n words
        ends[long] = short[1 : len(long) + 1]
        return np.bincount(ends, minlength=size)

    def _checked(self, ids: np.ndarray, vocabulary: int) -> np.ndarray:
        ids = np.asarray(ids)
        if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
            raise ValueError(f"`ids` must be one row of integers. Received: shape {ids.shape}, {ids.dtype}.")
        if ids.size and (ids.min() < 0 or ids.max() >= vocabulary):
            raise ValueError(
                f"`ids` must lie from 0 to vocabulary - 1 = {vocabulary - 1}. Received: {ids.min()} to {ids.max()}."
            )
        return ids.astype(np.int64)

    def _fitted(self) -> None:
        if not self._levels:
            raise ValueError(
                "The model must be fitted first. Received: no counts. Example: model.fit(ids, vocabulary)."
            )

    def probabilities(self, context: Sequence[int]) -> np.ndarray:
        """Compute how likely each word is after a context.

        Args:
            context: the ids before it; the last `order - 1` of them count, and fewer will do.

        Returns:
            Shape (vocabulary,), float64. They sum to 1.
        """
        self._fitted()
        context = self._checked(np.asarray(context, dtype=np.int64), self.vocabulary)
        p = np.full(self.vocabulary, 1 / self.vocabulary)
        words = np.arange(self.vocabulary)
        for n, level in enumerate(self._levels[: len(context) + 1], start=1):
            tail = context[len(context) - n + 1 :]
            number = self._number(tail)
            if number < 0:
                break
            p = level.mix(np.full(self.vocabulary, number), words, p, self.discounts[n - 1])
        return p

    def _number(self, words: np.ndarray) -> int:
        """Find the number of an n-gram in its level, -1 if it never occurred."""
        number = 0
        for level, word in zip(self._levels, words, strict=False):
            number = int(level.find(np.array([number * self.vocabulary + word]))[0])
            if number < 0:
                return -1
        return number

    def token_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Compute how likely every token of a text is after the tokens before it. Shape (tokens,), float64."""
        self._fitted()
        ids = self._checked(ids, self.vocabulary)
        p = np.full(len(ids), 1 / self.vocabulary)
        # numbers[k] of level n: of the n - 1 words before place k, -1 where they never stood in the text together.
        for n, level in enumerate(self._levels, start=1):
            numbers = np.zeros(max(len(ids) - n + 1, 0), dtype=np.int64)  # for the places n - 1, n, …
            for step in range(n - 1):
                words = ids[step : step + len(numbers)]
                found = self._levels[step].find(np.where(numbers < 0, 0, numbers) * self.vocabulary + words)
                numbers = np.where(numbers < 0, -1, found)
            here = np.arange(n - 1, len(ids))[numbers >= 0]
            p[here] = level.mix(numbers[numbers >= 0], ids[here], p[here], self.discounts[n - 1])
        return p

    def perplexity(self, ids: np.ndarray) -> float:
        """Compute exp of the mean surprise over all tokens of a text.

        Args:
            ids: the text. Shape (tokens,). The first tokens have shorter contexts.

        Returns:
            The perplexity. Infinite if a token has probability 0, which a discount above 0 prevents.
        """
        if len(ids) == 0:
            raise ValueError("A text must have at least one token. Received: none.")
        with np.errstate(divide="ignore"):
            return float(np.exp(-np.log(self.token_probabilities(ids)).mean()))


def _discount(counts: np.ndarray) -> float:
    """Estimate D = n1 / (n1 + 2 n2) from counts; .75 where nothing was counted once or nothing twice."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return once / (once + 2 * twice) if once and twice else 0.75


class _Level:
    """The n-grams of one length: how often each counts, and the sums over each context."""

    def __init__(self, keys: np.ndarray, counts: np.ndarray, contexts: int, vocabulary: int) -> None:
        self.keys, self.counts = keys, counts  # keys are sorted: context · vocabulary + word
        owner = keys // vocabulary
        self.totals = np.bincount(owner, weights=counts, minlength=contexts)
        self.types = np.bincount(owner[counts > 0], minlength=contexts)
        self.vocabulary = vocabulary

    def find(self, packed: np.ndarray) -> np.ndarray:
        """Find the number of each n-gram, -1 for those that did not occur."""
        place = np.minimum(np.searchsorted(self.keys, packed), len(self.keys) - 1)
        return np.where(self.keys[place] == packed, place, -1)

    def mix(self, contexts: np.ndarray, words: np.ndarray, shorter: np.ndarray, discount: float) -> np.ndarray:
        """Mix what was counted after each context with the probability after the shorter one.

        A context whose total is 0 (it stands at the very end of the text only) says nothing: the shorter one decides.
        """
        place = self.find(contexts * self.vocabulary + words)
        counts = np.where(place >= 0, self.counts[place], 0)
        totals, types = self.totals[contexts], self.types[contexts]
        seen = totals > 0
        safe = np.where(seen, totals, 1)
        mixed = np.maximum(counts - discount, 0) / safe + discount * types / safe * shorter
        return np.where(seen, mixed, shorter)
