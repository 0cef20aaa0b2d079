"""What the page works out by itself is right: lines over candles, quantiles, lengths of time."""

from __future__ import annotations

from statistics import fmean, pstdev
from typing import Any

import pytest

from feedmux_server.template import price

from .conftest import Opened

CLOSES = [10.0, 11.0, 9.5, 12.0, 13.5, 12.5, 14.0, 13.0, 15.5, 16.0]
HISTOGRAM = """
t_bucket{le="0.1",provider="a"} 5.0
t_bucket{le="0.2",provider="a"} 9.0
t_bucket{le="+Inf",provider="a"} 10.0
t_bucket{le="0.1",provider="b"} 0.0
t_bucket{le="+Inf",provider="b"} 0.0
feedmux_stream_clients 3.0
"""


@pytest.fixture(scope="module")
def called(opened_once: Opened) -> Any:
    """Calls a function of one of the page's modules."""
    page = opened_once()

    def call(module: str, name: str, *arguments: Any) -> Any:
        script = "([m, n, a]) => import(`/static/${m}.js`).then((found) => found[n](...a))"
        return page.evaluate(script, [module, name, list(arguments)])

    return call


def test_the_mean_is_of_the_last_values(called: Any) -> None:
    found = called("lines", "sma", CLOSES, 4)
    assert found[:3] == [None] * 3
    assert found[3:] == pytest.approx([fmean(CLOSES[n - 3 : n + 1]) for n in range(3, 10)])


def test_the_exponential_mean_begins_with_the_plain_one(called: Any) -> None:
    expected = [fmean(CLOSES[:4])]
    for close in CLOSES[4:]:
        expected.append(expected[-1] + 0.4 * (close - expected[-1]))
    found = called("lines", "ema", CLOSES, 4)
    assert found[:3] == [None] * 3
    assert found[3:] == pytest.approx(expected)


def test_the_bands_lie_two_deviations_from_the_mean(called: Any) -> None:
    found = called("lines", "bands", CLOSES, 5, 2)
    assert found["upper"][-1] == pytest.approx(fmean(CLOSES[5:]) + 2 * pstdev(CLOSES[5:]))
    assert found["lower"][-1] == pytest.approx(fmean(CLOSES[5:]) - 2 * pstdev(CLOSES[5:]))


@pytest.mark.parametrize(("part", "seconds"), [(0.5, 0.1), (0.7, 0.15), (0.95, 0.2)])
def test_a_quantile_lies_inside_its_bucket(called: Any, part: float, seconds: float) -> None:
    samples = called("metrics", "samples", HISTOGRAM)
    assert called("metrics", "quantile", samples, "t", part) == pytest.approx(seconds)


def test_a_histogram_that_counted_nothing_has_no_quantile(called: Any) -> None:
    silent = [one for one in called("metrics", "samples", HISTOGRAM) if one["labels"].get("provider") == "b"]
    assert called("metrics", "quantile", silent, "t", 0.5) is None
    assert called("metrics", "gauge", called("metrics", "samples", HISTOGRAM), "feedmux_stream_clients") == 3


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (-3, "0 s"), (59.4, "59 s"), (72, "1 min 12 s"), (3_720, "1 h 2 min"), (90_000, "1 d 1 h")],
)
def test_a_length_of_time_is_said_in_two_units(called: Any, seconds: float | None, words: str) -> None:
    assert called("format", "duration", seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, "–"), (95401.4, "95,401.40"), (2.5, "2.5000"), (0.26014, "0.26014")]
)
def test_a_price_has_the_digits_that_the_server_gives_it(
    called: Any, value: float | None, words: str
) -> None:
    assert called("format", "price", value) == price(value) == words
