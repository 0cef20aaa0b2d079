"""Questions: one frozen struct for each capability, canonical as soon as it is made.

A class says all that the rest derives from it: its capability's name, the type of its items, how long an answer
counts as fresh, its REST path, the words and options it takes on a command line. A Query class of a third party
needs no change elsewhere.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo

from feedmux import items, symbol
from feedmux.consensus import Said, Together, median_quote
from feedmux.errors import InvalidQuery
from feedmux.items import INTERVALS, Interval, Item
from feedmux.validation import WrongField, check_fields, reason

Currency: TypeAlias = Annotated[
    str, Meta(pattern="^[A-Z0-9]{2,10}$", description="the currency to answer in", examples=["USD"])
]
Chain: TypeAlias = Annotated[
    str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,39}$", description="the chain's name", examples=["ethereum"])
]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=1000, description="how many at most")]
MANY = 1000


class Query(Struct, frozen=True):
    """Base of all questions. Subclasses are frozen structs; equal questions are one question."""

    capability: ClassVar[str] = ""
    item: ClassVar[type[Item]] = Item
    path: ClassVar[str] = ""
    """The REST path below /v1; by default the capability with dashes."""
    many: ClassVar[str] = ""
    """The field whose elements are asked, cached and answered one by one; empty where the whole is one answer."""
    item_key: ClassVar[str] = ""
    """The field of an item that holds its element of `many`."""
    free_text: ClassVar[bool] = False
    """Elements of `many` may hold commas: they come one a parameter or word, never comma-separated."""
    series: ClassVar[bool] = False
    """The items are one series: its age is that of the newest."""
    max_stale: ClassVar[float] = 3600.0
    """Seconds after which an observation is no answer any more."""
    cuts: ClassVar[frozenset[str]] = frozenset({"limit"})
    """The fields that `cut` alone reads: questions that differ in nothing else may share a provider's answer."""
    may_be_empty: ClassVar[bool] = False
    """No items is an answer, not a failure."""
    max_jump: ClassVar[float | None] = None
    """How far, as a share, `price` may move within ten minutes before a second provider must confirm it."""
    tolerance: ClassVar[float | None] = None
    """How far apart, as a share of their mean, two answers' `price` may lie and still agree; None where answers of
    several providers cannot be cross-checked. For a question with `many` whose items are quotes.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", cls.capability):
            raise TypeError(f"{cls.__name__}.capability must be a lower-case name such as 'quotes'")
        if "path" not in cls.__dict__:
            cls.path = "/" + cls.capability.replace("_", "-")

    def __post_init__(self) -> None:
        self._canonicalize()
        try:
            check_fields(self)
        except WrongField as error:
            raise InvalidQuery(error.reason, field=error.field) from None

    def _canonicalize(self) -> None:
        """Bring every field to its one form; raises InvalidQuery naming the field."""

    def _set(self, field: str, value: object) -> None:
        msgspec.structs.force_setattr(self, field, value)

    @property
    def fresh(self) -> float:
        """Seconds, from when it was fetched, for which an answer is served without asking anybody."""
        return 60.0

    @classmethod
    def can_be_crossed(cls) -> bool:
        """Whether answers of several providers can be cross-checked."""
        return bool(cls.many) and cls.tolerance is not None

    @property
    def elements(self) -> Sequence[str]:
        """The elements of `many`, each asked and cached on its own; empty for a question that is one whole."""
        return getattr(self, self.many) if self.many else ()

    def narrowed(self, elements: Sequence[str]) -> Self:
        """The same question about these of its elements only."""
        return msgspec.structs.replace(self, **{self.many: tuple(elements)})

    def parts(self) -> tuple[Self, ...]:
        """The questions that are asked and cached on their own: one for each element, else itself."""
        if not self.many:
            return (self,)
        if len(self.elements) == 1:
            return (self,)
        return tuple(self.narrowed((element,)) for element in self.elements)

    @property
    def symbols_asked(self) -> tuple[str, ...]:
        """The symbols that a provider's listing must know to serve this."""
        return ()

    def together(self, said: Sequence[Said]) -> Together:
        """What several members of one provider say together: of a question about one thing, all that each has."""
        return Together(tuple(item for one in said for item in one.items))

    def cut(self, found: Sequence[Any]) -> Sequence[Any]:
        """What of a provider's items this question asked for: the first `limit`, of a series the last."""
        limit: int | None = getattr(self, "limit", None)
        if limit is None:
            return found
        return found[-limit:] if self.series else found[:limit]

    @classmethod
    def words(cls) -> tuple[FieldInfo, ...]:
        """The fields a command line takes as plain words: those without a default, in order."""
        return tuple(f for f in fields_of(cls) if f.required)

    @classmethod
    def options(cls) -> tuple[FieldInfo, ...]:
        """The fields a command line takes as --options."""
        return tuple(f for f in fields_of(cls) if not f.required)

    @classmethod
    def whole_fields(cls) -> tuple[str, ...]:
        """The fields in which questions must agree to share a provider's answer: all but `cuts`."""
        return tuple(f.name for f in fields_of(cls) if f.name not in cls.cuts)

    @classmethod
    def shared_fields(cls) -> tuple[str, ...]:
        """The fields that parts must have in common to share a request: all but `many`."""
        return _shared_fields(cls)

    @classmethod
    def from_strings(cls, given: Mapping[str, Sequence[str]]) -> Self:
        """The question that a URL's parameters or a command line's words spell; lists may be comma-separated.

        Raises InvalidQuery naming the field.
        """
        fields = {f.name: f for f in fields_of(cls)}
        for name in given:
            if name not in fields:
                raise InvalidQuery(
                    f"{cls.capability} takes {', '.join(fields) or 'no parameter'}", field=name
                )
        for name, field in fields.items():
            if field.required and not any(given.get(name, ())):
                raise InvalidQuery(f"is missing; {cls.capability} needs it", field=name)
        return cls(**{name: cls._decoded(fields[name], texts) for name, texts in given.items() if texts})

    @classmethod
    def _decoded(cls, field: FieldInfo, texts: Sequence[str]) -> object:
        if takes_many(field):
            return (
                tuple(texts) if cls.free_text else tuple(w for t in texts for w in t.split(",") if w.strip())
            )
        if len(texts) > 1:
            raise InvalidQuery("is given more than once", field=field.name)
        if str in _choices(field.type):
            return texts[0]
        try:
            return msgspec.convert(texts[0], field.type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidQuery(reason(error, field.type, texts[0]), field=field.name) from None

    def to_strings(self) -> dict[str, list[str]]:
        """The parameters that `from_strings` reads back, defaults left out; a list is one parameter given often."""
        written: dict[str, list[str]] = {}
        for field in fields_of(type(self)):
            value = getattr(self, field.name)
            if value != field.default:
                written[field.name] = list(value) if isinstance(value, tuple) else [str(value)]
        return written


@cache
def fields_of(cls: type[Query]) -> tuple[FieldInfo, ...]:
    """A class's fields; msgspec works them out anew at each call, which takes a tenth of a millisecond."""
    return msgspec.structs.fields(cls)


@cache
def _shared_fields(cls: type[Query]) -> tuple[str, ...]:
    return tuple(f.name for f in fields_of(cls) if f.name != cls.many)


def takes_many(field: FieldInfo) -> bool:
    """Whether a field of a Query holds a sequence."""
    return any(get_origin(choice) in (list, tuple, Sequence) for choice in _choices(field.type))


def _choices(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    if get_origin(annotation) in (types.UnionType, Union):
        return tuple(inner for choice in get_args(annotation) for inner in _choices(choice))
    return (annotation,)


def default_of(field: FieldInfo) -> object:
    """A field's default, or None where it has none."""
    return None if field.default is NODEFAULT else field.default


def _published(headline: Item) -> datetime:
    at: datetime | None = getattr(headline, "published_at", None)
    return at or datetime.min.replace(tzinfo=UTC)


def _distinct(texts: Sequence[str] | str, field: str) -> tuple[str, ...]:
    """Distinct elements in the caller's order; a plain string is one element or comma-separated."""
    if isinstance(texts, str):
        texts = texts.split(",")
    if not isinstance(texts, Sequence):
        raise InvalidQuery("is a list of texts", field=field)
    if not all(isinstance(text, str) for text in texts):
        raise InvalidQuery("holds something else than text", field=field)
    distinct = tuple(dict.fromkeys(texts))
    if not 1 <= len(distinct) <= MANY:
        raise InvalidQuery(f"takes 1 to {MANY} of them, got {len(distinct)}", field=field)
    return distinct


def _upper(query: Query, field: str) -> None:
    value = getattr(query, field)
    if isinstance(value, str):
        query._set(field, value.strip().upper())


def _lower(query: Query, field: str) -> None:
    value = getattr(query, field)
    if isinstance(value, str):
        query._set(field, value.strip().lower())


class Quotes(Query, frozen=True):
    """What each symbol is worth now."""

    symbols: Annotated[
        Sequence[str],
        Meta(description="BTC, ETH … or provider:id; several separated by commas", examples=[["BTC", "ETH"]]),
    ]
    vs: Currency = "USD"

    capability: ClassVar = "quotes"
    item: ClassVar[type[Item]] = items.Quote
    many: ClassVar = "symbols"
    item_key: ClassVar = "symbol"
    max_jump: ClassVar[float | None] = 0.30
    tolerance: ClassVar[float] = 0.05
    """Liquid markets lie well under one percent apart, thin ones a few; who is further off has another asset, another
    time or a fault.
    """

    def together(self, said: Sequence[Said]) -> Together:
        return median_quote(said, self.tolerance)

    def _canonicalize(self) -> None:
        _upper(self, "vs")
        given = _distinct(self.symbols, "symbols")
        self._set("symbols", tuple(dict.fromkeys(symbol.canonical(text, field="symbols") for text in given)))

    @property
    def fresh(self) -> float:
        return 10.0

    @property
    def symbols_asked(self) -> tuple[str, ...]:
        return tuple(self.symbols)


class Candles(Query, frozen=True):
    """Open, high, low, close and volume of the last intervals, oldest first, the running one included."""

    symbol: Annotated[str, Meta(description="such as BTC", examples=["BTC"])]
    interval: Annotated[Interval, Meta(description="the length of one candle")] = "1h"
    limit: Limit = 100
    vs: Currency = "USD"

    capability: ClassVar = "candles"
    item: ClassVar[type[Item]] = items.Candle
    path: ClassVar = "/candles/{symbol}"
    series: ClassVar = True

    def _canonicalize(self) -> None:
        _upper(self, "vs")
        self._set("symbol", symbol.canonical(self.symbol))

    @property
    def fresh(self) -> float:
        return min(60.0, INTERVALS[self.interval].total_seconds() / 10)

    @property
    def symbols_asked(self) -> tuple[str, ...]:
        return (self.symbol,)


class Markets(Query, frozen=True):
    """The coins with the largest market cap, largest first, in US dollars."""

    limit: Limit = 100

    capability: ClassVar = "markets"
    item: ClassVar[type[Item]] = items.Coin


class Trending(Query, frozen=True):
    """The coins people look for most."""

    limit: Limit = 10

    capability: ClassVar = "trending"
    item: ClassVar[type[Item]] = items.TrendingCoin

    @property
    def fresh(self) -> float:
        return 300.0


class GlobalMarket(Query, frozen=True):
    """The whole market in one row."""

    capability: ClassVar = "global_market"
    item: ClassVar[type[Item]] = items.GlobalStats

    @property
    def fresh(self) -> float:
        return 300.0


class FearGreed(Query, frozen=True):
    """The Fear & Greed index, one value a day, oldest first, today's last."""

    limit: Annotated[int, Meta(ge=1, le=10_000, description="how many days at most")] = 1

    capability: ClassVar = "fear_greed"
    item: ClassVar[type[Item]] = items.SentimentIndex
    series: ClassVar = True
    max_stale: ClassVar[float] = 172_800.0

    @property
    def fresh(self) -> float:
        return 3600.0


class Gas(Query, frozen=True):
    """What a transaction costs now."""

    chain: Chain = "ethereum"

    capability: ClassVar = "gas"
    item: ClassVar[type[Item]] = items.GasPrice

    def _canonicalize(self) -> None:
        _lower(self, "chain")

    @property
    def fresh(self) -> float:
        return 15.0


class Supply(Query, frozen=True):
    """How much of an asset exists."""

    asset: str = "ETH"

    capability: ClassVar = "supply"
    item: ClassVar[type[Item]] = items.SupplyFigure
    max_stale: ClassVar[float] = 86_400.0

    def _canonicalize(self) -> None:
        self._set("asset", symbol.canonical(self.asset, field="asset"))

    @property
    def fresh(self) -> float:
        return 3600.0

    @property
    def symbols_asked(self) -> tuple[str, ...]:
        return (self.asset,)


class Balance(Query, frozen=True):
    """What an address holds."""

    address: Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$", description="0x and 40 hex digits")]
    chain: Chain = "ethereum"

    def _canonicalize(self) -> None:
        _lower(self, "address")
        _lower(self, "chain")

    capability: ClassVar = "balance"
    item: ClassVar[type[Item]] = items.BalanceFigure
    path: ClassVar = "/balance/{address}"

    @property
    def fresh(self) -> float:
        return 30.0


class News(Query, frozen=True):
    """Headlines, newest first, that contain `text`; all of them where it is empty."""

    text: Annotated[str, Meta(max_length=200)] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="how many at most")] = 20

    def together(self, said: Sequence[Said]) -> Together:
        """All headlines, newest first; one that several have is given once, as the first of them has it."""
        once: dict[str, Any] = {}
        spoken: list[Any] = [item for one in said for item in one.items]
        for headline in spoken:
            words = " ".join(re.findall(r"\w+", headline.title.casefold())) or headline.title
            once.setdefault(words, headline)
        return Together(tuple(sorted(once.values(), key=_published, reverse=True)))

    def cut(self, found: Sequence[Any]) -> Sequence[Any]:
        wanted = self.text.casefold()
        return super().cut([headline for headline in found if wanted in headline.title.casefold()])

    capability: ClassVar = "news"
    item: ClassVar[type[Item]] = items.Headline
    may_be_empty: ClassVar[bool] = True
    cuts: ClassVar[frozenset[str]] = frozenset({"text", "limit"})
    max_stale: ClassVar[float] = 86_400.0

    @property
    def fresh(self) -> float:
        return 300.0


