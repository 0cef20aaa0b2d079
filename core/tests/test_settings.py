"""A configuration is right or the key that is wrong is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Plan, Quotes, Settings, SettingsError
from feedmux.settings import Sandbox, load, settings_from, warnings


def read(tmp_path, text, **environ):
    file = tmp_path / "feedmux.toml"
    file.write_text(text)
    return load(file, environ)


def test_without_a_file_everything_has_its_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert load(environ={}) == Settings()


def test_what_the_file_says_is_taken(tmp_path):
    chosen = read(
        tmp_path,
        """
        [server]
        port = 9000
        [engine]
        deadline = 2.5
        sandbox = "auto"
        [providers.coin]
        enabled = false
        weight = 3
        base_url = "http://127.0.0.1:8080/coin"
        members = ["one"]
        """,
    )

    assert (chosen.server.port, chosen.engine.deadline, chosen.engine.sandbox) == (9000, 2.5, Sandbox.AUTO)
    coin = chosen.provider("coin")
    assert (coin.enabled, coin.weight, coin.base_url, coin.members) == (
        False,
        3.0,
        "http://127.0.0.1:8080/coin",
        ("one",),
    )
    assert chosen.provider("other").enabled


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nport = 70000", "server.port"),
        ("[server]\nport = 'x'", "server.port"),
        ("[server]\nprot = 1", "server.prot: is not known; did you mean port?"),
        ("[engine]\ndeadline = 0", "engine.deadline"),
        ("[engine]\ndeadline = nan", "engine.deadline"),
        ("[engine]\ndeadline = inf", "engine.deadline"),
        ("[engine]\ndedline = 5", "engine.dedline: is not known; did you mean deadline?"),
        ("[engine]\nsandbox = 'maybe'", "engine.sandbox"),
        ("[store]\nurl = 'ftp://x'", "store.url"),
        ("[providers.coin]\nweight = 0", "providers.coin.weight"),
        ("[providers.coin]\nweight = -1", "providers.coin.weight"),
        ("[providers.coin]\nbase_url = 'file:///etc/passwd'", "providers.coin.base_url"),
        ("[providers.coin]\nbase_url = 'https://user:pw@x.example'", "providers.coin.base_url"),
        ("[providers.coin]\napi_key = ''", "providers.coin.api_key"),
        ("[providers.coin]\napi_key = 5", "providers.coin.api_key"),
        ("[providers.coin]\nwieght = 1", "providers.coin.wieght: is not known; did you mean weight?"),
        ("[providers]\ncoin = 1", "providers.coin"),
        ("[servr]\nport = 1", "servr: is not known; did you mean server?"),
        ("server = 5", "server"),
        ("providers = 5", "providers"),
        ("[server", "is no TOML"),
    ],
)
def test_a_wrong_key_is_named_with_the_nearest(tmp_path, text, key):
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    assert key in refused.value.detail


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(SettingsError, match=str(tmp_path)):
        load(tmp_path / name, {})


def test_keys_come_from_the_environment_over_the_file(tmp_path):
    chosen = read(
        tmp_path,
        "[providers.my_coin]\napi_key = 'of the file'\nweight = 2",
        FEEDMUX_MY_COIN_API_KEY="of the environment",
        FEEDMUX_ADMIN_TOKEN="token",
        FEEDMUX_API_KEY="nobody's",
        FEEDMUX_OTHER_API_KEY="",
    )

    assert chosen.provider("my_coin").api_key.reveal() == "of the environment"
    assert chosen.provider("my_coin").weight == 2
    assert chosen.server.admin_token.matches("token")
    assert set(chosen.providers) == {"my_coin"}


def test_the_file_may_be_named_by_the_environment(tmp_path):
    (tmp_path / "mine.toml").write_text("[engine]\ndeadline = 9")

    assert load(environ={"FEEDMUX_CONFIG": str(tmp_path / "mine.toml")}).engine.deadline == 9


def test_a_section_for_a_provider_that_is_not_installed_is_a_warning(tmp_path):
    chosen = read(tmp_path, "[providers.coingeko]\nweight = 2")

    assert warnings(chosen, ["coingecko", "other"]) == [
        "providers.coingeko: no such provider is installed; did you mean coingecko?"
    ]


keys = st.sampled_from(["server", "engine", "providers", "store", "port", "weight", "x"])
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(keys, documents, max_size=4))
def test_whatever_stands_in_the_file_it_is_settings_or_an_error_that_says_where(document):
    try:
        chosen = settings_from(document, {"FEEDMUX_X_API_KEY": "k", "FEEDMUX_ADMIN_TOKEN": "t"})
    except SettingsError as refused:
        assert ":" in refused.detail
    else:
        assert isinstance(chosen, Settings)


async def test_a_plan_that_is_not_known_is_refused_with_the_nearest():
    chosen = settings_from({"providers": {"one": {"plan": "prro"}}}, {})
    with pytest.raises(SettingsError, match=r"providers\.one\.plan.*did you mean pro"):
        async with world({"one": (provider(plans={"pro": Plan()}), Remote())}, settings=chosen):
            pass


async def test_a_member_that_is_not_known_is_refused():
    chosen = settings_from({"providers": {"one": {"members": ["nobody"]}}}, {})
    with pytest.raises(SettingsError, match=r"providers\.one\.members: 'nobody' is not known"):
        async with world({"one": (provider(), Remote())}, settings=chosen):
            pass


async def test_a_base_url_replaces_all_declared_hosts_and_may_carry_a_path():
    remote = Remote()
    chosen = settings_from({"providers": {"one": {"base_url": "http://127.0.0.1:81/below/"}}}, {})
    two_hosts = provider(hosts=("https://a.example", "https://b.example"))
    async with world({"one": (two_hosts, remote)}, settings=chosen) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))

    assert [(call.host, call.path) for call in remote.calls] == [("http://127.0.0.1:81", "/below/quotes")]


async def test_the_operators_weight_is_the_weight():
    chosen = settings_from({"providers": {"one": {"weight": 30}}}, {})
    providers = {name: (provider(weight=10), Remote()) for name in ("one", "two")}
    async with world(providers, settings=chosen) as simulated:
        for n in range(40):
            await simulated.mux.get(Quotes([f"S{n}"]))

        assert simulated.order.count("one") == 30
