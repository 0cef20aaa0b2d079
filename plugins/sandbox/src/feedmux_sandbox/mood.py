"""The Fear & Greed index of the sandbox: one value a day, from how Bitcoin did in the week before."""

from __future__ import annotations

from itertools import islice

from feedmux_sandbox.coins import DAY, WEEK
from feedmux_sandbox.series import leaders

FIRST_DAY = 17_563
"""2018-02-01, in days since the epoch."""
MISSING = {17_635, 17_636, 17_637, 20_022}
"""2018-04-14 to 16 and 2024-10-26, which the upstream lacks."""
CLASSES = ((25, "Extreme Fear"), (46, "Fear"), (54, "Neutral"), (75, "Greed"), (100, "Extreme Greed"))
"""The largest value of each class, as seen in the upstream's whole history."""


def value(day: int) -> int:
    """The index of a day since the epoch, 5 to 95 as in the upstream's history."""
    series = leaders()["BTC"]
    change = series.price(day * DAY) / series.price(day * DAY - WEEK) - 1
    return round(min(95, max(5, 50 + 240 * change)))


def classification(value: int) -> str:
    return next(name for most, name in CLASSES if value <= most)


def days(at: float, limit: int) -> list[int]:
    """The newest `limit` days that have a value, newest first; all of them where the limit is 0."""
    found = (day for day in range(int(at // DAY), FIRST_DAY - 1, -1) if day not in MISSING)
    return list(islice(found, limit or None))
