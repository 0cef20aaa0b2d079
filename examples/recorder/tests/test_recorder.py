"""Every exchange is written down once, and no key with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from acme import provider

import feedmux
from feedmux import Quotes, Settings, hookimpl
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming, Outgoing
from feedmux_recorder import Exchange, Recorder


class Upstream:
    """Quotes bitcoin."""

    simulated = False

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self if provider else None

    async def send(self, outgoing: Outgoing) -> Incoming:
        return Incoming(200, {"content-type": "application/json"}, b'[{"ticker":"BTC","last":91234.5}]')

    async def aclose(self) -> None: ...


async def asked(recorder: Recorder) -> None:
    settings = Settings(providers={"acme": ProviderSettings(api_key=Secret("sesame"))})
    extensions = {"upstream": Upstream(), "recorder": recorder}
    async with feedmux.open(settings, plugins={"acme": provider()}, extensions=extensions) as mux:
        assert (await mux.get(Quotes("BTC"))).items[0].price == 91234.5


def test_an_exchange_is_one_line_without_a_key(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    asyncio.run(asked(Recorder(file)))
    (line,) = file.read_bytes().splitlines()
    exchange = msgspec.json.decode(line, type=Exchange)
    assert (exchange.provider, exchange.status) == ("acme", 200)
    assert exchange.body == b'[{"ticker":"BTC","last":91234.5}]'
    assert b"sesame" not in file.read_bytes()


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    asyncio.run(asked(Recorder(None)))
    assert list(tmp_path.iterdir()) == []
