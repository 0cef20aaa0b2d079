"""Every outage of every provider in turn, seed after seed: what callers see of it.

Not collected: `PYTHONPATH=core/tests/support python -m tests.faults.outages --seeds 20`. Four providers, ten questions a
second for three minutes of virtual time; one of the four is ill for the last two of them. Nothing is in the cache when a
question comes, but where a provider lies: a lie is known by what was said before. Ends with 1 where a wrong price was
answered or less than 99.99 % were answered fresh.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Call, Remote, body, broken, refusal

from feedmux import Answer, BadPayload, Quotes, Terms, UpstreamDown, UpstreamTimeout, virtual
from feedmux.clock import Chance
from feedmux.transport import Incoming

WEIGHTS = {"north": 40, "east": 30, "south": 20, "west": 10}
WELL, ILL = 60.0, 120.0
PER_SECOND = 10
GOAL = 0.9999
LIE = 3.0
PRICE = 100.0

SCRIPTS: dict[str, Callable[[Call], Any]] = {
    "refuses for 5 s": lambda call: refusal(5),
    "refuses for 2 min": lambda call: refusal(120),
    "answers 500": lambda call: broken(),
    "answers a page": lambda call: Incoming(200, {}, b"<html>we will be back</html>"),
    "answers nothing": lambda call: body({"prices": {}}),
    "breaks connections": lambda call: UpstreamDown("broke the connection"),
    "cannot be reached": lambda call: UpstreamDown("cannot be reached", sent=False),
    "times out": lambda call: UpstreamTimeout("did not answer in time"),
    "sends too much": lambda call: BadPayload("the body is larger than 16777216 bytes"),
    "gives words for numbers": lambda call: body({"prices": dict.fromkeys(call.symbols, "a lot")}),
    "lies": lambda call: body({"prices": dict.fromkeys(call.symbols, LIE * PRICE)}),
}
DELAYS = {"hangs": (1e6, 1e6), "takes 3 s": (3.0, 3.0)}
FAULTS = (*SCRIPTS, *DELAYS)


class Judges(Callers):
    """Callers who know the price."""

    wrong = 0

    def heard(self, answer: Answer[Any]) -> None:
        self.wrong += any(item.price != PRICE for item in answer.items)


async def lived(seed: int, fault: str, ill: str) -> tuple[Counter[str], float, int]:
    """How questions ended while it was ill, the longest of them in seconds, and wrong prices."""
    chance = Chance(seed)
    lying = fault == "lies"
    fleet = {
        name: (
            provider(endpoint(Quotes, Terms(ttl=2, batch=5)), weight=weight),
            Remote(chance=chance.generator(name)),
        )
        for name, weight in WEIGHTS.items()
    }
    async with world(fleet, observed=False, seed=seed) as simulated:
        for _, remote in fleet.values():
            remote.script = lambda call: body({"prices": dict.fromkeys(call.symbols, PRICE)})
        callers = Judges(simulated.mux, lambda n: Quotes([f"S{n % 40 if lying else n}"]))
        await callers.at_random(PER_SECOND, WELL, chance.generator("callers"))
        before, callers.longest = callers.ended.copy(), 0.0
        remote = fleet[ill][1]
        remote.script, remote.delays = SCRIPTS.get(fault, remote.script), DELAYS.get(fault, remote.delays)
        await callers.at_random(PER_SECOND, ILL, chance.generator("callers/ill"))
        ended, longest = callers.ended - before, callers.longest
    return ended, longest, callers.wrong


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args(given).seeds
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    everything, lies = Counter[str](), 0
    for fault in FAULTS:
        ended, longest = Counter[str](), 0.0
        for ill in WEIGHTS:
            for seed in range(seeds):
                some, took, wrong = virtual.run(lived(seed, fault, ill))
                ended, longest, lies = ended + some, max(longest, took), lies + wrong
        everything += ended
        print(
            f"{fault:24} {ended.total():8,} questions, {dict(ended)}, the longest took {longest:.2f} s",
            flush=True,
        )
    share = everything["fresh"] / everything.total()
    print(f"{everything.total():,} questions, {share:.4%} answered fresh, {lies} wrong prices")
    return 0 if share >= GOAL and not lies else 1


if __name__ == "__main__":
    sys.exit(main())
