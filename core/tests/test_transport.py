"""How a request goes onto the wire: what is plain as it is, what is not the way httpx writes it, keys only there."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux.transport import Outgoing, _Course, _request

KEYED = {"x-key": "k"}


def wire(url: str, secret_params: str = "", **headers: str) -> tuple[str, bytes, dict[bytes, bytes]]:
    """Scheme, host and port; the target; the headers."""
    made = _request(Outgoing(url, headers, secret_params), _Course())
    place = f"{made.url.scheme.decode()} {made.url.host.decode()} {made.url.port}"
    return place, made.url.target, dict(made.headers)


@pytest.mark.parametrize(
    ("url", "place", "host", "target"),
    [
        ("https://api.example/v1/p?a=1,2", "https api.example None", b"api.example", b"/v1/p?a=1,2"),
        ("https://API.example/v1", "https api.example None", b"api.example", b"/v1"),
        ("http://127.0.0.1:80/v1", "http 127.0.0.1 None", b"127.0.0.1", b"/v1"),
        ("http://[::1]:8080/v1", "http ::1 8080", b"[::1]:8080", b"/v1"),
        ("https://bücher.example/v1", "https xn--bcher-kva.example None", b"xn--bcher-kva.example", b"/v1"),
        ("https://api.example/café?q=ü", "https api.example None", b"api.example", b"/caf%C3%A9?q=%C3%BC"),
        ("https://api.example/a/../b", "https api.example None", b"api.example", b"/b"),
        ("https://api.example", "https api.example None", b"api.example", b"/"),
    ],
)
def test_an_address_goes_where_it_says(url: str, place: str, host: bytes, target: bytes) -> None:
    where, path, headers = wire(url)
    assert (where, path, headers[b"host"]) == (place, target, host)


def test_a_key_is_added_on_the_wire_alone() -> None:
    outgoing = Outgoing("https://api.example/v1?a=1", {"x-key": "hidden"}, "key=hidden")
    assert "hidden" not in repr(outgoing)
    assert wire(outgoing.url, outgoing.secret_params, **outgoing.headers) == (
        "https api.example None",
        b"/v1?a=1&key=hidden",
        {b"host": b"api.example", b"x-key": b"hidden"},
    )
    assert wire("https://api.example/v1", "key=hidden")[1] == b"/v1?key=hidden"


@pytest.mark.parametrize("url", ["ftp://a.example/", "https://", "https:///v1", "not an address"])
def test_what_is_no_address_goes_nowhere(url: str) -> None:
    place, _, _ = "", b"", b""
    try:
        place, _, _ = wire(url)
    except httpx.InvalidURL:
        return
    scheme, host, *_ = place.split(" ")
    assert scheme not in ("http", "https") or not host


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.text(max_size=10))
def test_no_text_in_path_or_query_changes_the_host_or_breaks_a_line(path: str, query: str) -> None:
    try:
        place, target, headers = wire(f"https://api.example/{path}?q={query}")
    except (httpx.InvalidURL, UnicodeError):
        return
    assert (place, headers[b"host"]) == ("https api.example None", b"api.example")
    assert target.startswith(b"/")
    assert all(0x21 <= byte <= 0x7E for byte in target)


PLAIN = st.text("abcXYZ019-._~!$&'()*+,;=:@/", max_size=20)


@given(PLAIN, PLAIN)
def test_a_plain_address_is_written_as_httpx_would(path: str, query: str) -> None:
    url = f"https://api.example/{path}?{query}"
    assert wire(url)[1] == httpx.URL(url).raw_path
