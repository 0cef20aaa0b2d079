"""The provider through the engine: batches, one thread, a bounded line, errors."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import pytest

pytest.importorskip("torch", reason="torch is not installed; make install-sentiment brings it")

import feedmux
from feedmux import NoProvider, RateLimited, Sentiment, UpstreamDown
from feedmux.clock import SystemClock
from feedmux_sentiment import SentimentProvider, provider
from feedmux_sentiment.reading import Model, Reading
from feedmux_sentiment.worker import PLACES, Worker

UP = Reading(bearish=0.1, neutral=0.2, bullish=0.7)


class Fake:
    """A model that remembers what it was given and where, and can be held up."""

    name = "fake"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.free = threading.Event()
        self.free.set()

    def read(self, texts: Sequence[str]) -> list[Reading]:
        self.free.wait(10)
        self.batches.append(list(texts))
        self.threads.add(threading.current_thread().name)
        return [UP for _ in texts]


async def _asked(load: Callable[[], Model], *questions: Sentiment) -> list[feedmux.Answer]:
    plugins = {"sentiment": SentimentProvider(load)}
    async with feedmux.open(feedmux.Settings(), plugins=plugins) as mux:
        return list(await asyncio.gather(*(mux.get(question) for question in questions)))


def test_an_answer_says_label_score_confidence_and_model() -> None:
    (answer,) = asyncio.run(_asked(Fake, Sentiment(["wagmi"])))
    (item,) = answer.items
    assert (item.text, item.label, item.score, item.confidence) == ("wagmi", "bullish", 0.8, 0.7)
    assert (item.model, item.provider) == ("fake", "sentiment")
    assert not answer.sandbox


def test_callers_at_once_share_batches_of_32_on_one_thread() -> None:
    fake = Fake()
    questions = [Sentiment([f"text {number}"]) for number in range(70)]
    answers = asyncio.run(_asked(lambda: fake, *questions))
    assert [answer.items[0].text for answer in answers] == [f"text {number}" for number in range(70)]
    assert sorted(map(len, fake.batches)) == [6, 32, 32]
    assert len(fake.threads) == 1
    assert not any("MainThread" in name for name in fake.threads)


def test_the_model_is_loaded_once_and_not_before_the_first_question() -> None:
    loads: list[str] = []

    def load() -> Model:
        loads.append(threading.current_thread().name)
        return Fake()

    async def run() -> None:
        async with feedmux.open(feedmux.Settings(), plugins={"sentiment": SentimentProvider(load)}) as mux:
            assert loads == []
            await mux.get(Sentiment(["one"]))
            await mux.get(Sentiment(["two"]))

    asyncio.run(run())
    assert len(loads) == 1
    assert loads[0].startswith("feedmux-sentiment")


def test_a_model_that_could_not_be_loaded_is_tried_again_at_the_next_question() -> None:
    outcomes: list[Exception | None] = [UpstreamDown("no model can be loaded"), None]

    def load() -> Model:
        if (error := outcomes.pop(0)) is not None:
            raise error
        return Fake()

    async def run() -> str:
        async with feedmux.open(feedmux.Settings(), plugins={"sentiment": SentimentProvider(load)}) as mux:
            with pytest.raises(NoProvider, match="upstream-down"):
                await mux.get(Sentiment(["one"]))
            return (await mux.get(Sentiment(["one"]))).items[0].model

    assert asyncio.run(run()) == "fake"


def test_past_its_places_the_line_is_full_and_says_when_to_come_back() -> None:
    fake = Fake()
    fake.free.clear()

    async def run() -> None:
        worker = Worker(lambda: fake)
        jobs = [asyncio.create_task(worker.read([str(number)])) for number in range(PLACES)]
        await SystemClock().sleep(0.01)
        with pytest.raises(RateLimited) as refused:
            await worker.read(["one too many"])
        assert refused.value.retry_after == 1.0
        fake.free.set()
        await asyncio.gather(*jobs)
        assert (await worker.read(["again"]))[1] == [UP]

    asyncio.run(run())


def test_who_leaves_the_line_is_never_read_and_frees_the_place() -> None:
    fake = Fake()
    fake.free.clear()

    async def run() -> None:
        worker = Worker(lambda: fake)
        jobs = [asyncio.create_task(worker.read([str(number)])) for number in range(PLACES)]
        await SystemClock().sleep(0.01)
        jobs[-1].cancel()
        await SystemClock().sleep(0.01)
        late = asyncio.create_task(worker.read(["late"]))
        fake.free.set()
        await late
        assert [batch[0] for batch in fake.batches] == ["0", "1", "2", "late"]

    asyncio.run(run())


def test_the_event_loop_goes_on_while_the_model_reads() -> None:
    fake = Fake()
    fake.free.clear()

    async def run() -> None:
        reading = asyncio.create_task(Worker(lambda: fake).read(["text"]))
        await SystemClock().sleep(0.01)
        assert not reading.done()
        fake.free.set()
        await reading

    asyncio.run(run())


def test_the_installed_provider_answers_with_the_shipped_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEEDMUX_SENTIMENT_DOWNLOAD", raising=False)

    async def run() -> feedmux.Answer:
        async with feedmux.open(feedmux.Settings(), plugins={"sentiment": provider}) as mux:
            return await mux.get(
                Sentiment(["Ether gains as buyers return", "Ether drops as buyers flee"]), deadline=60
            )

    good, bad = asyncio.run(run()).items
    assert (good.label, bad.label) == ("bullish", "bearish")
    assert good.score > 0.5 > bad.score


def test_importing_the_plugin_does_not_import_torch() -> None:
    code = "import sys, feedmux_sentiment; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
