"""Which Host headers are answered."""

from __future__ import annotations

import pytest

from feedmux_server.hosts import Hosts, is_loopback


@pytest.mark.parametrize("header", [b"192.168.1.5", b"192.168.1.5:8000", b"localhost", b"prices.example:443"])
def test_the_configured_address_and_names_are_answered(header: bytes) -> None:
    assert Hosts("192.168.1.5", ["Prices.Example"]).allows(header)


@pytest.mark.parametrize("header", [b"192.168.1.6", b"evil.example"])
def test_nothing_else_is_answered(header: bytes) -> None:
    assert not Hosts("192.168.1.5").allows(header)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_listening_everywhere_answers_to_any_address_but_to_no_name(host: str) -> None:
    hosts = Hosts(host)
    assert hosts.allows(b"10.1.2.3:8000")
    assert hosts.allows(b"[fe80::1]:8000")
    assert not hosts.allows(b"evil.example")


def test_an_ipv6_address_is_written_in_brackets() -> None:
    hosts = Hosts("fd00::5")
    assert hosts.allows(b"[fd00::5]:8000")
    assert not hosts.allows(b"fd00::5")


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_told_from_the_rest(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
