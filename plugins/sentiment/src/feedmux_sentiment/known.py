"""The fine-tuned models that are taken where they are at hand, best first, and what their labels mean."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from feedmux_sentiment.reading import Label


class Known(Struct, frozen=True):
    """A model by its name on the hub.

    `labels` maps each of its own labels to ours: one that has other labels is another model and is refused.
    `tokens` is how much of a text it reads; what follows is cut off.
    """

    repo: str
    labels: Mapping[str, Label]
    tokens: int = 512


KNOWN: tuple[Known, ...] = (
    # trained on at most 128 tokens: see the model card of ElKulako/cryptobert
    Known("ElKulako/cryptobert", {"Bearish": "bearish", "Neutral": "neutral", "Bullish": "bullish"}, 128),
    # knows no neutral: see the model card of kk08/CryptoBERT
    Known("kk08/CryptoBERT", {"LABEL_0": "bearish", "LABEL_1": "bullish"}),
    # see the model card of ProsusAI/finbert
    Known("ProsusAI/finbert", {"negative": "bearish", "neutral": "neutral", "positive": "bullish"}),
    # see the model card of cardiffnlp/twitter-roberta-base-sentiment
    Known(
        "cardiffnlp/twitter-roberta-base-sentiment",
        {"LABEL_0": "bearish", "LABEL_1": "neutral", "LABEL_2": "bullish"},
    ),
)
