"""What a stream is made of, each part on its own."""

from __future__ import annotations

import pytest

from feedmux import Candles, News, Quotes
from feedmux.virtual import virtual_clock
from feedmux_server.stream.allowance import Allowance
from feedmux_server.stream.mailbox import MOST_REPLIES, Fixed, Full, Mailbox
from feedmux_server.stream.origin import welcome
from feedmux_server.stream.topic import name_of
from feedmux_server.stream.wording import Aged

pytestmark = pytest.mark.anyio


def taken(mailbox: Mailbox, now: float) -> list[str]:
    texts = []
    while (text := mailbox.take(now)) is not None:
        texts.append(text)
    return texts


async def test_of_what_waits_under_one_key_only_the_newest_is_sent() -> None:
    mailbox = Mailbox(virtual_clock())
    overtaken = [mailbox.put("BTC", Fixed(text)) for text in ("1", "2", "3")]
    mailbox.put("ETH", Fixed("4"))
    assert overtaken == [False, True, True]
    assert taken(mailbox, 0.0) == ["3", "4"]


async def test_replies_go_first_and_keep_their_order() -> None:
    mailbox = Mailbox(virtual_clock())
    mailbox.put("BTC", Fixed("price"))
    mailbox.reply("one")
    mailbox.reply("two")
    assert taken(mailbox, 0.0) == ["one", "two", "price"]


async def test_replies_that_are_not_read_are_bounded() -> None:
    mailbox = Mailbox(virtual_clock())
    for _ in range(MOST_REPLIES):
        mailbox.reply("pong")
    with pytest.raises(Full):
        mailbox.reply("pong")


async def test_two_messages_under_one_key_keep_the_pace() -> None:
    clock = virtual_clock()
    mailbox = Mailbox(clock, pace=0.25)
    mailbox.put("BTC", Fixed("1"))
    assert taken(mailbox, clock.monotonic()) == ["1"]
    mailbox.put("BTC", Fixed("2"))
    assert taken(mailbox, clock.monotonic()) == []
    await mailbox.due(until=10.0)
    assert clock.monotonic() == pytest.approx(0.25)
    assert taken(mailbox, clock.monotonic()) == ["2"]


async def test_what_is_kept_is_sent_again_until_it_is_forgotten() -> None:
    clock = virtual_clock()
    mailbox = Mailbox(clock, repeat=5.0)
    mailbox.put("BTC", Fixed("1"), keep=True)
    sent = []
    for _ in range(3):
        await mailbox.due(until=100.0)
        sent += [(round(clock.monotonic()), text) for text in taken(mailbox, clock.monotonic())]
    mailbox.forget("BTC")
    await mailbox.due(until=100.0)
    assert sent == [(0, "1"), (5, "1"), (10, "1")]
    assert clock.monotonic() == pytest.approx(100.0)


async def test_an_allowance_is_so_many_a_second_and_as_many_at_once() -> None:
    clock = virtual_clock()
    allowance = Allowance(clock, 3)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    await clock.sleep(0.34)
    assert [allowance.take() for _ in range(2)] == [True, False]
    await clock.sleep(60)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]


def test_an_age_is_that_of_the_moment_of_sending() -> None:
    message = Aged('{"type":"update",', '"seq":1,', since=10.0)
    assert message.text(10.0) == '{"type":"update","seq":1,"gap":0,"age":0.0}'
    assert message.text(12.345) == '{"type":"update","seq":1,"gap":0,"age":2.35}'
    assert message.as_snapshot(2).text(11.0) == '{"type":"snapshot","skipped":2,"seq":1,"gap":0,"age":1.0}'


def test_what_overtakes_a_message_about_a_gap_says_so_too() -> None:
    lost = Aged('{"type":"update",', '"seq":1,', since=0.0, gap=7.5)
    newer = Aged('{"type":"update",', '"seq":2,', since=1.0)
    assert newer.overtaking(lost).text(1.0) == '{"type":"update","seq":2,"gap":7.5,"age":0.0}'
    assert newer.overtaking(None) is newer


@pytest.mark.parametrize(
    ("headers", "welcomed"),
    [
        ({"host": "127.0.0.1:8000"}, True),
        ({"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"}, True),
        ({"host": "Feeds.example", "origin": "https://feeds.example:443"}, True),
        ({"host": "feeds.example:80", "origin": "http://feeds.example"}, True),
        ({"host": "127.0.0.1:8000", "origin": "https://app.example"}, True),
        ({"host": "127.0.0.1:8000", "origin": "https://app.example.evil.example"}, False),
        ({"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:9000"}, False),
        ({"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:80001"}, False),
        ({"host": "127.0.0.1:8000", "origin": "null"}, False),
        ({"host": "127.0.0.1:8000", "origin": ""}, False),
    ],
)
def test_pages_of_this_server_and_of_allowed_origins_are_welcome(
    headers: dict[str, str], welcomed: bool
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert welcome(raw, ("https://App.example/",)) is welcomed


def test_any_page_is_welcome_where_the_operator_says_so() -> None:
    assert welcome([(b"host", b"127.0.0.1:8000"), (b"origin", b"https://any.example")], ("*",))


def test_two_origins_are_none() -> None:
    same = (b"origin", b"http://127.0.0.1:8000")
    assert not welcome([(b"host", b"127.0.0.1:8000"), same, same], ())


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (Quotes(["btc"]), "quotes?symbols=BTC"),
        (Candles("BTC", "1h", 24), "candles?symbol=BTC&limit=24"),
        (News("a & b"), "news?text=a+%26+b"),
        (News(), "news"),
    ],
)
def test_a_topic_is_named_after_its_question(query: object, name: str) -> None:
    assert name_of(query) == name  # type: ignore[arg-type]
