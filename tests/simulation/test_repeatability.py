"""A run is its seed: the same one gives the same events, to the last digit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import simulated
from msgspec import json
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote, broken, refusal
from simulated.windows import Sliding

from feedmux import Gas, Quotes, Terms, Window, virtual
from feedmux.clock import Chance


def event_log(seed):
    async def main():
        chance = Chance(seed)
        dice = chance.generator("faults")
        serves = (endpoint(Quotes, Terms(ttl=2, batch=4)), endpoint(Gas, Terms(ttl=2)))
        limits = {"windows": (Window(20, 10),)}
        providers = {
            name: (
                provider(*serves, limits=limits),
                Remote(
                    Sliding(20, 10),
                    delays=(0.05, 0.9),
                    chance=chance.generator(name),
                    script=lambda call: dice.choice([None, None, None, broken(), refusal(3)]),
                ),
            )
            for name in ("one", "two", "three", "four")
        }
        async with world(providers, seed=seed) as simulated:
            callers = Callers(
                simulated.mux, lambda n: Gas(f"{n}") if n % 3 else Quotes([f"A{n % 50}", "BTC"])
            )
            await callers.at_random(10, 60, chance.generator("callers"))
            await simulated.mux.clock.sleep(1)
            return [json.encode(event) for event in simulated.events]

    return virtual.run(main())


def digest(log):
    return hashlib.sha256(b"\n".join(log)).hexdigest()


def test_the_same_seed_gives_the_same_event_log():
    log = event_log(42)

    assert len(log) > 1000
    assert digest(log) == digest(event_log(42))


def test_another_seed_gives_another():
    assert digest(event_log(42)) != digest(event_log(43))


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_order_of_sets_in_another_process_changes_nothing(hash_seed):
    program = "import test_repeatability as t; print(t.digest(t.event_log(42)))"
    paths = [str(Path(__file__).parent), str(Path(simulated.__file__).parent.parent)]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(paths)}

    there = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert there.stdout.strip() == digest(event_log(42))
