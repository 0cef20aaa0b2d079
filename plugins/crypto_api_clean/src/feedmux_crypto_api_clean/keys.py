"""Other people's keys, taken out of what the catalogue says before anybody sees it."""

from __future__ import annotations

import re

STAND_IN = "{API_KEY}"
"""What stands where a key stood, as in the catalogue's own templates."""
SHORTEST = 8
"""What is shorter is a word, not a key."""
_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")
_PARAM = re.compile(r"(?<=[?&#])([\w.-]*(?:key|token|secret|auth|sign)[\w.-]*=)[^&#{]+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LONG = re.compile(r"[A-Za-z0-9_-]{20,}")
_RUN = re.compile(r"[A-Za-z0-9]{20,}")


def without_keys(text: str, key: str | None = None) -> str:
    """The text without this key, without logins, and without whatever looks like a key.

    That is the value of a parameter named after one, a UUID, and 20 characters or more that no one would take for
    words: letters and digits in one run, or digits and both cases with dashes between.
    """
    if key is not None and len(key) >= SHORTEST:
        text = text.replace(key, STAND_IN)
    text = _PARAM.sub(rf"\1{STAND_IN}", _LOGIN.sub("", text))
    return _LONG.sub(lambda found: STAND_IN if _no_words(found[0]) else found[0], _UUID.sub(STAND_IN, text))


def _no_words(text: str) -> bool:
    """Whether a long text of letters, digits and dashes is one that a machine drew."""
    if not re.search("[0-9]", text):
        return False
    in_a_row = any(re.search("[0-9]", run) and not run.isdigit() for run in _RUN.findall(text))
    return in_a_row or (text != text.lower() and text != text.upper())
