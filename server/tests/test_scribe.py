"""The log's own thread: who logs never waits, and what could not be written is counted and told."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from feedmux_server.scribe import ROOM, Scribe


class Sink:
    """What is written to; one that is shut holds its writer, one with a `fault` raises it."""

    def __init__(self) -> None:
        self.taken = b""
        self.open, self.called = Event(), Event()
        self.fault: OSError | None = None
        self.open.set()

    def __call__(self, text: bytes) -> int:
        self.called.set()
        assert self.open.wait(10)
        if self.fault is not None:
            raise self.fault
        self.taken += text
        return len(text)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def scribe(sink: Sink) -> Iterator[Scribe]:
    made = Scribe(sink, lambda lines: f"missing {lines}\n")
    yield made
    sink.open.set()
    made.close()


def waited(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold within a while."""
    pause = Event()
    return any(holds() or pause.wait(0.01) for _ in range(500))


def test_lines_come_in_their_order_and_all_before_the_end(sink: Sink, scribe: Scribe) -> None:
    for number in range(1000):
        scribe.write(f"{number}\n")
    scribe.close()
    assert sink.taken.decode().split() == [str(number) for number in range(1000)]


def test_while_nobody_reads_lines_wait_up_to_a_bound_and_what_is_beyond_is_told(
    sink: Sink, scribe: Scribe
) -> None:
    sink.open.clear()
    scribe.write("first\n")
    assert sink.called.wait(10)
    line = "x" * 1023 + "\n"
    for _ in range(ROOM // 1024 + 7):
        scribe.write(line)
    assert scribe.dropped == 7
    sink.open.set()
    scribe.close()
    assert sink.taken.decode() == "first\n" + line * (ROOM // 1024) + "missing 7\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EBADF, errno.EIO])
def test_what_cannot_be_written_ends_nothing_and_is_told_once_it_can(
    number: int, sink: Sink, scribe: Scribe
) -> None:
    sink.fault = OSError(number, "cannot")
    for lost in range(1, 4):
        scribe.write("lost\n")
        assert waited(lambda lost=lost: scribe.dropped == lost)  # type: ignore[misc]
    sink.fault = None
    scribe.write("well again\n")
    scribe.close()
    assert sink.taken == b"well again\nmissing 3\n"


def test_a_line_that_was_cut_off_runs_into_no_other() -> None:
    steps: list[int | OSError] = [4, OSError(errno.ENOSPC, "no space")]
    taken = bytearray()

    def disk(text: bytes) -> int:
        step = steps.pop(0) if steps else len(text)
        if isinstance(step, OSError):
            raise step
        taken.extend(text[:step])
        return step

    scribe = Scribe(disk, lambda lines: f"missing {lines}\n")
    scribe.write("a long line\n")
    assert waited(lambda: scribe.dropped == 1)
    scribe.write("next\n")
    scribe.close()
    assert taken == b"a lo\nnext\nmissing 1\n"


def test_the_end_waits_for_nobody_who_does_not_read(sink: Sink, scribe: Scribe) -> None:
    sink.open.clear()
    scribe.write("unread\n")
    scribe.close(patience=0.05)
    assert sink.taken == b""


def test_what_is_logged_amid_a_writing_of_the_same_thread_waits_for_nobody(sink: Sink) -> None:
    left, begun = 300, list[Scribe]()

    def interrupt(*_: object) -> object:
        """As the garbage collector does, between any two lines: tasks that it ends unfinished are logged."""
        nonlocal left
        if left and begun:
            left -= 1
            begun[0].write("amid\n")
        return interrupt

    def write() -> None:
        for _ in range(50):
            begun[0].write("line\n")

    before = threading.gettrace()
    threading.settrace(interrupt)  # type: ignore[arg-type]
    try:
        begun.append(Scribe(sink, lambda lines: f"missing {lines}\n"))
        writer = Thread(target=write, daemon=True)
        writer.start()
        writer.join(10)
    finally:
        threading.settrace(before)  # type: ignore[arg-type]
    assert not writer.is_alive()
    begun[0].close(10)
    assert sink.taken.count(b"line\n") == 50
    assert sink.taken.count(b"amid\n") == 300
