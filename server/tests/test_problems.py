"""Every way of failing, as problem+json."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux import DeadlineExceeded, NoProvider, UnknownSymbol, UpstreamDown
from feedmux_server.problem import problem_of

pytestmark = pytest.mark.anyio
QUOTES = "/v1/quotes?symbols=BTC"


async def problem(client: Any, url: str, status: int, slug: str) -> dict[str, Any]:
    reply = await client.get(url)
    body: dict[str, Any] = reply.json()
    assert reply.status_code == body["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:feedmux:problem:{slug}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == url.partition("?")[0]
    if status in (429, 503):
        assert int(reply.headers["retry-after"]) == body["retry_after"] >= 1
    return body


@pytest.mark.parametrize(
    ("url", "field", "right"),
    [
        ("/v1/quotes", "symbols", "is missing"),
        ("/v1/quotes?symbols=", "symbols", "is missing"),
        ("/v1/quotes?symbols=B%0D%0AC", "symbols", "such as BTC"),
        ("/v1/quotes?symbols=%E2%82%BF", "symbols", "such as BTC"),
        ("/v1/quotes?symbols=../..", "symbols", "such as BTC"),
        ("/v1/quotes?symbols=alfa:btc", "symbol", "did you mean alpha"),
        ("/v1/quotes?symbls=BTC", "symbls", "did you mean symbols"),
        ("/v1/quotes?symbols=BTC&vs=U", "vs", "regex"),
        ("/v1/quotes?symbols=BTC&vs=USD&vs=EUR", "vs", "more than once"),
        ("/v1/candles/BTC?limit=0", "limit", ">= 1"),
        ("/v1/candles/BTC?limit=many", "limit", "int"),
        ("/v1/candles/BTC?symbol=ETH", "symbol", "more than once"),
        ("/v1/candles/BTC?interval=2h", "interval", "one of"),
        (f"{QUOTES}&max_age=-1", "max_age", ">= 0"),
        (f"{QUOTES}&max_age=nan", "max_age", "got 'nan'"),
        (f"{QUOTES}&max_age=null", "max_age", "expected `float`, got `str`; got 'null'"),
        (f"{QUOTES}&deadline=0", "deadline", "> 0"),
        (f"{QUOTES}&deadline=inf", "deadline", "<= 60"),
        (f"{QUOTES}&only=alfa", "only", "did you mean alpha"),
        ("/v1/explain/quotes?symbols=BTC&dry=perhaps", "dry", "bool"),
        ("/api/market/price?symbol=", "symbol", "such as BTC"),
        ("/api/market/price?symbol=BTC,ETH", "symbol", "such as BTC"),
        ("/api/market/ohlc?symbol=BTC&timeframe=2h", "timeframe", "one of"),
    ],
)
async def test_a_wrong_parameter_is_named_with_what_is_right(
    client: Any, wire: Any, url: str, field: str, right: str
) -> None:
    body = await problem(client, url, 400, "invalid-query")
    assert body["field"] == field
    assert right in body["detail"]
    assert wire.asked == []


async def test_too_many_parameters_are_refused(client: Any) -> None:
    await problem(client, "/v1/quotes?" + "&".join(f"a{n}=1" for n in range(200)), 400, "invalid-query")


async def test_a_symbol_nobody_knows_is_404(client: Any) -> None:
    await problem(client, "/v1/quotes?symbols=NOPE", 404, "unknown-symbol")
    await problem(client, "/api/market/price?symbol=NOPE", 404, "unknown-symbol")


async def test_garbage_is_502(client: Any, wire: Any) -> None:
    wire.body = b"<html>"
    await problem(client, QUOTES, 502, "bad-payload")


async def test_a_refusal_is_503_with_the_time_it_ends(client: Any, wire: Any) -> None:
    wire.status, wire.headers = 429, {"retry-after": "120"}
    await client.get(QUOTES)
    body = await problem(client, QUOTES, 503, "no-provider")
    assert 110 <= body["retry_after"] <= 120


async def test_a_provider_that_is_down_is_503(client: Any, wire: Any) -> None:
    wire.error = UpstreamDown("broke the connection")
    reply = await client.get(QUOTES)
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "1"


async def test_a_refused_key_is_503(client: Any, wire: Any) -> None:
    wire.status = 401
    reply = await client.get(QUOTES)
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) >= 1


async def test_a_capability_nobody_serves_is_503(client: Any) -> None:
    await problem(client, "/v1/gas", 503, "no-provider")


async def test_a_deadline_that_passes_is_504(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_: Any, **__: Any) -> None:
        raise DeadlineExceeded("the deadline passed")

    monkeypatch.setattr(client.app.state.mux, "get", late)
    await problem(client, QUOTES, 504, "deadline-exceeded")


@pytest.mark.parametrize(
    ("wait", "told"), [(None, 1), (0.0, 1), (0.2, 1), (2.0, 2), (2.1, 3), (float("inf"), 1), (1e9, 86_400)]
)
async def test_retry_after_is_whole_seconds_rounded_up(wait: float | None, told: int) -> None:
    assert problem_of(NoProvider("nobody", retry_after=wait), "/").headers() == {"retry-after": str(told)}


async def test_an_error_that_waiting_does_not_heal_names_no_time() -> None:
    assert problem_of(UnknownSymbol("no such thing"), "/").headers() == {}


async def test_a_path_that_is_none_is_404(client: Any) -> None:
    await problem(client, "/v1/nothing?api_key=SECRET", 404, "not-found")


@pytest.mark.parametrize(
    ("path", "meant"),
    [("/v1/fear_greed", "/v1/fear-greed"), ("/v1/query/quote", "/v1/query/quotes"), ("/v1/a/b/c", "")],
)
async def test_a_path_that_is_nearly_one_is_named(client: Any, path: str, meant: str) -> None:
    detail = (await client.get(path)).json()["detail"]
    assert detail.partition("; did you mean ")[2] == (f"{meant}?" if meant else "")


async def test_options_name_head_too(client: Any) -> None:
    assert set((await client.options("/v1/quotes")).headers["allow"].split(", ")) == {
        "GET",
        "HEAD",
        "OPTIONS",
    }


async def test_a_method_that_does_not_fit_is_405_and_says_what_does(client: Any) -> None:
    reply = await client.post("/v1/quotes", json={})
    assert reply.status_code == 405
    assert reply.headers["content-type"] == "application/problem+json"
    assert {"GET", "HEAD"} <= set(reply.headers["allow"].split(", "))


async def test_what_nobody_expected_is_500_without_its_inside(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("a-secret-detail")

    monkeypatch.setattr(client.app.state.mux, "providers", broken)
    reply = await client.get("/v1/providers")
    assert reply.status_code == 500
    assert reply.json()["type"] == "urn:feedmux:problem:internal-server-error"
    assert "secret" not in reply.text


@pytest.mark.parametrize("path", ["/v1/quotes", "/v1/nothing", "/v1/query/gas", "/v1/explain/gas"])
async def test_no_key_or_query_string_comes_back(client: Any, path: str) -> None:
    reply = await client.get(f"{path}?api_key=SECRET-VALUE")
    assert "SECRET" not in reply.text
    assert "SECRET" not in str(reply.headers)


async def test_a_long_parameter_name_comes_back_short_and_printable(client: Any) -> None:
    body = (await client.get("/v1/quotes?" + "%0a<" + "x" * 500 + "=1")).json()
    assert len(body["field"]) <= 40
    assert body["field"].isprintable()
