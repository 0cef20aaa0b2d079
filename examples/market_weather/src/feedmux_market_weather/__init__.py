"""How stormy a market is, a question of its own: command, REST route, OpenAPI and coalescing come with the class.

The upstream is made up: https://api.market-weather.example is nobody's.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, json

from feedmux import Asked, Endpoint, Item, Limits, Provider, Query, Request, Terms, Window
from feedmux.clock import from_unix
from feedmux.symbol import canonical

Sky = Literal["clear", "cloudy", "storm"]


class Weather(Item, frozen=True, kw_only=True):
    """One market's weather; `wind` is how far its price moved, in percent of it."""

    symbol: str
    sky: Sky
    wind: Annotated[float, Meta(ge=0, le=1000)]


class MarketWeather(Query, frozen=True):
    """How stormy a market has been over the last days."""

    symbol: Annotated[str, Meta(description="such as BTC", examples=["BTC"])]
    days: Annotated[int, Meta(ge=1, le=30, description="how many days to look back")] = 1

    capability: ClassVar = "market_weather"
    item: ClassVar[type[Item]] = Weather
    path: ClassVar = "/market-weather/{symbol}"

    def _canonicalize(self) -> None:
        self._set("symbol", canonical(self.symbol))

    @property
    def fresh(self) -> float:
        return 120.0

    @property
    def symbols_asked(self) -> tuple[str, ...]:
        return (self.symbol,)


class _Report(Struct):
    market: str
    sky: Sky
    wind_pct: float
    at: int


def weather_request(asked: Asked[MarketWeather]) -> Request:
    return Request("/v1/weather", {"market": asked.query.symbol, "days": asked.query.days})


def parse_weather(body: bytes, asked: Asked[MarketWeather]) -> list[Weather]:
    """The report; one about another market is an error."""
    said = json.decode(body, type=_Report)
    if said.market != asked.query.symbol:
        raise ValueError("market: is not the one that was asked for")
    return [Weather(symbol=said.market, sky=said.sky, wind=said.wind_pct, observed_at=from_unix(said.at))]


provider = Provider(
    hosts=("https://api.market-weather.example",),
    limits=Limits(weight=10, windows=(Window(30, per=60),)),
    endpoints=(Endpoint(MarketWeather, weather_request, parse_weather, Terms(ttl=60)),),
    health=Request("/v1/ping"),
    attribution="Market Weather (made up)",
    docs="https://docs.market-weather.example",
)
