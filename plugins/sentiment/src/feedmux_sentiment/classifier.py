"""A fine-tuned model from a folder: tokenizer, transformer, softmax over its own labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feedmux_sentiment.known import Known
from feedmux_sentiment.reading import LABELS, Reading
from feedmux_sentiment.tokens import Tokens, in_batches

SPECIAL = 2
"""Positions that some architectures keep for themselves."""


class Classifier:
    """One of the known models. Raises where the folder is not that model, whole and undamaged."""

    def __init__(self, known: Known, folder: Path) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification

        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        if report["missing_keys"]:
            raise ValueError(f"lacks weights: {', '.join(sorted(report['missing_keys'])[:3])}")
        labels = [model.config.id2label[column] for column in range(model.config.num_labels)]
        if set(labels) != set(known.labels):
            raise ValueError(f"has the labels {sorted(labels)}, not {sorted(known.labels)}")
        self.name = known.repo
        self._columns = {known.labels[label]: column for column, label in enumerate(labels)}
        self._model = model.eval()
        limit = min(known.tokens, model.config.max_position_embeddings - SPECIAL)
        self._tokens = Tokens(folder, limit, model.config.vocab_size)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        return in_batches(texts, self._batch)

    def _batch(self, texts: list[str]) -> list[Reading]:
        import torch

        with torch.inference_mode():
            rows: list[list[float]] = self._model(**self._tokens(texts)).logits.softmax(-1).tolist()
        return [
            Reading(*(row[self._columns[label]] if label in self._columns else 0.0 for label in LABELS))
            for row in rows
        ]
