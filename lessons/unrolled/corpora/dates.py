"""Dates, written in several ways and as ISO 8601 writes them."""

import datetime

import numpy as np

DATE_YEARS = (1970, 2029)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DATE_FORMATS = ("3 march 2021", "march 3, 2021", "wed 3 mar 2021", "3.3.2021", "2021/3/3")
DATE_CHARACTERS = "".join(sorted({*"0123456789 ./,", *"".join(_MONTHS), *"".join(_DAYS)}))
ISO_CHARACTERS = "0123456789-"


def written_date(day: datetime.date, form: int) -> str:
    """Write a date in one of several ways.

    Args:
        day: the date.
        form: an index of `DATE_FORMATS`, which holds the third of March 2021 in each of them.

    Returns:
        the text, in small letters.

    Raises:
        ValueError: if there is no such form.
    """
    if not 0 <= form < len(DATE_FORMATS):
        raise ValueError(
            f"`form` must be 0 to {len(DATE_FORMATS) - 1}. Received: form={form}. "
            "Example: written_date(datetime.date(2021, 3, 3), 0)."
        )
    month = _MONTHS[day.month - 1]
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{_DAYS[day.weekday()]} {day.day} {month[:3]} {day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.year}/{day.month}/{day.day}",
    )[form]


def date_pairs(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Draw dates, and write each in one of the ways and as YYYY-MM-DD.

    All days from 1970 to 2029 are equally likely, and so are the ways.

    Args:
        count: how many, at least 1.
        seed: the same seed gives the same dates.

    Returns:
        (written, iso): for each date the two texts. No pair occurs twice as long as there are enough.

    Raises:
        ValueError: if `count` is below 1, or above the number of pairs that there are.
    """
    first, last = (datetime.date(DATE_YEARS[0], 1, 1), datetime.date(DATE_YEARS[1], 12, 31))
    days = (last - first).days + 1
    if not 1 <= count <= days * len(DATE_FORMATS):
        raise ValueError(
            f"`count` must be 1 to {days * len(DATE_FORMATS)}. Received: count={count}. Example: date_pairs(1000)."
        )
    drawn = np.random.default_rng(seed).choice(days * len(DATE_FORMATS), count, replace=False)
    chosen = [
        (first + datetime.timedelta(int(number) // len(DATE_FORMATS)), int(number) % len(DATE_FORMATS))
        for number in drawn
    ]
    return [written_date(*one) for one in chosen], [day.isoformat() for day, _ in chosen]
