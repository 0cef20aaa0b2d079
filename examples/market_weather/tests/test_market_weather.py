"""A question that nobody in Feedmux knows is asked for on the command line and over REST, and described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from feedmux import Settings, hookimpl
from feedmux.cli.root import root
from feedmux.cli.setup import Setup
from feedmux.clock import SystemClock
from feedmux.conformance import Suite
from feedmux.transport import Incoming, Outgoing
from feedmux_market_weather import provider
from feedmux_server import create_app


class TestConformance(Suite):
    provider = "market_weather"


class Upstream:
    """It is stormy everywhere."""

    simulated = False

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self if provider else None

    async def send(self, outgoing: Outgoing) -> Incoming:
        market = outgoing.url.partition("market=")[2].partition("&")[0]
        at = int(SystemClock().now().timestamp())
        body = {"market": market, "sky": "storm", "wind_pct": 7.25, "at": at}
        return Incoming(200, {}, json.dumps(body).encode())

    async def aclose(self) -> None: ...


PLUGINS: dict[str, Any] = {"market_weather": provider}


def command(*words: str) -> Any:
    setup = Setup(plugins=PLUGINS, extensions={"upstream": Upstream()}, commands=())
    return CliRunner().invoke(root, words, obj=setup)


@pytest.fixture
def client() -> Iterator[TestClient[Any]]:
    app = create_app(Settings(), plugins=PLUGINS, extensions={"upstream": Upstream()})
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def test_the_command_line_asks_it() -> None:
    told = command("get", "market-weather", "btc", "--days", "3")
    assert told.exit_code == 0, told.output
    (item,) = json.loads(told.stdout)["items"]
    assert (item["symbol"], item["sky"], item["wind"]) == ("BTC", "storm", 7.25)


def test_the_command_lines_help_describes_it() -> None:
    told = command("get", "market-weather", "--help").stdout
    assert "How stormy a market has been" in told
    assert "--days" in told


def test_it_is_among_the_providers() -> None:
    told = command("providers", "--json").stdout
    assert [row["name"] for row in json.loads(told)["providers"]] == ["market_weather"]


@pytest.mark.parametrize(
    "path", ["/v1/query/market_weather?symbol=BTC&days=3", "/v1/market-weather/BTC?days=3"]
)
def test_rest_answers_it(client: TestClient[Any], path: str) -> None:
    (item,) = client.get(path).json()["items"]
    assert (item["symbol"], item["sky"]) == ("BTC", "storm")


def test_rest_refuses_what_its_fields_refuse(client: TestClient[Any]) -> None:
    refused = client.get("/v1/query/market_weather?symbol=BTC&days=31")
    assert (refused.status_code, refused.json()["field"]) == (400, "days")


def test_openapi_describes_it(client: TestClient[Any]) -> None:
    document = client.get("/docs/openapi.json").json()
    operation = document["paths"]["/v1/market-weather/{symbol}"]["get"]
    days = next(one for one in operation["parameters"] if one["name"] == "days")
    assert (days["schema"]["minimum"], days["schema"]["maximum"], days["schema"]["default"]) == (1, 30, 1)
    assert "Weather" in json.dumps(document["components"]["schemas"])
