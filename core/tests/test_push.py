"""What a stream's declaration refuses, and how pauses and paces come out."""

from __future__ import annotations

import pytest
from simulated.pusher import push

from feedmux import Candles, Stream, Window
from feedmux.clock import Random
from feedmux.pace import Pace, pause
from feedmux.settings import SettingsError, settings_from
from feedmux.virtual import virtual_clock


@pytest.mark.parametrize(
    "declared",
    [
        {"hosts": ("ws://stream.example",)},
        {"hosts": ("https://stream.example",)},
        {"hosts": ()},
        {"path": "live"},
        {"per_connection": 0},
        {"batch": 0},
        {"messages": Window(0, per=1)},
        {"connections": Window(1, per=0)},
        {"lifetime": float("nan")},
        {"silent_after": 0},
    ],
)
def test_a_push_that_cannot_be_is_refused(declared):
    with pytest.raises(ValueError, match="push"):
        push(**declared)


def test_a_series_cannot_be_streamed():
    with pytest.raises(ValueError, match="Candles"):
        Stream(Candles, lambda asked: "", lambda frame, asked: [])


async def test_a_pace_lets_no_more_through_in_any_span():
    clock = virtual_clock()
    pace, times = Pace(4, 1.0, clock), []
    for _ in range(20):
        await pace.turn()
        times.append(clock.monotonic())

    assert times[:4] == [0, 0, 0, 0]
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[4:], strict=False))


def test_pauses_double_and_never_end():
    longest = [max(pause(failures, Random(seed)) for seed in range(200)) for failures in (0, 1, 2, 5, 10_000)]
    assert longest == sorted(longest)
    assert 1.9 < longest[0] <= 2
    assert 290 < longest[-1] <= 300


@pytest.mark.parametrize(
    "url", ["https://stream.example", "wss://user@stream.example", "wss://a.example/?x=1"]
)
def test_a_stream_url_is_the_address_of_a_stream(url):
    with pytest.raises(SettingsError, match="stream_url"):
        settings_from({"providers": {"one": {"stream_url": url}}}, {})
