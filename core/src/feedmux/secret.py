"""A secret that does not show: neither printed nor encoded, only revealed."""

from __future__ import annotations

import hashlib
import hmac


class Secret:
    """Text such as a key. `reveal` is the one way to read it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def fingerprint(self) -> str:
        """Four characters that tell two keys apart and say nothing of either."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:4]

    def matches(self, given: str) -> bool:
        """Compare in constant time, whatever the length of what is given: digests are compared, not texts."""
        return hmac.compare_digest(_digest(self._text), _digest(given))

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
