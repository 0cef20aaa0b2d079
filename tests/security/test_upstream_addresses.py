"""Whatever a question or an upstream's listing holds, a request goes to the declared host, below the declared path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import FeedmuxError
from feedmux.endpoint import Key
from feedmux.http import Address, Wire
from feedmux.listing import Listed
from feedmux.provider import Upstream
from feedmux.query import Query, fields_of, takes_many
from feedmux.registry import Registry
from feedmux.request import Asked, Request
from feedmux.secret import Secret
from feedmux.transport import Outgoing

from .drawn import HOSTILE, TRICKS, examples

AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "CANARY-key/with?all&that=an#address+takes%2F"
ADDRESS = "0x" + "1" * 40
PLAIN = {"address": ADDRESS, "chain": "ethereum", "text": "moon"}
"""What each field holds where it does no harm."""
NOWHERE: Any = None
"""Nothing is sent here."""
REGISTRY = Registry()
REGISTRY.load_installed()


def spoken() -> Iterator[tuple[str, str, type[Query]]]:
    """Each installed provider's members with each kind of question that becomes a request of theirs."""
    for name, loaded in REGISTRY.providers.items():
        members = loaded.upstream.members
        if not hasattr(REGISTRY._plugins[name], "feedmux_request") or not (loaded.upstream.hosts or members):
            continue
        for member in members or (None,):
            kinds = (
                [one.query for one in member.endpoints]
                if member and member.endpoints
                else loaded.limits.serves
            )
            yield from ((name, member.name if member else "", kind) for kind in kinds)


SPOKEN = list(spoken())
IDS = ["-".join(filter(None, (name, member, kind.capability))) for name, member, kind in SPOKEN]


def plain(name: str, kind: type[Query]) -> Iterator[dict[str, list[str]]]:
    """Words of harmless questions of a kind: of a symbol and an exact asset, of each interval, long and short."""
    own = {field.name: field for field in fields_of(kind)}
    wanted: dict[str, list[list[str]]] = {}
    for field in own:
        if field in ("symbol", "symbols", "asset"):
            wanted[field] = [["BTC"], [f"{name}:bitcoin"]]
            if field == "symbols":
                wanted[field] += [["BTC", "ETH"], [f"{name}:bitcoin", f"{name}:ethereum"]]
        elif field == "interval":
            wanted[field] = [[one] for one in ("1m", "30m", "1h", "4h", "1d")]
        elif field == "limit":
            wanted[field] = [["1"], ["40"], ["100"]]
        elif field == "vs":
            wanted[field] = [["USD"], ["EUR"], ["USDT"]]
        elif field == "category":
            wanted[field] = [["news"], [""]]
        elif field in PLAIN:
            wanted[field] = [[PLAIN[field]]]
    for chosen in product(*wanted.values()):
        yield dict(zip(wanted, chosen, strict=True))


def hostile(data: st.DataObject, name: str, kind: type[Query]) -> dict[str, list[str]]:
    """The words of one of these questions, with some of its texts changed."""
    words = dict(data.draw(st.sampled_from(list(plain(name, kind)))))
    for field in fields_of(kind):
        if field.name in ("limit", "interval") or not data.draw(st.booleans()):
            continue
        texts = data.draw(st.lists(HOSTILE, min_size=1, max_size=3 if takes_many(field) else 1))
        exact = data.draw(st.booleans()) and field.name in ("symbol", "symbols", "asset")
        words[field.name] = [f"{name}:{text}" for text in texts] if exact else texts
    return words


def asked(query: Query, member: str, id_of: Callable[[str], str]) -> Asked[Any]:
    """The question as the member is asked it, its listing calling each symbol as `id_of` says."""
    ids = {
        one: Listed(one, id_of(one), "USDT", f"{one}/USDT") for one in query.symbols_asked if ":" not in one
    }
    return Asked(query, AT, ids, member)


def built(name: str, question: Asked[Any]) -> Request | None:
    """What the plugin would have sent, None where it, or the request itself, refuses."""
    try:
        request: Request = REGISTRY._plugins[name].feedmux_request(asked=question)  # type: ignore[attr-defined]
    except (FeedmuxError, ValueError, LookupError, StopIteration):
        return None
    return request


def wire(name: str, member: str) -> tuple[Wire, str]:
    """What the member's requests travel over, with a key that would change any address; and its host."""
    upstream: Upstream = REGISTRY.providers[name].upstream
    own = next((one for one in upstream.members if one.name == member and one.hosts), None)
    hosts = own.hosts if own else upstream.hosts
    key = upstream.key or Key(param="apikey")
    return Wire(Address(hosts), NOWHERE, key=key, secret=Secret(KEY)), hosts[0]


