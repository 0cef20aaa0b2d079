"""The model that needs no download: the head, its sentences, and how it reads."""

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="torch is not installed; make install-sentiment brings it")

import torch

from feedmux_sentiment import fit, shipped
from feedmux_sentiment.reading import LABELS
from feedmux_sentiment.shipped import Shipped, encoder_folder, head


@pytest.fixture(scope="module")
def model() -> Shipped:
    torch.set_num_threads(1)
    return shipped.load()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Bitcoin climbs to its highest price ever as demand grows", "bullish"),
        ("Hackers stole millions and the token collapsed", "bearish"),
        ("The conference takes place in Singapore in October", "neutral"),
    ],
)
def test_plain_sentences_that_it_was_not_fitted_on_are_read_rightly(
    model: Shipped, text: str, label: str
) -> None:
    assert text not in [sentence.text for sentence in fit.sentences()]
    assert model.read([text])[0].label == label


def test_the_same_text_is_read_the_same_alone_and_in_company(model: Shipped) -> None:
    texts = [sentence.text for sentence in fit.sentences()[:40]]
    alone = [model.read([text])[0] for text in texts]
    together = model.read(texts)
    assert [one.label for one in together] == [one.label for one in alone]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-4)


def test_only_the_first_256_tokens_are_read(model: Shipped) -> None:
    start = "Prices rise. " * 200
    assert model.read([start]) == model.read([start + "Everything crashes. " * 200])


def test_the_sentences_are_distinct_and_balanced() -> None:
    sentences = fit.sentences()
    labels = [sentence.label for sentence in sentences]
    assert len({sentence.text for sentence in sentences}) == len(sentences) >= 600
    assert [labels.count(label) for label in LABELS] == [len(labels) // 3] * 3


def test_fitting_again_gives_the_head_that_is_shipped() -> None:
    torch.set_num_threads(1)
    again, there = fit.fitted_head(encoder_folder()), head()
    assert (again.encoder_sha256, again.layers) == (there.encoder_sha256, there.layers)
    for row, other in zip((*again.weight, again.bias), (*there.weight, there.bias), strict=True):
        assert row == pytest.approx(other, abs=1e-3)


def test_an_encoder_other_than_the_heads_is_refused() -> None:
    foreign = msgspec.structs.replace(head(), encoder_sha256="0" * 64)
    with pytest.raises(ValueError, match="not those that the head was fitted on"):
        Shipped(encoder_folder(), foreign)


def test_an_encoder_without_weights_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Shipped(tmp_path, head())
