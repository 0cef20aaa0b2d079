"""A key travels to its upstream and nowhere else."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import pytest
from simulated.engine import world
from simulated.providers import provider, quotes_request
from simulated.remote import Remote, broken, in_turn, refusal

from feedmux import Endpoint, FeedmuxError, Key, Quote, Quotes, SettingsError, Terms
from feedmux.secret import Secret
from feedmux.settings import settings_from
from feedmux.transport import Incoming

CANARY = "CANARY-3f9a-do-not-print"
KEYED = {"providers": {"one": {"api_key": CANARY}}, "server": {"admin_token": CANARY}}


def test_a_secret_shows_in_no_form():
    secret = Secret(CANARY)

    for shown in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r}",
        f"{secret}",
        repr([secret]),
        secret.fingerprint,
    ):
        assert CANARY not in shown
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_neither_encoded_nor_pickled():
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            encode(Secret(CANARY))


def test_secrets_compare_by_what_they_hold():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a").matches("a")
    assert not Secret("a").matches("b")
    assert len(Secret(CANARY).fingerprint) == 4


def test_settings_do_not_show_their_keys():
    assert CANARY not in repr(settings_from(KEYED, {}))


@pytest.mark.parametrize(
    "document",
    [{"providers": {"one": {"api_key": CANARY, "weight": "x"}}}, {"server": {"admin_token": [CANARY]}}],
)
def test_an_error_in_the_configuration_does_not_show_them_either(document):
    with pytest.raises(SettingsError) as refused:
        settings_from(document, {})
    assert CANARY not in str(refused.value)


def echo(call):
    """An upstream that repeats what it was sent, key and all, in its refusal."""
    return Incoming(401, {}, f"{call.headers.get('x-key')} {call.secret_params}".encode())


@pytest.mark.parametrize("key", [Key(header="X-Key"), Key(param="apikey")])
@pytest.mark.parametrize(
    "script",
    [
        None,
        in_turn(broken()),
        in_turn(refusal(5)),
        in_turn(Incoming(200, {}, b"<html>")),
        echo,
    ],
    ids=["answers", "is down", "refuses", "says junk", "repeats the key"],
)
async def test_no_event_error_status_or_log_line_holds_the_key(key, script, capsys):
    remote = Remote(script=script)
    async with world({"one": (provider(key=key), remote)}, settings=settings_from(KEYED, {})) as simulated:
        said = []
        for _ in range(3):
            try:
                said.append(repr(await simulated.mux.explain(Quotes(["BTC"]))))
            except FeedmuxError as error:
                said += [repr(error), str(error), error.detail, repr(error.trace), repr(error.__cause__)]
            await simulated.mux.clock.sleep(11)
        said += [repr(simulated.events), repr(simulated.mux.providers()), repr(simulated.mux.ledger())]
        said += [repr(simulated.mux.settings), repr(simulated.mux.stats), repr(vars(simulated.mux))]
    said += capsys.readouterr()

    assert CANARY not in "".join(said)
    sent = remote.calls[0]
    assert CANARY in "".join(sent.headers.values()) + sent.secret_params
    assert CANARY not in sent.path + sent.host + repr(sent.params)


def builtins_called(work: Callable[[], object]) -> list[str]:
    """The names of the built-in functions that it calls, in order."""
    called = []

    def heard(_: object, event: str, what: object) -> None:
        if event == "c_call":
            called.append(getattr(what, "__name__", ""))

    before = sys.getprofile()
    sys.setprofile(heard)
    try:
        work()
    finally:
        sys.setprofile(before)
    return called[:-1]  # the last is what ended the listening


def test_every_wrong_text_goes_the_same_way_two_digests_and_one_comparison():
    secret = Secret(CANARY)
    wrong = ["", "C", CANARY[:-1], CANARY + "x", "x" * 10_000, "é", "\ud800", CANARY.lower()]
    ways = {tuple(builtins_called(lambda text=text: secret.matches(text))) for text in [*wrong, CANARY]}

    assert not any(secret.matches(text) for text in wrong)
    assert secret.matches(CANARY)
    (way,) = ways
    assert (way.count("openssl_sha256"), way.count("compare_digest"), way[-1]) == (2, 1, "compare_digest")


def naming(body, asked):
    """Takes all that came for the asset's name."""
    return [Quote(symbol=symbol, price=1.0, name=body.decode()) for symbol in asked.query.symbols]


@pytest.mark.parametrize(
    ("key", "name"),
    [(CANARY, "coin of ***"), ("sk/live+0001", "coin of ***"), ("coin", "coin of coin")],
    ids=["a key", "a key that addresses write in another way", "a key that may be a word"],
)
async def test_an_answer_that_repeats_the_key_is_served_without_it(key, name):
    remote = Remote(script=lambda call: Incoming(200, {}, f"coin of {quote(key, safe='')}".encode()))
    one = provider(Endpoint(Quotes, quotes_request, naming, Terms(ttl=1)), key=Key(header="X-Key"))
    keyed = settings_from({"providers": {"one": {"api_key": key}}}, {})
    async with world({"one": (one, remote)}, settings=keyed) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC"]))

    assert answer.items[0].name == name
