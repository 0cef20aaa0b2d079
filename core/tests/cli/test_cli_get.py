"""`feedmux get`: subcommands from Query classes, JSON in a pipe, exit codes."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from feedmux import Item, Limits, NoProvider, Query, Terms, hookimpl


class Depth(Item, frozen=True, kw_only=True):
    market: str
    rows: int


class OrderBook(Query, frozen=True):
    """Who would buy and sell."""

    market: str
    rows: int = 5
    deadline: str = "none"

    capability: ClassVar = "order_book"
    item: ClassVar[type[Item]] = Depth


class Exchange:
    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(weight=1, serves={OrderBook: Terms(ttl=1)})

    @hookimpl
    async def feedmux_fetch(self, asked: Any, http: Any) -> list[Depth]:
        return [Depth(market=asked.query.market, rows=asked.query.rows)]


def test_a_pipe_gets_one_json_document(feedmux: Any) -> None:
    result = feedmux("get", "quotes", "BTC", "eth")
    document = json.loads(result.stdout)
    assert [item["symbol"] for item in document["items"]] == ["BTC", "ETH"]
    assert document["items"][0]["price"] == 96_385.12
    assert (document["missing"], document["sandbox"], result.exit_code) == ({}, False, 0)
    assert "trace" not in document


def test_words_may_be_separated_by_commas(feedmux: Any) -> None:
    assert len(json.loads(feedmux("get", "quotes", "BTC,ETH").stdout)["items"]) == 2


def test_options_come_from_the_fields_of_the_query(feedmux: Any) -> None:
    document = json.loads(feedmux("get", "quotes", "BTC", "--vs", "eur").stdout)
    assert document["items"][0]["vs"] == "EUR"


def test_help_shows_words_choices_and_defaults(feedmux: Any) -> None:
    told = feedmux("get", "candles", "--help").stdout
    assert "SYMBOL" in told
    assert "--interval" in told
    assert "1m|5m|15m" in told
    assert "1h where it is not given" in " ".join(told.replace("│", " ").split())


@pytest.mark.parametrize("spelt", ["order_book", "order-book"])
def test_the_query_of_a_third_party_has_a_subcommand_under_either_spelling(feedmux: Any, spelt: str) -> None:
    result = feedmux("get", spelt, "BTC-EUR", "--rows", "3", plugins={"exchange": Exchange()})
    (item,) = json.loads(result.stdout)["items"]
    assert (item["market"], item["rows"]) == ("BTC-EUR", 3)


def test_a_field_called_like_a_common_option_is_told_apart(feedmux: Any) -> None:
    told = feedmux("get", "order-book", "--help", plugins={"exchange": Exchange()}).stdout
    assert "--query-deadline" in told
    assert "--deadline" in told


def test_options_may_stand_before_the_capability(feedmux: Any, quoting: Any) -> None:
    plugins = {"first": quoting(weight=100), "second": quoting()}
    result = feedmux("get", "--only", "second", "quotes", "BTC", plugins=plugins)
    assert json.loads(result.stdout)["items"][0]["provider"] == "second"
    assert plugins["first"].asked == []


def test_explain_adds_the_trace(feedmux: Any) -> None:
    document = json.loads(feedmux("get", "quotes", "BTC", "--explain").stdout)
    assert [event["event"] for event in document["trace"]] == ["cached", "considered", "tried", "answered"]


def test_what_is_missing_ends_with_5(feedmux: Any) -> None:
    result = feedmux("get", "quotes", "BTC", "NOPE")
    assert json.loads(result.stdout)["missing"]["NOPE"]["reason"] == "unknown-symbol"
    assert result.exit_code == 5


def test_an_unknown_symbol_ends_with_3_and_two_lines(feedmux: Any) -> None:
    result = feedmux("get", "quotes", "NOPE")
    assert (result.exit_code, result.stdout) == (3, "")
    what, remedy = result.stderr.splitlines()
    assert what.startswith("Nobody knows this symbol: ")
    assert "check the spelling" in remedy


def test_json_errors_are_problem_documents(feedmux: Any) -> None:
    result = feedmux("get", "quotes", "NOPE", "--json")
    problem = json.loads(result.stderr)
    assert (problem["type"], problem["status"]) == ("urn:feedmux:problem:unknown-symbol", 404)
    assert result.stdout == ""


def test_nobody_to_answer_ends_with_4_and_says_when_to_ask_again(feedmux: Any, quoting: Any) -> None:
    closed = quoting(error=NoProvider("gone fishing", retry_after=29.5))
    result = feedmux("get", "quotes", "BTC", plugins={"closed": closed})
    assert result.exit_code == 4
    assert "ask again in" in result.stderr
    problem = json.loads(feedmux("get", "quotes", "BTC", "--json", plugins={"closed": closed}).stderr)
    assert problem["retry_after"] >= 1


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (("quotes", "B TC"), "symbols"),
        (("candles", "BTC", "--interval", "2h"), "interval"),
        (("fear_greed", "--limit", "0"), "limit"),
        (("quotes", "BTC", "--only", "nobody"), "only"),
    ],
)
def test_a_wrong_question_ends_with_2_and_names_the_field(
    feedmux: Any, args: tuple[str, ...], field: str
) -> None:
    result = feedmux("get", *args, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["field"] == field


def test_a_mistyped_capability_ends_with_2_and_names_the_nearest(feedmux: Any) -> None:
    result = feedmux("get", "qoutes", "BTC")
    assert result.exit_code == 2
    assert "did you mean quotes?" in result.stderr


def test_a_wrong_configuration_ends_with_2_and_names_the_key(feedmux: Any, tmp_path: Any) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[engine]\ndeadlin = 3\n")
    result = feedmux("--config", str(file), "get", "quotes", "BTC")
    assert result.exit_code == 2
    assert "engine.deadlin: is not known; did you mean deadline?" in result.stderr


def test_a_capability_that_nobody_serves_is_marked_in_the_list(feedmux: Any) -> None:
    told = " ".join(feedmux("get", "--help").stdout.replace("│", " ").split())
    assert "What a transaction costs now. (no provider)" in told
    assert "What each symbol is worth now. (no provider)" not in told


def test_a_server_and_a_sandbox_exclude_each_other(feedmux: Any) -> None:
    result = feedmux("--server", "http://127.0.0.1:1", "--sandbox", "on", "providers")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_a_cross_check_gives_the_median_and_who_said_what(feedmux: Any, quoting: Any) -> None:
    plugins = {"first": quoting(), "second": quoting()}
    document = json.loads(feedmux("get", "quotes", "BTC", "--cross-check", plugins=plugins).stdout)
    assert [item["provider"] for item in document["items"]] == ["consensus"]
    assert (document["crossed"]["BTC"]["sources"], document["crossed"]["BTC"]["price"]) == (2, 96_385.12)
    told = feedmux("get", "quotes", "BTC", "--cross-check", "--text", plugins=plugins).stdout
    assert "BTC: heard first 96385.12, second 96385.12" in told


def test_only_what_can_be_compared_has_the_option(feedmux: Any) -> None:
    assert "--cross-check" in feedmux("get", "quotes", "--help").stdout
    assert "--cross-check" not in feedmux("get", "candles", "--help").stdout


def test_explain_tells_the_outcome_of_a_cross_check(feedmux: Any, quoting: Any) -> None:
    plugins = {"first": quoting(), "second": quoting()}
    told = feedmux("explain", "quotes", "BTC", "--cross-check", "--text", plugins=plugins).stdout
    assert "compared  BTC: 96385.12, 0.00% apart" in told
    planned = feedmux("explain", "--dry", "quotes", "BTC", "--cross-check", "--text", plugins=plugins).stdout
    assert "first, then second" in planned
