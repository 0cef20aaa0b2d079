"""Which model answers: the best of the known ones that is at hand and whole, else the shipped one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import structlog

from feedmux import UpstreamDown
from feedmux.errors import described
from feedmux_sentiment import shipped
from feedmux_sentiment.classifier import Classifier
from feedmux_sentiment.known import KNOWN, Known
from feedmux_sentiment.reading import Model
from feedmux_sentiment.shelf import DOWNLOAD, FOLDER, Shelf

THREADS = 1
"""Of torch; a second one fights the event loop for its core and the two are slower than one."""
_log = structlog.get_logger("feedmux.sentiment")


class NotAtHand(Exception):
    """A model is not on this machine."""


def load(shelf: Shelf, fallback: Callable[[], Model] = shipped.load) -> Model:
    """The first model that loads and reads a sentence. Raises UpstreamDown where none does.

    Call it on the thread that will use the model. It says in the log why a model was passed over.
    """
    _prepare_torch()
    passed_over: list[str] = []
    for name, make in _in_order(shelf, fallback):
        try:
            model = make()
            model.read(["ready?"])
        except NotAtHand:
            passed_over.append(f"{name}: not on this machine")
        except Exception as error:  # noqa: BLE001 - the files are foreign, and so is what reading them raises
            passed_over.append(f"{name}: {type(error).__name__}")
            _log.warning("model passed over", model=name, reason=described(error))
        else:
            _log.info("model loaded", model=name, passed_over=passed_over)
            return model
    raise UpstreamDown(
        f"no model can be loaded ({'; '.join(passed_over)}): reinstall feedmux-sentiment, or put a model below "
        f"{FOLDER}, or allow downloads with {DOWNLOAD}=1",
        sent=False,
    )


def _in_order(shelf: Shelf, fallback: Callable[[], Model]) -> Iterator[tuple[str, Callable[[], Model]]]:
    for known in KNOWN:
        yield known.repo, partial(_from_shelf, known, shelf)
    yield shipped.NAME, fallback


def _from_shelf(known: Known, shelf: Shelf) -> Model:
    folder = shelf.find(known.repo)
    if folder is None:
        raise NotAtHand(known.repo)
    return Classifier(known, folder)


def _prepare_torch() -> None:
    import torch
    from transformers.utils import logging

    torch.set_num_threads(THREADS)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call,unused-ignore]
