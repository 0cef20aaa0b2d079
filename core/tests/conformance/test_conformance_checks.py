"""Each check lets a good provider pass and finds what it is there to find in one that is deliberately broken."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from acme import CASES, HEALTH, QUOTES, THROTTLED, endpoint, found, parse_quotes, provider, subject
from msgspec import json
from msgspec.structs import replace

from feedmux import (
    Asked,
    Counts,
    Failure,
    Http,
    Limits,
    Member,
    Plan,
    Provider,
    Quote,
    Quotes,
    Request,
    Terms,
    UnknownSymbol,
    Upstream,
    UpstreamDown,
    Window,
    hookimpl,
)
from feedmux.clock import SystemClock
from feedmux.conformance import CHECKS, Subject, hostility, report
from feedmux.conformance.annotations import the_types_check
from feedmux.conformance.cancellation import cancellation_leaves_nothing_open
from feedmux.conformance.checks import line
from feedmux.conformance.declaration import every_question_has_a_case, the_declaration_is_sane
from feedmux.conformance.figures import Figures
from feedmux.conformance.hostility import (
    broken_bodies_end_in_an_answer_or_bad_payload,
    no_answer_holds_a_number_that_the_body_does_not,
    no_step_keeps_the_event_loop,
)
from feedmux.conformance.hour import the_quota_is_never_exceeded
from feedmux.conformance.replies import (
    cases_with_errors_give_those_errors,
    cases_with_items_give_items,
    health_is_what_the_upstream_says,
    requests_depend_on_the_question_alone,
    requests_go_to_the_declared_host,
)
from feedmux.conformance.secrecy import the_key_never_shows
from feedmux.conformance.trial import CANARY

ONE = (QUOTES,)


def test_a_good_provider_passes_every_check() -> None:
    told = report(subject())
    assert [one.fact for one in told.lines if one.findings] == []
    assert [one.fact for one in told.lines if one.left_out] == ["the types check"]
    assert told.passed
    assert len(told.lines) == len(CHECKS)


def test_each_body_is_broken_a_thousand_times() -> None:
    told = line(broken_bodies_end_in_an_answer_or_bad_payload, subject())
    assert "3,000 bodies" in told.note
    assert told.findings == ()


def test_a_check_that_cannot_finish_says_what_was_raised() -> None:
    told = line(
        the_quota_is_never_exceeded, subject(provider(endpoints=endpoint(terms=Terms(5, cost=_no_cost))))
    )
    assert told.findings


def _no_cost(query: Any) -> int:
    raise LookupError("nobody knows")


# the declaration

UNSOUND: dict[str, tuple[dict[str, Any], str]] = {
    "a window that another makes out of reach": (
        {"limits": Limits(weight=1, windows=(Window(60, per=60), Window(10_000, per=600)))},
        "10000 requests in 600 s is never reached",
    ),
    "a cost that fits no window": (
        {
            "limits": Limits(weight=1, windows=(Window(10, per=60, counts=Counts.COST),)),
            "endpoints": endpoint(terms=Terms(ttl=5, cost=lambda query: 11)),
        },
        "cost: 11 never fits",
    ),
    "a question that is free": (
        {
            "limits": Limits(weight=1, windows=(Window(10, per=60, counts=Counts.COST),)),
            "endpoints": endpoint(terms=Terms(ttl=30, cost=0)),
        },
        "cost: 0 is free",
    ),
    "a ttl that uses a window up": (
        {"limits": Limits(weight=1, windows=(Window(5, per=60),))},
        "one question each 5 s uses up 5 requests in 60 s",
    ),
    "a plan of a window that allows nothing": (
        {"plans": {"none": Plan(windows=(Window(0, per=60),))}},
        "plans[none].windows: at least 1",
    ),
    "no attribution": ({"attribution": ""}, "attribution"),
    "no docs": ({"docs": ""}, "docs"),
    "a host without TLS": ({"hosts": ("http://api.acme.example",)}, "is not https"),
    "an interface of the future": ({"api": 99}, "interface 99"),
    "an interface before the first": ({"api": 0}, "0 is no version"),
    "a ttl beyond max_stale": ({"endpoints": endpoint(terms=Terms(ttl=9999))}, "ttl: at most max_stale"),
}


@pytest.mark.parametrize("what", UNSOUND)
def test_an_unsound_declaration_is_found(what: str) -> None:
    declared, told = UNSOUND[what]
    try:
        broken = provider(**declared)
    except ValueError as error:
        assert told in str(error)
    else:
        assert told in found(the_declaration_is_sane, subject(broken))


def test_a_question_without_a_case_is_found() -> None:
    assert "quotes: no case shows its answer" in found(every_question_has_a_case, subject(cases=[HEALTH]))
    assert "health: no case shows its answer" in found(every_question_has_a_case, subject(cases=[QUOTES]))


def test_a_case_about_something_else_is_found() -> None:
    foreign = replace(QUOTES, name="foreign", capability="gas", parameters={})
    assert "foreign: asks for what it does not serve" in found(
        every_question_has_a_case, subject(cases=[*CASES, foreign])
    )


# requests


def _timed(asked: Asked[Quotes]) -> Request:
    return Request("/prices", {"tickers": "BTC,ETH", "at": int(asked.at.timestamp())})


def test_a_request_that_depends_on_the_time_is_found() -> None:
    broken = provider(endpoints=endpoint(request=_timed))
    assert "the same question gives" in found(requests_depend_on_the_question_alone, subject(broken))


class _Counting:
    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, asked: Asked[Quotes]) -> Request:
        self.asked += 1
        return Request("/prices", {"tickers": "BTC,ETH", "number": self.asked})


def test_a_request_that_depends_on_what_was_asked_before_is_found() -> None:
    broken = provider(endpoints=endpoint(request=_Counting()))
    assert "the same question gives" in found(requests_depend_on_the_question_alone, subject(broken))


def test_a_request_for_which_there_is_no_case_is_found() -> None:
    broken = provider(endpoints=endpoint(request=lambda asked: Request("/elsewhere")))
    told = found(requests_go_to_the_declared_host, subject(broken))
    assert "asks for /elsewhere, for which there is no case" in told
    assert "never asks for /prices" in told


class _Moving(Provider):
    """Declares another host each time."""

    moves = 0

    @hookimpl
    def feedmux_upstream(self) -> Upstream:
        self.moves += 1
        return replace(super().feedmux_upstream(), hosts=(f"https://api{self.moves}.acme.example",))


def test_a_request_to_a_host_that_is_not_declared_is_found() -> None:
    told = found(requests_go_to_the_declared_host, subject(provider(_Moving)))
    assert "went to api2.acme.example, which is not declared" in told


# replies


def test_items_that_the_engine_refuses_are_found() -> None:
    late = provider(endpoints=endpoint(parse=_of_tomorrow))
    assert "quotes: is bad-payload" in found(cases_with_items_give_items, subject(late))


def _of_tomorrow(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return [replace(one, observed_at=asked.at + timedelta(days=1)) for one in parse_quotes(body, asked)]


def test_an_element_without_an_item_is_found() -> None:
    broken = provider(endpoints=endpoint(parse=lambda body, asked: parse_quotes(body, asked)[:1]))
    assert "quotes: ETH is missing" in found(cases_with_items_give_items, subject(broken))


def test_an_error_that_is_taken_for_another_is_found() -> None:
    broken = provider(errors=(Failure(UnknownSymbol, status=429),))
    told = found(cases_with_errors_give_those_errors, subject(broken))
    assert told.startswith("throttled: is unknown-symbol")


def test_a_reset_that_is_not_read_is_found() -> None:
    later = replace(THROTTLED, retry_after=300.0)
    told = found(cases_with_errors_give_those_errors, subject(cases=[QUOTES, later]))
    assert told == "throttled: asks to wait 17.0 s, not 300 s"


class _NeverIll(Provider):
    @hookimpl
    async def feedmux_health(self, http: Http) -> None:
        return None


class _AlwaysIll(Provider):
    @hookimpl
    async def feedmux_health(self, http: Http) -> None:
        await http.get("/ping")
        raise UpstreamDown("it never is well")


def test_a_health_check_that_cannot_fail_is_found() -> None:
    told = found(health_is_what_the_upstream_says, subject(provider(_NeverIll)))
    assert told == "health: passes where the upstream answers 500"


def test_a_health_check_that_cannot_pass_is_found() -> None:
    told = found(health_is_what_the_upstream_says, subject(provider(_AlwaysIll)))
    assert "a healthy upstream is upstream-down" in told


# broken bodies


def _lenient(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """What is missing is 1.25."""
    rows = json.decode(body)
    return [
        Quote(symbol=row["ticker"], price=row.get("last") or 1.25, vs=asked.query.vs)
        for row in rows
        if row.get("ticker") in asked.query.symbols
    ]


def test_a_number_that_is_made_up_is_found() -> None:
    told = found(
        no_answer_holds_a_number_that_the_body_does_not,
        subject(provider(endpoints=endpoint(parse=_lenient)), ONE),
    )
    assert "price is 1.25" in told


def _derived(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return [replace(one, change_24h=one.price / 7) for one in parse_quotes(body, asked)]


def test_an_instant_at_the_edge_of_what_a_float_holds_is_no_other_number() -> None:
    at = datetime.fromtimestamp(1772452829.655, UTC)
    (quote,) = [Quote(symbol="BTC", price=1.0, observed_at=at)]
    assert [*Figures(b'{"last":"1","ts":"1772452829655"}').foreign(quote, Quotes(["BTC"]))] == []
    other = Quote(symbol="BTC", price=1.0, observed_at=at + timedelta(seconds=1))
    assert len([*Figures(b'{"last":"1","ts":"1772452829655"}').foreign(other, Quotes(["BTC"]))]) == 1


def test_an_instant_keeps_microseconds_of_what_the_body_says() -> None:
    body = Figures(b'{"last":"1","ts":"85615616.55151"}')
    for seconds, foreign in ((85615.616552, 0), (85615.616559, 1)):
        at = datetime.fromtimestamp(seconds, UTC)
        quote = Quote(symbol="BTC", price=1.0, observed_at=at)
        assert len([*body.foreign(quote, Quotes(["BTC"]))]) == foreign


def test_a_key_is_only_given_to_who_takes_one() -> None:
    told = line(the_key_never_shows, subject(provider(key=None)))
    assert (told.left_out, told.note) == (True, "it takes no key")
    refused = replace(QUOTES, name="refused", status=403, body="<html></html>", expected="upstream-down")
    keyless = subject(provider(key=None), [*CASES, refused])
    assert not found(cases_with_errors_give_those_errors, keyless)
    assert not found(broken_bodies_end_in_an_answer_or_bad_payload, keyless)


def test_a_number_that_is_worked_out_is_found_unless_the_case_says_so() -> None:
    broken = provider(endpoints=endpoint(parse=_derived))
    check = no_answer_holds_a_number_that_the_body_does_not
    assert "change_24h is 13033.5" in found(check, subject(broken, ONE))
    assert found(check, subject(broken, [replace(QUOTES, derived=("change_24h",))])) == ""


def _wordy(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    try:
        return parse_quotes(body, asked)
    except ValueError:
        raise UpstreamDown("that is no answer") from None


def test_junk_that_is_called_something_else_is_found() -> None:
    broken = subject(provider(endpoints=endpoint(parse=_wordy)), ONE)
    assert "ends in upstream-down" in found(broken_bodies_end_in_an_answer_or_bad_payload, broken)


def _endless(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    clock = SystemClock()
    until = clock.monotonic() + (0.3 if body.startswith(b"<!doctype") else 0.0)
    while clock.monotonic() < until:
        pass
    return parse_quotes(body, asked)


def test_a_step_that_keeps_the_event_loop_is_found() -> None:
    broken = subject(provider(endpoints=endpoint(parse=_endless)), [replace(QUOTES, body=QUOTES.body)])
    assert "a step took 0.3" in found(no_step_keeps_the_event_loop, broken)


# keys


def _in_its_url(asked: Asked[Quotes]) -> Request:
    return Request("/prices", {"tickers": "BTC,ETH", "key": CANARY})


def _logs(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    logging.getLogger("acme").debug("asked with %s", CANARY)
    return parse_quotes(body, asked)


def _prints(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    print("asked with", CANARY)
    return parse_quotes(body, asked)


def _tells(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return [replace(one, name=CANARY) for one in parse_quotes(body, asked)]


SHOWN: dict[str, tuple[dict[str, Any], str]] = {
    "in an address": ({"request": _in_its_url}, "stands in an address"),
    "in a log line": ({"parse": _logs}, "the key is logged"),
    "in what is printed": ({"parse": _prints}, "the key is logged"),
    "in an answer": ({"parse": _tells}, "the key is in the answer"),
}


@pytest.mark.shows_keys
@pytest.mark.parametrize("where", SHOWN)
def test_a_key_that_shows_is_found(where: str) -> None:
    changed, told = SHOWN[where]
    assert told in found(the_key_never_shows, subject(provider(endpoints=endpoint(**changed)), ONE))


def test_a_key_that_an_upstream_repeats_does_not_show() -> None:
    assert found(the_key_never_shows, subject()) == ""


# what is left


class _Leaving(Provider):
    """Starts a task and forgets it."""

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Any:
        self.kept = asyncio.ensure_future(asyncio.get_running_loop().create_future())
        return await super().feedmux_fetch(asked, http)


class _Deaf(Provider):
    """Goes on although it was cancelled."""

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Any:
        while True:
            try:
                return await super().feedmux_fetch(asked, http)
            except asyncio.CancelledError:
                continue


class _Split(Provider):
    """Sends from a task of its own, which nobody cancels."""

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Any:
        return await asyncio.shield(asyncio.ensure_future(super().feedmux_fetch(asked, http)))


def test_a_task_that_is_left_is_found() -> None:
    assert "a task is left" in found(cancellation_leaves_nothing_open, subject(provider(_Split), ONE))


def test_a_request_that_is_left_open_is_found() -> None:
    assert "requests are left open" in found(cancellation_leaves_nothing_open, subject(provider(_Split), ONE))


def test_a_swallowed_cancellation_is_found() -> None:
    assert "swallowed its cancellation" in found(
        cancellation_leaves_nothing_open, subject(provider(_Deaf), ONE)
    )


# the quota


def test_two_members_on_one_host_without_a_common_pool_are_found() -> None:
    host = ("https://api.acme.example",)
    broken = provider(
        hosts=(),
        members=(Member("one", host), Member("two", host)),
        limits=Limits(weight=10, windows=(Window(60, per=60),)),
    )
    told = found(the_quota_is_never_exceeded, subject(broken, ONE))
    assert "60 requests in 60 s are declared" in told


def test_the_members_of_one_pool_keep_its_quota() -> None:
    host = ("https://api.acme.example",)
    pooled = provider(
        hosts=(),
        members=(Member("one", host), Member("two", host)),
        limits=Limits(weight=10, windows=(Window(60, per=60),), pool="acme"),
    )
    assert found(the_quota_is_never_exceeded, subject(pooled, ONE)) == ""


# types


def _package(directory: Path, code: str) -> Subject:
    package = directory / "acme_typed"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    (package / "py.typed").touch()
    return Subject("acme", provider(), CASES, package)


def test_a_type_that_is_wrong_is_found(tmp_path: Path) -> None:
    assert "acme_typed" in found(the_types_check, _package(tmp_path, "count: int = 'three'\n"))


def test_a_package_that_does_not_say_it_is_typed_is_found(tmp_path: Path) -> None:
    typed = _package(tmp_path, "count: int = 3\n")
    assert found(the_types_check, typed) == ""
    (tmp_path / "acme_typed" / "py.typed").unlink()
    assert found(the_types_check, typed) == "py.typed is missing"


def test_the_bodies_are_the_same_in_every_run() -> None:
    first, second = (
        [*hostility.mutations(QUOTES.content, ["BTC"], hostility.Chance(1).generator("x"), 300)]
        for _ in range(2)
    )
    assert first == second
    assert len({content for _, content in first}) > 250
