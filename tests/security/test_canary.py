"""Keys that anybody would recognise, in a whole server under faults: they reach the upstreams, and no one else."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from tests.system.distributions import environment
from tests.system.upstream import Upstream
from websockets.asyncio.client import connect

from feedmux import SettingsError
from feedmux.registry import Registry
from feedmux.settings import load, settings_from

from .parrot import Collector, Parrot

pytestmark = pytest.mark.anyio
KEYED: dict[str, str] = {"coingecko": "demo", "etherscan": "free"}
"""The providers that take a key, with the plan under which they do."""
TOKEN = "CANARY-admin/token+1=&x"
WORDS = {
    "symbol": "BTC",
    "symbols": "BTC,ETH",
    "coin_id": "bitcoin",
    "interval": "1h",
    "timeframe": "1h",
    "address": "0x" + "1" * 40,
    "capability": "gas",
    "name": "etherscan",
    "file": "etherscan.svg",
    "texts": "to the moon",
    "text": "to the moon",
    "asset": "ETH",
}
"""What each parameter of a route is given."""
COMMANDS = (
    "providers",
    "get gas",
    "explain quotes BTC",
    "record etherscan gas --directory cases",
)
STORE = "CANARY-store/pass+9"


def key_of(name: str) -> str:
    """A provider's key, with what an address, a header or a document writes in another way."""
    return f"CANARY-{name}/key+7=&%x"


