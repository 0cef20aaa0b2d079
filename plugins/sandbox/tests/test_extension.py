"""The extension: all or nothing, always marked."""

from __future__ import annotations

import pytest

from feedmux.errors import UpstreamDown
from feedmux.settings import EngineSettings, Sandbox, Settings
from feedmux.transport import Outgoing, Transport
from feedmux.virtual import run, virtual_clock
from feedmux_sandbox import extension

ON = Settings(engine=EngineSettings(sandbox=Sandbox.ON))
URLS = {
    "binance_dt": "https://data-api.binance.vision/api/v3/time",
    "coingecko": "https://api.coingecko.com/api/v3/simple/price?ids=bitcoin&vs_currencies=usd",
    "alternative_me": "https://api.alternative.me/fng/?limit=1",
}


def transport(provider: str) -> Transport:
    found = extension.feedmux_transport(provider, ON, virtual_clock())
    assert found is not None
    return found


@pytest.mark.parametrize("mode", [Sandbox.OFF, Sandbox.AUTO])
def test_nothing_is_simulated_where_the_sandbox_is_not_on(mode):
    settings = Settings(engine=EngineSettings(sandbox=mode))
    assert extension.feedmux_transport("coingecko", settings, virtual_clock()) is None


@pytest.mark.parametrize("provider", [*URLS, "somebody_else"])
def test_every_provider_is_simulated_where_it_is_on(provider):
    assert transport(provider).simulated


def test_a_provider_without_a_model_is_down():
    with pytest.raises(UpstreamDown, match="has no sandbox"):
        run(transport("somebody_else").send(Outgoing("https://example.com/")))


@pytest.mark.parametrize("provider", URLS)
def test_every_answer_is_marked(provider):
    incoming = run(transport(provider).send(Outgoing(URLS[provider])))
    assert incoming.status == 200
    assert incoming.headers["x-feedmux-sandbox"] == "true"


def test_refusals_are_marked_too():
    incoming = run(transport("binance_dt").send(Outgoing("https://data-api.binance.vision/api/v3/klines")))
    assert incoming.status == 400
    assert incoming.headers["x-feedmux-sandbox"] == "true"


@pytest.mark.parametrize("provider", URLS)
def test_an_answer_takes_20_to_60_milliseconds(provider):
    async def took() -> float:
        clock = virtual_clock()
        found = extension.feedmux_transport(provider, ON, clock)
        assert found is not None
        await found.send(Outgoing(URLS[provider]))
        return clock.monotonic()

    assert 0.02 <= run(took()) <= 0.06


@pytest.mark.parametrize("base", ["https://data-api.binance.vision", "http://127.0.0.1:9000/proxy/binance"])
def test_paths_are_read_from_their_end(base):
    assert run(transport("binance_dt").send(Outgoing(f"{base}/api/v3/ping"))).body == b"{}"


def test_transports_count_apart():
    async def statuses() -> list[int]:
        clock = virtual_clock()
        one, other = (extension.feedmux_transport("coingecko", ON, clock) for _ in range(2))
        assert one is not None
        assert other is not None
        for _ in range(5):
            await one.send(Outgoing(URLS["coingecko"]))
        return [(await each.send(Outgoing(URLS["coingecko"]))).status for each in (one, other)]

    assert run(statuses()) == [429, 200]
