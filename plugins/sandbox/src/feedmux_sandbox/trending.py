"""CoinGecko's trending page: the larger coins that moved most in a day stand for what people look for."""

from __future__ import annotations

from collections.abc import Sequence

from feedmux_sandbox.coins import Snapshot
from feedmux_sandbox.currency import CODES
from feedmux_sandbox.markets import image, shown

COINS = 15
LARGEST = 50
"""How far down the market it looks."""


def trending(rows: Sequence[Snapshot]) -> dict[str, object]:
    """The coins that moved most, their prices as display text; one collection and one category beside them."""
    bitcoin = next(row.price for row in rows if row.coin.gecko == "bitcoin")
    moved = sorted(rows[:LARGEST], key=lambda row: -abs(row.change_24h))[:COINS]
    return {
        "coins": [{"item": _coin(row, score, bitcoin)} for score, row in enumerate(moved)],
        "nfts": [_collection(moved[0].change_24h)],
        "categories": [_category(moved, bitcoin)],
    }


def _coin(row: Snapshot, score: int, bitcoin: float) -> dict[str, object]:
    coin = row.coin
    return {
        "id": coin.gecko,
        "coin_id": row.rank,
        "name": coin.name,
        "symbol": coin.symbol,
        "market_cap_rank": row.rank,
        "thumb": image(coin.gecko, "thumb"),
        "small": image(coin.gecko, "small"),
        "large": image(coin.gecko, "large"),
        "slug": coin.gecko,
        "price_btc": row.price / bitcoin,
        "score": score,
        "data": {
            "price": dollars(shown(row.price)),
            "price_btc": f"{row.price / bitcoin:.18f}",
            "price_change_percentage_24h": dict.fromkeys(CODES, row.change_24h),
            "market_cap": dollars(round(row.market_cap)),
            "market_cap_btc": f"{row.market_cap / bitcoin:.10f}",
            "total_volume": dollars(round(row.volume_24h)),
            "total_volume_btc": f"{row.volume_24h / bitcoin:.10f}",
            "sparkline": f"https://www.coingecko.com/coins/{row.rank}/sparkline.svg",
            "content": None,
        },
    }


def _collection(change: float) -> dict[str, object]:
    return {
        "id": "sandbox-collection",
        "name": "Sandbox Collection",
        "symbol": "SANDBOX",
        "thumb": "https://assets.coingecko.com/nft_contracts/images/0/small/sandbox.png",
        "nft_contract_id": 1,
        "native_currency_symbol": "eth",
        "floor_price_in_native_currency": 1.25,
        "floor_price_24h_percentage_change": change,
        "data": {
            "floor_price": "1.25 ETH",
            "floor_price_in_usd_24h_percentage_change": str(change),
            "h24_volume": "12.50 ETH",
            "h24_average_sale_price": "1.25 ETH",
            "sparkline": "https://www.coingecko.com/nft/1/sparkline.svg",
            "content": None,
        },
    }


def _category(rows: Sequence[Snapshot], bitcoin: float) -> dict[str, object]:
    cap, volume = sum(row.market_cap for row in rows), sum(row.volume_24h for row in rows)
    change = sum(row.change_24h for row in rows) / len(rows)
    return {
        "id": 1,
        "name": "Sandbox Movers",
        "market_cap_1h_change": sum(row.change_1h for row in rows) / len(rows),
        "slug": "sandbox-movers",
        "data": {
            "market_cap": cap,
            "market_cap_btc": cap / bitcoin,
            "total_volume": volume,
            "total_volume_btc": volume / bitcoin,
            "market_cap_change_percentage_24h": dict.fromkeys(CODES, change),
            "sparkline": "https://www.coingecko.com/categories/1/sparkline.svg",
        },
    }


def dollars(amount: int | float) -> str:
    """Display text, never in exponents: $13.60, $0.00001388, $521,967,819."""
    if isinstance(amount, int):
        return f"${amount:,}"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.12f}".rstrip("0")
