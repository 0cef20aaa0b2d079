"""Fits the shipped head on `sentences.csv` and writes it: `python -m feedmux_sentiment.fit [FILE]`.

The same sentences and the same encoder give the same head: the loss is convex and is minimised to the last digit
that is written. Nothing here runs while questions are answered.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from feedmux_sentiment.reading import LABELS, Label
from feedmux_sentiment.shipped import HEAD, Encoder, Head, digest, encoder_folder

LAYERS = 4
"""Of six: best when sentences on a topic are read by a head fitted on the other topics, and a third cheaper."""
PENALTY = 3e-4
"""On the squared weights: chosen in the same way."""
DIGITS = 4


class Sentence(Struct, frozen=True):
    """A sentence of ours and how bullish we meant it; sentences of one topic share words."""

    topic: str
    label: Label
    text: str


def sentences() -> list[Sentence]:
    """The sentences that the head is fitted on."""
    text = resources.files(__package__).joinpath("sentences.csv").read_text(encoding="utf-8")
    return msgspec.convert(list(csv.DictReader(text.splitlines())), list[Sentence])


def fitted(vectors: Any, labels: Sequence[Label]) -> tuple[Any, Any]:
    """Weight and bias of the multinomial logistic regression with an L2 penalty, in double precision."""
    import torch

    points = vectors.double()
    wanted = torch.tensor([LABELS.index(label) for label in labels])
    weight = torch.zeros(len(LABELS), points.shape[1], dtype=torch.double, requires_grad=True)
    bias = torch.zeros(len(LABELS), dtype=torch.double, requires_grad=True)
    descent = torch.optim.LBFGS(
        [weight, bias],
        max_iter=1000,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Any:
        descent.zero_grad()
        value = torch.nn.functional.cross_entropy(points @ weight.T + bias, wanted)
        value = value + PENALTY * (weight**2).sum()
        value.backward()  # type: ignore[no-untyped-call,unused-ignore]
        return value

    descent.step(loss)  # type: ignore[no-untyped-call,unused-ignore]
    return weight.detach(), bias.detach()


def fitted_head(folder: Path) -> Head:
    """The head for the encoder in that folder."""
    learnt = sentences()
    vectors = Encoder(folder, LAYERS).vectors([sentence.text for sentence in learnt])
    weight, bias = fitted(vectors, [sentence.label for sentence in learnt])
    rounded = {
        "encoder_sha256": digest(folder),
        "layers": LAYERS,
        "weight": [[round(value, DIGITS) for value in row] for row in weight.tolist()],
        "bias": [round(value, DIGITS) for value in bias.tolist()],
    }
    return msgspec.convert(rounded, Head)


def main() -> None:
    """Write the head to FILE, by default where the package reads it."""
    import torch

    torch.set_num_threads(1)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name(HEAD)
    target.write_bytes(msgspec.json.encode(fitted_head(encoder_folder())) + b"\n")


if __name__ == "__main__":
    main()
