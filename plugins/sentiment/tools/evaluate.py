"""How often the shipped model is right, beside a constant answer and a word count: `python tools/evaluate.py SDIST`.

SDIST is the source archive of vaderSentiment 3.3.2, which carries texts rated by people:
`pip download --no-deps --no-binary :all: vaderSentiment==3.3.2`. Nothing of it was used to fit the head.
"""

from __future__ import annotations

import re
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from msgspec import Struct

from feedmux_sentiment.fit import LAYERS, fitted, sentences
from feedmux_sentiment.reading import LABELS, Label, Reading
from feedmux_sentiment.shipped import Encoder, Shipped, encoder_folder, head

SOURCES = {
    "tweets": "tweets",
    "editorials": "nytEditorialSnippets",
    "product reviews": "amazonReviewSnippets",
    "film reviews": "movieReviewSnippets",
}
RATED = 0.5
"""The mean rating, of -4 to 4, from which people call a text good or bad rather than neutral."""
SURE = 0.7
UP, DOWN = (
    frozenset(re.findall(r"\w+", words))
    for words in (
        """bull bullish up rise rises rising rose gain gains gained rally rallies surge surges surged soar soars
        soared jump jumps jumped record high higher buy buying strong growth grew profit profits beat beats win wins
        won approved good great best love happy""",
        """bear bearish down fall falls falling fell loss losses lost crash crashes crashed plunge plunges plunged
        sink sinks drop drops dropped low lower sell selling weak shrank fraud hack hacked miss misses missed ban
        bans banned bad terrible worst hate sad fear""",
    )
)
"""The words that the baseline counts; the model knows no such list."""


class Labelled(Struct, frozen=True):
    """A text and what people made of it."""

    text: str
    label: Label


def rated(archive: Path, name: str) -> list[Labelled]:
    """The texts of one source, with the label that their mean rating means."""
    with tarfile.open(archive) as outer:
        inner = next(member for member in outer if member.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=outer.extractfile(inner)) as data:
            file = data.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            if file is None:
                raise FileNotFoundError(name)
            lines = file.read().decode(errors="replace").splitlines()
    rows = [line.split("\t", 2) for line in lines if line.count("\t") >= 2]
    return [Labelled(text, meant(float(rating))) for _, rating, text in rows]


def meant(rating: float) -> Label:
    """The label of a mean rating."""
    if abs(rating) < RATED:
        return "neutral"
    return "bullish" if rating > 0 else "bearish"


def counted(text: str) -> Label:
    """The word-count baseline: more words of one list than of the other."""
    words = Counter(re.findall(r"[a-z]+", text.lower()))
    balance = sum(words[word] for word in UP) - sum(words[word] for word in DOWN)
    return "neutral" if balance == 0 else "bullish" if balance > 0 else "bearish"


def baselines(texts: Sequence[str], truth: Sequence[Label]) -> list[list[Label]]:
    """The most frequent label for all, and the word count."""
    most: Callable[[Label], int] = Counter(truth).__getitem__
    return [[max(LABELS, key=most)] * len(texts), [counted(text) for text in texts]]


def by_other_topics() -> tuple[list[Label], list[Label]]:
    """Our own sentences: their labels, and what heads fitted without their topic say."""
    own = sentences()
    vectors = Encoder(encoder_folder(), LAYERS).vectors([sentence.text for sentence in own])
    said: dict[int, Label] = {}
    for topic in {sentence.topic for sentence in own}:
        inside = [place for place, sentence in enumerate(own) if sentence.topic == topic]
        outside = [place for place, sentence in enumerate(own) if sentence.topic != topic]
        weight, bias = fitted(vectors[outside], [own[place].label for place in outside])
        best = (vectors[inside].double() @ weight.T + bias).argmax(1).tolist()
        said.update(zip(inside, (LABELS[column] for column in best), strict=True))
    return [sentence.label for sentence in own], [said[place] for place in range(len(own))]


def row(name: str, truth: Sequence[Label], answers: Sequence[Sequence[Label]]) -> str:
    """A line of the table: for each way of answering, the share that is right and the mean of that over labels."""
    cells = [f"{right(truth, said):.1%} ({balanced(truth, said):.1%})" for said in answers]
    return f"| {name} | {len(truth)} | {' | '.join(cells)} |"


def right(truth: Sequence[Label], said: Sequence[Label]) -> float:
    """The share of answers that are right."""
    return sum(map(str.__eq__, truth, said)) / len(truth)


def balanced(truth: Sequence[Label], said: Sequence[Label]) -> float:
    """The share that is right, averaged over the labels; a constant answer has a third."""
    hits = Counter(one for one, other in zip(truth, said, strict=True) if one == other)
    meant_so = Counter(truth)
    return sum(hits[label] / meant_so[label] for label in LABELS) / len(LABELS)


def confusion(name: str, truth: Sequence[Label], said: Sequence[Label]) -> str:
    """What was said (columns) of what people meant (rows)."""
    pairs = Counter(zip(truth, said, strict=True))
    lines = [f"| {name} | {' | '.join(LABELS)} |", "|---|---|---|---|"]
    lines += [f"| {label} | {' | '.join(str(pairs[label, other]) for other in LABELS)} |" for label in LABELS]
    return "\n".join(lines)


def main() -> None:
    """Print the table, then a confusion table for each source."""
    torch.set_num_threads(1)
    archive, read = Path(sys.argv[1]), Shipped(encoder_folder(), head()).read
    own_truth, own_said = by_other_topics()
    own = [sentence.text for sentence in sentences()]
    tables = [confusion("our sentences", own_truth, own_said)]
    print("| source | texts | shipped model | constant | word count |\n|---|---|---|---|---|")
    print(row("our sentences, by other topics", own_truth, [own_said, *baselines(own, own_truth)]))
    for title, name in SOURCES.items():
        texts = rated(archive, name)
        truth = [one.label for one in texts]
        readings: list[Reading] = read([one.text for one in texts])
        said = [reading.label for reading in readings]
        print(row(title, truth, [said, *baselines([one.text for one in texts], truth)]))
        sure = [place for place, reading in enumerate(readings) if reading.confidence >= SURE]
        hits = right([truth[place] for place in sure], [said[place] for place in sure])
        tables.append(confusion(title, truth, said))
        tables.append(f"Confidence {SURE} or more: {len(sure) / len(texts):.0%} of them, {hits:.1%} right.")
    print("", *tables, sep="\n\n")


if __name__ == "__main__":
    main()