def written(secret: str) -> set[bytes]:
    """A secret in every way in which something may write it."""
    plain = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    }
    whole = base64.b64encode(secret.encode()).decode()
    return {
        one.encode() for one in (*plain, whole[: len(whole) // 4 * 4 - 4], secret.encode().hex(), secret[:14])
    }


SECRETS = {one for name in KEYED for one in written(key_of(name))} | written(TOKEN) | written(STORE)


def leaks(shown: Mapping[str, bytes]) -> list[str]:
    """Where a secret is, with what stands around it."""
    return [
        f"{place}: …{text[max(0, at - 80) : at + 40]!r}"
        for place, text in shown.items()
        for secret in SECRETS
        if (at := text.find(secret)) >= 0
    ]


def configured(directory: Path, upstream: Upstream, collector: Collector | None = None) -> Path:
    """A configuration with every key, but for one that comes by the environment."""
    file = directory / "feedmux.toml"
    sections = [
        f'[server]\nadmin_token = "{TOKEN}"\nport = 9\nlog = "json"\n',
        f'otlp_endpoint = "{collector.url}"\n' if collector else "",
        f'decision_log = "{directory / "decisions"}"\n[engine]\ndeadline = 0.7\n',
        f'[store]\nurl = "sqlite:{directory / "state.db"}"\n',
    ]
    for name in plugins():
        sections.append(f'[providers.{name}]\nbase_url = "{upstream.base_url(name)}"\n')
        if name in KEYED:
            sections.append(f'plan = "{KEYED[name]}"\n')
        if name == "coingecko":
            sections.append(f'api_keys = ["{key_of(name)}", "{key_of(name)}-2"]\n')
    file.write_text("".join(sections))
    file.chmod(0o600)
    return file


def plugins() -> list[str]:
    """The installed providers that speak HTTP."""
    registry = Registry()
    registry.load_installed()
    return [name for name, one in registry.providers.items() if one.upstream.hosts or one.upstream.members]


def surroundings(directory: Path) -> dict[str, str]:
    chosen = environment(directory, plugins()) | {"FEEDMUX_ETHERSCAN_API_KEY": key_of("etherscan")}
    return chosen | {"OTEL_BSP_SCHEDULE_DELAY": "200"}


async def started(directory: Path, *words: str, given: Mapping[str, str]) -> asyncio.subprocess.Process:
    """`feedmux` with these words, as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "feedmux", "--config", str(directory / "feedmux.toml"), *words),
        env=given,
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(
    directory: Path, shown: dict[str, bytes], *words: str, given: Mapping[str, str]
) -> AsyncIterator[tuple[str, int]]:
    """A server, ended by SIGTERM; what it printed is then in `shown`."""
    process = await started(directory, "serve", "--port", "0", *words, given=given)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            told = await process.stdout.readline()
        if b"http" not in told:
            raise AssertionError(told + (await process.communicate())[1])
        yield told.split()[-1].decode(), process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(30):
            out, err = await process.communicate()
        shown |= {"stdout": told + out, "stderr": err}


def processes(pid: int) -> list[int]:
    """A process and all that it started."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(deeper for one in below for deeper in processes(int(one)))]


def paths(document: Mapping[str, Any]) -> Iterable[str]:
    """Each GET of an OpenAPI document with the words that it wants, and once more with all that it takes."""
    for path, operations in document["paths"].items():
        taken = operations.get("get", {}).get("parameters", [])
        for chosen in ([one for one in taken if one["required"]], taken):
            filled = re.sub(r"{(\w+)(?::\w+)?}", lambda found: WORDS.get(found[1], "x"), path)
            query = {
                one["name"]: WORDS[one["name"]]
                for one in chosen
                if one["in"] == "query" and one["name"] in WORDS
            }
            if "get" in operations:
                yield str(httpx.URL(filled, params=query)) if query else filled


async def asked_for_all(url: str, shown: dict[str, bytes], *tokens: str) -> None:
    """Every route that can be read, and every one that an operator may use, with each of the tokens."""
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:

        async def note(method: str, path: str, **how: Any) -> None:
            reply = await client.request(method, path, **how)
            shown[f"{len(shown)} {method} {path}"] = repr(reply.headers.raw).encode() + reply.content

        document = (await client.get("/docs/openapi.json")).json()
        for path in dict.fromkeys(
            [*paths(document), "/v1/gas?chain=polygon", "/v1/quotes?symbols=ETH&only=etherscan"]
        ):
            await note("GET", path)
        await note("GET", "/v1/explain/gas", params={"max_age": "0"})
        for token in tokens:
            for path, operations in document["paths"].items():
                if "post" in operations and ("admin" in path or "cache" in path):
                    filled = re.sub(r"{\w+(?::\w+)?}", "etherscan", path)
                    await note("POST", filled, headers={"authorization": f"Bearer {token}"})


async def listened(url: str, shown: dict[str, bytes]) -> None:
    """What both WebSockets say to somebody who subscribes."""
    for path in ("/ws", "/v1/stream"):
        async with connect(url.replace("http", "ws", 1) + path) as socket:
            for capability, params in (("gas", {}), ("quotes", {"symbols": ["ETH"]}), ("nothing", {})):
                await socket.send(
                    json.dumps({"type": "subscribe", "id": "1", "capability": capability, "params": params})
                )
            try:
                async with asyncio.timeout(1.5):
                    while True:
                        said = await socket.recv()
                        shown[f"{path} {len(shown)}"] = said.encode() if isinstance(said, str) else said
            except TimeoutError:
                continue


def told_by_the_system(pid: int, shown: dict[str, bytes], given: Mapping[str, str]) -> None:
    """What anybody may read of the processes, and what the server added to what its operator gave it."""
    for one in processes(pid):
        shown[f"cmdline of {one}"] = Path(f"/proc/{one}/cmdline").read_bytes()
        held = Path(f"/proc/{one}/environ").read_bytes().split(b"\0")
        own = [word for word in held if word not in {f"{n}={v}".encode() for n, v in given.items()}]
        shown[f"environ of {one}"] = b"\0".join(own)


async def test_the_installed_providers_that_take_a_key_are_those_named_here() -> None:
    registry = Registry()
    registry.load_installed()
    taking = {
        name
        for name, one in registry.providers.items()
        if one.upstream.key or any(plan.key for plan in one.upstream.plans.values())
    }
    assert taking == KEYED.keys()


async def test_no_key_is_in_anything_that_a_server_under_faults_says_or_writes(
    tmp_path: Path, upstream: Upstream
) -> None:
    shown: dict[str, bytes] = {}
    parrot, given = Parrot(), surroundings(tmp_path)
    for name in plugins():
        upstream.fails(name, parrot)
    async with Collector() as collector:
        configuration = configured(tmp_path, upstream, collector)
        async with serving(tmp_path, shown, given=given) as (url, pid):
            for tokens in ((TOKEN[:-1], TOKEN), (TOKEN,)):
                await asked_for_all(url, shown, *tokens)
                await listened(url, shown)
            told_by_the_system(pid, shown, given)
            configuration.write_text(
                configuration.read_text().replace("deadline = 0.7", f'deadline = "{TOKEN}"')
            )
            os.kill(pid, signal.SIGHUP)
            await asked_for_all(url, shown, TOKEN)
        shown["traces"] = b"".join(collector.got)
    shown |= {
        str(file): file.read_bytes()
        for file in tmp_path.rglob("*")
        if file.is_file() and file != configuration
    }
    heard = " ".join(parrot.heard)
    assert [name for name in KEYED if key_of(name) not in heard] == []
    assert len(shown) > 100
    for place in (
        "stderr",
        "traces",
        str(tmp_path / "decisions"),
        str(tmp_path / "state.db"),
    ):
        assert shown[place], place
    assert b"not reloaded" in shown["stderr"]
    assert b"2500.0" in b"".join(shown.values())
    assert leaks(shown) == []


async def told_by(directory: Path, words: str, given: Mapping[str, str]) -> bytes:
    """All that a command prints."""
    process = await started(directory, *words.split(), given=given)
    async with asyncio.timeout(60):
        return b"".join(await process.communicate())


async def test_no_key_is_in_what_a_command_prints_or_in_a_case_that_it_records(
    tmp_path: Path, upstream: Upstream
) -> None:
    parrot, given = Parrot(), surroundings(tmp_path)
    for name in plugins():
        upstream.fails(name, parrot)
    configured(tmp_path, upstream)
    shown = {"first": await told_by(tmp_path, "record coingecko trending --directory cases", given)}
    told = await asyncio.gather(*(told_by(tmp_path, words, given) for words in COMMANDS))
    shown |= dict(zip(COMMANDS, told, strict=True))
    cases = list((tmp_path / "cases").glob("*.json"))
    assert len(cases) == 2, shown["first"].decode()
    assert [name for name in KEYED if key_of(name) not in " ".join(parrot.heard)] == []
    assert leaks(shown | {str(case): case.read_bytes() for case in cases}) == []


WRONG = {
    "a list": f'[providers.etherscan]\napi_key = ["{key_of("etherscan")}"]\n',
    "an open quote": f'[providers.etherscan]\napi_key = "{key_of("etherscan")}\n',
    "a table": f'[server]\nadmin_token = {{ is = "{TOKEN}" }}\n',
    "a provider that takes none": f'[providers.news]\napi_key = "{key_of("etherscan")}"\n[providers.news]\n',
    "a store whose password is not written as in an address": f'[store]\nurl = "valkey://a:{STORE}@127.0.0.1:9/0"\n',
    "no store": f'[store]\nurl = "nothing://keeper:{STORE}@127.0.0.1:9/0"\n',
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_configuration_that_is_wrong_is_told_without_its_keys(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "feedmux.toml"
    file.write_text(wrong)
    with pytest.raises(SettingsError) as raised:
        load(file, {})
    assert leaks({"told": "".join(traceback.format_exception(raised.value)).encode()}) == []


async def test_a_store_s_password_is_told_neither_where_it_cannot_be_reached_nor_in_its_settings(
    tmp_path: Path,
) -> None:
    (tmp_path / "feedmux.toml").write_text("")
    url = f"valkey://keeper:{quote(STORE, safe='')}@127.0.0.1:9/0"
    told = await told_by(tmp_path, "serve --port 0", environment(tmp_path, []) | {"FEEDMUX_STORE_URL": url})
    assert b"store.url" in told
    settings = settings_from({"store": {"url": url}}, {})
    assert leaks({"told": told, "settings": repr(settings).encode()}) == []


async def test_no_key_is_in_the_list_of_processes_or_handed_on_to_workers(
    tmp_path: Path, upstream: Upstream
) -> None:
    shown: dict[str, bytes] = {}
    given = environment(tmp_path, plugins())
    configuration = configured(tmp_path, upstream)
    own = f'plan = "free"\napi_key = "{key_of("etherscan")}"\n'
    configuration.write_text(configuration.read_text().replace('plan = "free"\n', own))
    async with serving(tmp_path, shown, "--workers", "2", given=given) as (_, pid):
        told_by_the_system(pid, shown, given)
    assert len(shown) == 2 * 3 + 2
    assert leaks(shown) == []
