"""Which addresses a declared host may lead to."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from feedmux import UpstreamDown
from feedmux.internet import outside
from feedmux.transport import Network, Outgoing


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
        "224.0.0.1",
        "100.64.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "ff02::1",
    ],
)
def test_an_address_inside_is_refused(address):
    assert not outside(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_open_internet_is_not(address):
    assert outside(address)


def test_a_request_on_its_way_out_shows_no_key():
    shown = repr(Outgoing("https://a.example/x", {"x-key": "SECRET"}, secret_params="key=SECRET"))

    assert "SECRET" not in shown
    assert "x-key" in shown


async def test_a_key_that_no_header_can_carry_does_not_show_in_what_is_raised():
    key = "SEC" + "RET\n"
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    network = Network()
    async with server:
        with pytest.raises(UpstreamDown, match="cannot be asked") as refused:
            await network.send(Outgoing(f"http://127.0.0.1:{port}/", {"x-key": key}, inside=True))
    await network.aclose()

    assert "SECRET" not in "".join(traceback.format_exception(refused.value))
