"""Bodies gone wrong: a field missing, retyped, huge, a text cut short. Seeded, so the same in every run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from feedmux.clock import Random
from feedmux.conformance.junk import HOSTILE, WHOLE, junk

Path: TypeAlias = tuple[str | int, ...]
DRAWS = 5
"""Draws for each body that is wanted: some come twice."""


def mutations(body: bytes, words: Sequence[str], chance: Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Up to `count` bodies gone wrong, no two alike, each with what was done; a body of few bytes has fewer ways.

    `words` are what the question asks for.
    """
    document = _document(body)
    places = [path for path, _ in _walk(document)] if document is not None else []
    seen: set[bytes] = {body}
    for done, content in chain(WHOLE, _drawn(body, document, places, words, chance, count * DRAWS)):
        if content not in seen:
            seen.add(content)
            yield done, content
        if len(seen) > count:
            return


def _drawn(
    body: bytes, document: Any, places: Sequence[Path], words: Sequence[str], chance: Random, draws: int
) -> Iterator[tuple[str, bytes]]:
    for _ in range(draws):
        if places and chance.random() < 0.8:
            yield _structural(document, chance.choice(places), chance)
        else:
            yield _textual(body, words, chance)


def shortened(body: bytes, rows: int) -> bytes:
    """The same document, of each list of rows only the first and the last; the body itself where it is none."""
    document = _document(body)
    return body if document is None else msgspec.json.encode(_cut(document, rows))


def _cut(value: Any, rows: int) -> Any:
    if isinstance(value, dict):
        return {key: _cut(inner, rows) for key, inner in value.items()}
    if isinstance(value, list):
        whole = len(value) <= 2 * rows or not isinstance(value[0], dict | list)
        kept = value if whole else [*value[:rows], *value[-rows:]]
        return [_cut(inner, rows) for inner in kept]
    return value


def _document(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError
        return None


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield from _walk(inner, (*path, step))


def _structural(document: Any, path: Path, chance: Random) -> tuple[str, bytes]:
    where = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    kind = chance.random()
    if path and kind < 0.15:
        return f"{where} dropped", msgspec.json.encode(_changed(document, path, _DROP))
    value = chance.choice(HOSTILE) if chance.random() < 0.7 else junk(chance)
    if path and isinstance(path[-1], str) and kind < 0.25:
        doubled = _Twice(value, first=chance.random() < 0.5)
        return f"{where} given twice", msgspec.json.encode(_changed(document, path, doubled))
    return f"{where} = {_shown(value)}", msgspec.json.encode(_changed(document, path, value))


class _Twice:
    """A key's second value, and whether it stands before the first."""

    def __init__(self, value: Any, *, first: bool) -> None:
        self._value, self._first = value, first

    def within(self, parent: dict[str, Any], key: str) -> Raw:
        """The object with that key twice, which no mapping can hold."""
        more = msgspec.json.encode({key: self._value})[1:-1]
        whole = msgspec.json.encode(parent)[1:-1]
        return Raw(b"{" + b",".join((more, whole) if self._first else (whole, more)) + b"}")


_DROP = object()


def _changed(document: Any, path: Path, value: Any) -> Any:
    """The document with another value at a path; only what lies on the way is copied."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    copied: Any = dict(document) if isinstance(document, dict) else list(document)
    if not rest and isinstance(value, _Twice):
        return value.within(document, str(step))
    if not rest and value is _DROP:
        del copied[step]
    else:
        copied[step] = _changed(document[step], rest, value)
    return copied


def _shown(value: Any) -> str:
    text = bytes(value).decode() if isinstance(value, Raw) else repr(value)
    return text if len(text) <= 30 else f"{text[:20]}… ({len(text)} characters)"


def _textual(body: bytes, words: Sequence[str], chance: Random) -> tuple[str, bytes]:
    at = chance.randrange(len(body) + 1)
    kind = chance.randrange(9)
    if kind < 3:
        return f"cut at byte {at}", body[:at]
    if kind == 3:
        return f"byte {at} flipped", body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
    if kind == 4:
        lost = chance.randrange(1, 40)
        return f"{lost} bytes lost at {at}", body[:at] + body[at + lost :]
    if kind == 5 and words:
        word = chance.choice(words)
        return f"{word} renamed", re.sub(re.escape(word).encode(), b"WRONG", body, flags=re.IGNORECASE)
    if kind == 6 and (numbers := list(re.finditer(rb"\d+(?:\.\d+)?", body))):
        found, junk = chance.choice(numbers), chance.choice((b"-7", b"NaN", b"1e999", b"", b"0", b"seven"))
        return f"byte {found.start()}: a number = {junk!r}", body[: found.start()] + junk + body[
            found.end() :
        ]
    wrapped = (
        (b"\xef\xbb\xbf", b""),
        (b"", b"\x00"),
        (b"", b'{"a":1}'),
        (b"<pre>", b"</pre>"),
        (b")]}',\n", b""),
    )
    before, after = chance.choice(wrapped)
    return f"{before!r} before and {after!r} after", before + body + after