def shape(outgoing: Outgoing) -> tuple[str, int, tuple[str, ...]]:
    """Where it goes: scheme, host and port; how many parts its path has; the names of its parameters."""
    url = httpx.URL(outgoing.url)
    path, _, query = url.raw_path.decode("ascii").partition("?")
    assert url.userinfo == b""
    assert url.fragment == ""
    assert all("!" <= one <= "~" for one in outgoing.url)
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))]
    return f"{url.scheme}://{url.netloc.decode()}", path.count("/"), tuple(names)


def path_of(outgoing: Outgoing) -> str:
    """The path as it goes over the wire."""
    return httpx.URL(outgoing.url).raw_path.decode("ascii").partition("?")[0]


@cache
def shapes(name: str, member: str, kind: type[Query]) -> set[tuple[str, int, tuple[str, ...]]]:
    """Those of the harmless questions."""
    carrier, host = wire(name, member)
    questions = [
        asked(kind.from_strings(words), member, lambda one: f"{one}USDT") for words in plain(name, kind)
    ]
    requests = filter(None, (built(name, question) for question in questions))
    return {shape(carrier.sign(request, host)) for request in requests}


@pytest.mark.parametrize(("name", "member", "kind"), SPOKEN, ids=IDS)
@examples(40)
@given(data=st.data())
def test_nothing_in_a_question_leaves_its_place_in_a_provider_s_address(
    name: str, member: str, kind: type[Query], data: st.DataObject
) -> None:
    known = shapes(name, member, kind)
    assert known
    try:
        query = kind.from_strings(hostile(data, name, kind))
    except FeedmuxError:
        return
    request = built(name, asked(query, member, lambda one: f"{one}USDT"))
    if request is not None:
        carrier, host = wire(name, member)
        assert shape(carrier.sign(request, host)) in known


@pytest.mark.parametrize(("name", "member", "kind"), SPOKEN, ids=IDS)
@examples(25)
@given(data=st.data())
def test_nothing_in_an_upstream_s_listing_leaves_its_place_either(
    name: str, member: str, kind: type[Query], data: st.DataObject
) -> None:
    query = kind.from_strings(data.draw(st.sampled_from(list(plain(name, kind)))))
    request = built(name, asked(query, member, lambda one: data.draw(HOSTILE)))
    if request is not None:
        carrier, host = wire(name, member)
        assert shape(carrier.sign(request, host)) in shapes(name, member, kind)


@pytest.mark.parametrize("path", TRICKS)
def test_no_trick_is_a_step_in_a_path(path: str) -> None:
    try:
        target = Request(f"/coins/{path}/ohlc").target
    except ValueError:
        return
    assert not {"", ".", ".."} & set(unquote(target).split("/")[1:])
    assert target.endswith("/ohlc")


@examples(100)
@given(path=HOSTILE, name=st.text(min_size=1, max_size=20), value=HOSTILE)
def test_whatever_a_plugin_writes_stays_below_its_host_or_is_never_sent(
    path: str, name: str, value: str
) -> None:
    try:
        request = Request(f"/coins/{path}/ohlc", {name: value})
    except ValueError:
        return
    carrier, _ = wire(*SPOKEN[0][:2])
    outgoing = carrier.sign(request, "https://api.example/v1")
    place, _, names = shape(outgoing)
    assert place == "https://api.example"
    assert path_of(outgoing) == f"/v1/coins/{path}/ohlc"
    assert names == (name,)


@examples(60)
@given(name=st.one_of(st.just("accept"), st.text(max_size=10)), value=HOSTILE)
def test_no_header_of_a_plugin_brings_another(name: str, value: str) -> None:
    try:
        request = Request("/x", headers={name: value})
    except ValueError:
        return
    assert not set("\r\n\0") & set(name + value)
    carrier, host = wire(*SPOKEN[0][:2])
    assert len(carrier.sign(request, host).headers) <= len(carrier.sign(Request("/x"), host).headers) + 1


@pytest.mark.anyio
async def test_the_key_changes_neither_host_nor_path_nor_the_other_parameters() -> None:
    carrier = Wire(Address(("https://api.example",)), NOWHERE, key=Key(param="apikey"), secret=Secret(KEY))
    outgoing = carrier.sign(Request("/x", {"a": 1}), "https://api.example")
    assert parse_qsl(outgoing.secret_params, strict_parsing=True) == [("apikey", KEY)]
    assert KEY not in repr(outgoing) + outgoing.url
