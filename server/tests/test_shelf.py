"""What is kept at hand stays bounded."""

from __future__ import annotations

from datetime import UTC, datetime

from feedmux import Answer, Quote, Quotes
from feedmux_server.question import Question
from feedmux_server.reply import Reply
from feedmux_server.shelf import Shelf

QUESTION = Question(Quotes("BTC"))


def reply(size: int) -> Reply:
    item = Quote(symbol="BTC", price=1.0, provider="alpha", fetched_at=datetime(2026, 1, 1, tzinfo=UTC))
    return Reply(Answer(QUESTION.query, (item,)), b"x" * size)


def test_the_longest_unused_goes_first() -> None:
    shelf = Shelf(places=2)
    for name in (b"a", b"b"):
        shelf.put(("/", name), QUESTION)
    shelf.find(("/", b"a"))
    shelf.put(("/", b"c"), QUESTION)
    assert shelf.find(("/", b"b")) is None
    assert shelf.find(("/", b"a")) is not None


def test_bytes_are_bounded_whatever_the_number() -> None:
    shelf = Shelf(room=100_000)
    for n in range(50):
        url = ("/", b"%d" % n)
        shelf.put(url, QUESTION)
        shelf.keep(url, reply(20_000))
        assert shelf.size <= 100_000
    assert 0 < len(shelf) < 6


def test_a_new_reply_takes_the_place_of_the_old_one() -> None:
    shelf = Shelf()
    shelf.put(("/", b""), QUESTION)
    before = shelf.size
    for _ in range(10):
        shelf.keep(("/", b""), reply(500))
    assert shelf.size == before + 500


def test_a_reply_too_late_for_its_place_is_dropped() -> None:
    shelf = Shelf(places=1)
    shelf.put(("/", b"a"), QUESTION)
    shelf.put(("/", b"b"), QUESTION)
    size = shelf.size
    shelf.keep(("/", b"a"), reply(500))
    assert shelf.size == size


def test_a_reply_larger_than_the_shelf_is_not_kept() -> None:
    shelf = Shelf(room=10_000)
    shelf.put(("/", b"a"), QUESTION)
    shelf.keep(("/", b"a"), reply(20_000))
    assert (len(shelf), shelf.size) == (0, 0)
