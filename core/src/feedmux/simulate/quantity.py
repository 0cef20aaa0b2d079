"""Quantities as a scenario spells them: 90, "90s", "15m", "6h", "1d"; "50/60s" and "2400 cost/1m"."""

from __future__ import annotations

import re

from feedmux.limits import Counts, Window

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?) *([smhd]?)")
_WINDOW = re.compile(r"(\d+)( cost)? */ *(.+)")


def span(text: float | str) -> float:
    """Seconds; raises ValueError."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'a number of seconds, or such as "90s", "15m", "6h", "1d"; got {text!r}')
    return float(match.group(1)) * UNITS[match.group(2)]


def window(text: str) -> Window:
    """Such as "50/60s"; raises ValueError."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f'such as "50/60s" or "2400 cost/1m"; got {text!r}')
    return Window(
        int(match.group(1)), span(match.group(3)), Counts.COST if match.group(2) else Counts.REQUESTS
    )
