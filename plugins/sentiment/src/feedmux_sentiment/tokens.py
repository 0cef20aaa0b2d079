"""Texts as a model takes them: cut to its length, in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
BATCH = 8
"""Texts in one pass; more wait longer for each other and are read no faster."""


class Tokens:
    """A model's tokenizer, from its folder; `limit` tokens of a text at most.

    Raises ValueError where it lacks most of the model's words: without its file it would be made empty, and every
    word be unknown.
    """

    def __init__(self, folder: Path, limit: int, words: int) -> None:
        from transformers import AutoTokenizer

        self._limit = limit
        self._tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        if len(self._tokenizer) < words // 2:
            raise ValueError(f"its tokenizer knows {len(self._tokenizer)} words, the model {words}")

    def __call__(self, texts: Sequence[str]) -> Any:
        """Padded tensors; what is no valid Unicode is replaced."""
        valid = [text.encode(errors="replace").decode() for text in texts]
        return self._tokenizer(
            valid, padding=True, truncation=True, max_length=self._limit, return_tensors="pt"
        )


def in_batches(texts: Sequence[str], read: Callable[[list[str]], Sequence[T]]) -> list[T]:
    """What `read` gives for each text, in order; texts of like length go together, which pads least."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found: dict[int, T] = {}
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        found.update(zip(places, read([texts[place] for place in places]), strict=True))
    return [found[place] for place in range(len(texts))]
