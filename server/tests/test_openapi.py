"""The description is true: every route is in it, with its parameters, and bodies fit their schemas."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.routes import HTTPRoute

pytestmark = pytest.mark.anyio


async def described(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/docs/openapi.json")).json()
    return found


async def test_every_route_is_described(client: Any) -> None:
    paths = {route.path_format for route in client.app.routes if isinstance(route, HTTPRoute)}
    assert set((await described(client))["paths"]) == paths
    assert {
        "/v1/quotes",
        "/v1/candles/{symbol}",
        "/v1/query/gas",
        "/v1/rain/{place}",
        "/api/health",
        "/",
    } <= paths


async def test_parameters_carry_ranges_choices_and_defaults(client: Any) -> None:
    operation = (await described(client))["paths"]["/v1/candles/{symbol}"]["get"]
    found = {one["name"]: one for one in operation["parameters"]}
    assert (found["symbol"]["in"], found["symbol"]["required"]) == ("path", True)
    assert found["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert set(found["interval"]["schema"]["enum"]) == {"1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"}
    assert found["deadline"]["schema"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 60}
    assert found["only"]["explode"] is False


async def test_errors_are_problems(client: Any) -> None:
    responses = (await described(client))["paths"]["/v1/quotes"]["get"]["responses"]
    assert set(responses) == {"200", "400", "404", "414", "429", "500", "502", "503", "504"}
    assert list(responses["503"]["content"]) == ["application/problem+json"]
    assert "Retry-After" in responses["503"]["headers"]
    assert "Age" in responses["200"]["headers"]


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/v1/quotes", "/v1/quotes?symbols=BTC"),
        ("/v1/candles/{symbol}", "/v1/candles/BTC?limit=2"),
        ("/v1/providers", "/v1/providers"),
        ("/v1/quota", "/v1/quota"),
        ("/v1/explain/{quotes}", "/v1/explain/quotes?symbols=BTC"),
        ("/api/market/price", "/api/market/price?symbol=BTC"),
        ("/api/market/ohlc", "/api/market/ohlc?symbol=BTC"),
        ("/api/health", "/api/health"),
        ("/api/system/status", "/api/system/status"),
    ],
)
async def test_a_body_has_the_fields_of_its_schema(client: Any, path: str, url: str) -> None:
    document = await described(client)
    operation = document["paths"][path.replace("{quotes}", "quotes")]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    fits((await client.get(url)).json(), schema, document["components"]["schemas"])


def fits(value: Any, schema: dict[str, Any], known: dict[str, Any]) -> None:
    """Whether a value has the fields that a schema names, all the way down."""
    if "$ref" in schema:
        fits(value, known[schema["$ref"].rsplit("/", 1)[1]], known)
    elif value is None:
        assert {"type": "null"} in schema["anyOf"]
    elif "properties" in schema:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, inner in value.items():
            fits(inner, schema["properties"][name], known)
    elif schema.get("type") == "array":
        for inner in value:
            fits(inner, schema["items"], known)
    elif "anyOf" in schema and isinstance(value, dict) and "discriminator" not in schema:
        fits(value, next(one for one in schema["anyOf"] if one != {"type": "null"}), known)


async def test_the_reference_page_lists_every_route(client: Any) -> None:
    page = (await client.get("/docs")).text
    for path, methods in (await described(client))["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page
