"""The dates are dates, and each text means the day that stands beside it."""

import datetime

import numpy as np
import pytest
from unrolled import corpora

WRITTEN, ISO = corpora.date_pairs(4000, seed=2)
PATTERNS = ("%d %B %Y", "%B %d, %Y", "%a %d %b %Y", "%d.%m.%Y", "%Y/%m/%d")


def understood(text):
    """The day, by the standard library's own parser."""
    for form, pattern in enumerate(PATTERNS):
        try:
            return form, datetime.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    raise AssertionError(text)


def test_both_texts_mean_the_same_day():
    for text, iso in zip(WRITTEN, ISO, strict=True):
        day = understood(text)[1]
        assert day.isoformat() == iso


def test_the_third_of_march_in_every_form():
    day = datetime.date(2021, 3, 3)
    assert tuple(corpora.written_date(day, form) for form in range(5)) == corpora.DATE_FORMATS


def test_the_day_of_the_week_is_right():
    named = [(text, iso) for text, iso in zip(WRITTEN, ISO, strict=True) if understood(text)[0] == 2]
    assert len(named) > 500
    for text, iso in named:
        assert datetime.date.fromisoformat(iso).strftime("%a").lower() == text[:3]


def test_forms_are_equally_likely_and_no_pair_comes_twice():
    counts = np.bincount([understood(text)[0] for text in WRITTEN])
    assert np.abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)
    assert len(set(WRITTEN)) == len(WRITTEN)


def test_years_and_characters_are_the_stated_ones():
    years = [int(iso[:4]) for iso in ISO]
    assert (min(years), max(years)) == corpora.DATE_YEARS
    assert {character for text in WRITTEN for character in text} == set(corpora.DATE_CHARACTERS)
    assert {character for text in ISO for character in text} == set(corpora.ISO_CHARACTERS)
    assert all(len(iso) == 10 for iso in ISO)


def test_the_seed_decides_everything():
    assert corpora.date_pairs(50, seed=1) == corpora.date_pairs(50, seed=1)
    assert corpora.date_pairs(50, seed=1) != corpora.date_pairs(50, seed=2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.date_pairs(0),
        lambda: corpora.date_pairs(10**6),
        lambda: corpora.written_date(datetime.date(2000, 1, 1), 5),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must.*Received: .*Example: "):
        wrong()