class Sentiment(Query, frozen=True):
    """What a model makes of each text: bullish, bearish or neutral."""

    texts: Annotated[Sequence[Annotated[str, Meta(min_length=1, max_length=10_000)]], Meta(max_length=1000)]

    capability: ClassVar = "sentiment"
    item: ClassVar[type[Item]] = items.TextSentiment
    many: ClassVar = "texts"
    item_key: ClassVar = "text"
    free_text: ClassVar[bool] = True

    def _canonicalize(self) -> None:
        texts = (self.texts,) if isinstance(self.texts, str) else self.texts
        self._set("texts", _distinct(texts, "texts"))
        if any(isinstance(text, str) and not text.strip() for text in self.texts):
            raise InvalidQuery("holds a text with nothing in it", field="texts")

    @property
    def fresh(self) -> float:
        return 3600.0


class Resources(Query, frozen=True):
    """The catalogue of data resources, of one category or of all."""

    category: Annotated[str, Meta(max_length=80)] = ""

    capability: ClassVar = "resources"
    item: ClassVar[type[Item]] = items.Resource
    may_be_empty: ClassVar[bool] = True
    max_stale: ClassVar[float] = 10 * 365 * 86_400.0
    """A catalogue goes out of date, never wrong: an old one, marked stale, is better than none."""

    @property
    def fresh(self) -> float:
        return 3600.0


BUILT_IN: tuple[type[Query], ...] = (
    Quotes,
    Candles,
    Markets,
    Trending,
    GlobalMarket,
    FearGreed,
    Gas,
    Supply,
    Balance,
    News,
    Sentiment,
    Resources,
)
