"""What a caller may call an asset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import InvalidQuery
from feedmux.symbol import canonical, exact


@pytest.mark.parametrize(
    ("text", "symbol"),
    [("btc", "BTC"), (" Eth\n", "ETH"), ("1INCH", "1INCH"), ("$X.Y_Z+-", "$X.Y_Z+-"), ("a" * 40, "A" * 40)],
)
def test_a_symbol_is_upper_cased(text, symbol):
    assert canonical(text) == symbol


@pytest.mark.parametrize("text", ["coingecko:bitcoin", "x_1:A-b.C_9", " a:b "])
def test_an_exact_asset_keeps_its_case(text):
    assert canonical(text) == text.strip()
    assert exact(canonical(text)) == tuple(text.strip().split(":"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "A" * 41,
        "BTC/USDT",
        "BTC,ETH",
        "BTC ETH",
        "ВТС",  # Cyrillic
        "ſ",  # upper-cases to S
        "ı",  # upper-cases to I
        "B\0C",
        "a:b:c",
        ":x",
        "a:",
        "9a:x",
        "A:b!",
        "a:" + "x" * 81,
        "../etc",
        "'; drop",
    ],
)
def test_anything_else_is_refused_and_the_field_named(text):
    with pytest.raises(InvalidQuery) as refused:
        canonical(text, field="symbols")
    assert refused.value.field == "symbols"


@given(st.text(max_size=50))
def test_canonical_is_a_fixed_point_and_ascii(text):
    try:
        symbol = canonical(text)
    except InvalidQuery as refused:
        assert refused.field == "symbol"
        assert refused.detail.isprintable()
        return
    assert canonical(symbol) == symbol
    assert symbol.isascii()


@pytest.mark.parametrize("value", [None, 5, b"BTC", ["BTC"]])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(InvalidQuery, match="symbol is text"):
        canonical(value)


@pytest.mark.parametrize("text", [".", "..", "...", "A..B", "../A", "coin:.", "coin:..", "coin:a..b"])
def test_what_a_path_would_take_for_a_step_is_no_symbol(text):
    with pytest.raises(InvalidQuery):
        canonical(text)


@pytest.mark.parametrize("text", ["A.B", ".A", "A.", "coin:a.b", "coin:.a", "coin:a."])
def test_a_dot_inside_a_name_is_one(text):
    assert canonical(text) == text
