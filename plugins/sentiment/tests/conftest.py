"""Models written to disk for a test: the real architecture and tokenizer, a few random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = (
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    "price", "rises", "falls", "waits", "the", "a", "coin", "is", "up", "down", "and",
)  # fmt: skip
POSITIONS = 16


@pytest.fixture
def write_model() -> Callable[..., Path]:
    """Writes a model with these labels to a folder; always the same weights."""
    return _written


def _written(folder: Path, labels: tuple[str, ...], *, classifies: bool = True) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=POSITIONS,
        id2label=dict(enumerate(labels)),
        label2id={label: column for column, label in enumerate(labels)},
    )
    torch.manual_seed(7)
    model: Any = (BertForSequenceClassification if classifies else BertModel)(config)
    model.save_pretrained(folder)
    BertTokenizerFast(vocab={word: place for place, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder
