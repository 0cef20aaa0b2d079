"""Plugins are loaded one by one: a broken one is set aside with the reason, and the rest is as if it were not there."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from textwrap import dedent

import pytest
from simulated.providers import provider

import feedmux
from feedmux import (
    Asked,
    Counts,
    Endpoint,
    InvalidQuery,
    Member,
    Plan,
    Quotes,
    Request,
    SettingsError,
    Terms,
    Window,
    hookimpl,
)
from feedmux.provider import API
from feedmux.registry import Registry

GOOD = """
    from feedmux import Endpoint, Limits, Provider, Quotes, Request, Terms
    provider = Provider(
        hosts=["https://api.example"],
        limits=Limits(weight=1),
        endpoints=[Endpoint(Quotes, lambda asked: Request("/q"), lambda body, asked: [], Terms(ttl=1))],
        health=Request("/health"),
        api={api},
    )
"""
WELL = dedent(GOOD).format(api=API)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution on sys.path whose entry point is `name`; its module is what is given."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def installed(name, module, *, group="feedmux.providers", attribute="provider", distribution=None):
        distribution = distribution or f"dist-{name}"
        own = f"{distribution.replace('-', '_')}_module"
        (tmp_path / f"{own}.py").write_text(dedent(module))
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {own}:{attribute}\n")

    yield installed
    for module in set(sys.modules) - before:
        sys.modules.pop(module)


ASKED = Asked(Quotes(["BTC"]), datetime(2026, 1, 1, tzinfo=UTC))


def loaded(*names):
    registry = Registry()
    registry.load_installed(frozenset(names))
    return registry


BROKEN = {
    "import error": ("import nothing_of_that_name", "import failed: ModuleNotFoundError"),
    "syntax error": ("def (", "import failed: SyntaxError"),
    "exits": ("raise SystemExit('bye')", "import failed: SystemExit: bye"),
    "any exception": ("class Odd(BaseException): pass\nraise Odd", "import failed: Odd"),
    "no attribute": ("", "import failed: AttributeError"),
    "wrong type": ("provider = 5", "it does not implement feedmux_limits"),
    "a class": ("class provider: pass", "it does not implement feedmux_limits"),
    "misspelt hook": (
        WELL + "from feedmux import hookimpl\n"
        "class Bad(Provider):\n    @hookimpl\n    async def feedmux_fetsh(self, asked, http): ...\n"
        "provider.__class__ = Bad\n",
        "feedmux_fetsh",
    ),
    "wrong signature": (
        WELL + "from feedmux import hookimpl\n"
        "class Bad(Provider):\n    @hookimpl\n    async def feedmux_fetch(self, query, http): ...\n"
        "provider.__class__ = Bad\n",
        "query",
    ),
    "wrapper": (
        WELL + "from feedmux import hookimpl\n"
        "class Bad(Provider):\n    @hookimpl(wrapper=True)\n    def feedmux_fetch(self, asked, http):\n"
        "        return (yield)\n"
        "provider.__class__ = Bad\n",
        "wrappers come only from extensions",
    ),
    "no limits": (
        WELL + "from feedmux import hookimpl\n"
        "class Bad(Provider):\n    @hookimpl\n    def feedmux_limits(self): return {'weight': 1}\n"
        "provider.__class__ = Bad\n",
        "feedmux_limits gives Limits",
    ),
    "limits that raise": (
        WELL + "from feedmux import hookimpl\n"
        "class Bad(Provider):\n    @hookimpl\n    def feedmux_limits(self): raise KeyError('weight')\n"
        "provider.__class__ = Bad\n",
        "KeyError",
    ),
    "weight of nothing": (WELL.replace("weight=1", "weight=0"), "weight: a positive number"),
    "newer interface": (dedent(GOOD).format(api=API + 1), f"written for interface {API + 1}"),
    "another's capability": (
        WELL.replace(
            "provider =",
            "from feedmux import Query, Quote\n"
            "class Prices(Query, frozen=True):\n    capability = 'quotes'\n    item = Quote\nQuotes = Prices\nprovider =",
        ),
        "capability 'quotes' of another class",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_set_aside_with_the_reason_and_the_rest_is_loaded(install, case):
    module, reason = BROKEN[case]
    install("before", WELL)
    install("broken", module)
    install("later", WELL)

    registry = loaded("before", "broken", "later")

    assert sorted(registry.providers) == ["before", "later"]
    (aside,) = registry.quarantined
    assert (aside.name, aside.distribution, aside.version) == ("broken", "dist-broken", "1.2")
    assert reason in aside.reason
    assert registry.serving()["quotes"] == list(registry.providers)


def test_what_was_half_registered_is_gone(install):
    install("broken", BROKEN["wrapper"][0])
    install("good", WELL)

    registry = loaded("broken", "good")

    assert [name for name, _ in registry._manager.list_name_plugin()] == ["good"]


def test_an_interrupt_is_the_operators_and_not_the_plugins(install):
    install("stopped", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        loaded("stopped")


def test_of_two_with_one_name_the_second_is_refused_and_both_are_named(install):
    install("same", WELL, distribution="first-one")
    install("same", WELL, distribution="other-one")

    registry = loaded("same")

    (aside,) = registry.quarantined
    names = {aside.distribution, registry.providers["same"].distribution}
    assert names == {"first-one", "other-one"}
    assert registry.providers["same"].distribution in aside.reason


@pytest.mark.parametrize("name", ["Upper", "with-dash", "9lives", "x" * 41])
def test_a_name_that_could_not_be_written_in_a_configuration_is_refused(install, name):
    install(name, WELL, distribution="odd")

    registry = loaded(name)

    assert registry.providers == {}
    assert "lower-case" in registry.quarantined[0].reason


def test_just_the_plugins_that_are_listed_are_loaded(install):
    install("one", WELL)
    install("two", WELL)

    assert sorted(loaded("two").providers) == ["two"]
    assert loaded().providers == {}


def test_a_broken_extension_is_set_aside_too(install):
    install("odd", "import nothing_of_that_name", group="feedmux.extensions", attribute="extension")
    install("good", WELL)

    registry = loaded("odd", "good")

    assert [aside.name for aside in registry.quarantined] == ["odd"]
    assert sorted(registry.providers) == ["good"]


def test_an_extension_may_wrap_every_provider_whenever_it_was_loaded(install):
    install("good", WELL)
    registry = loaded("good")
    seen = []

    class Watcher:
        @hookimpl(wrapper=True)
        def feedmux_request(self, asked):
            request = yield
            seen.append(request)
            return request

    registry.add_extension("watcher", Watcher())
    registry.calls("good").request(asked=ASKED)

    assert [request.path for request in seen] == ["/q"]


def test_a_provider_never_answers_for_another(install):
    install("one", WELL)
    install("two", WELL.replace('"/q"', '"/other"'))
    registry = loaded("one", "two")

    assert registry.calls("one").request(asked=ASKED).path == "/q"
    assert registry.calls("two").request(asked=ASKED).path == "/other"


def test_a_query_class_of_a_third_party_is_known_by_its_capability(install):
    install(
        "dice",
        """
        from typing import ClassVar
        from feedmux import Endpoint, Item, Limits, Provider, Query, Request, Terms

        class Roll(Item, frozen=True, kw_only=True):
            eyes: int

        class Dice(Query, frozen=True):
            sides: int = 6
            capability: ClassVar = "dice"
            item: ClassVar[type[Item]] = Roll

        provider = Provider(
            hosts=["https://dice.example"],
            limits=Limits(weight=1),
            endpoints=[Endpoint(Dice, lambda asked: Request("/roll"), lambda body, asked: [], Terms(ttl=1))],
            health=Request("/"),
        )
        """,
    )

    registry = loaded("dice")

    assert registry.queries["dice"].from_strings({"sides": ["20"]}).sides == 20
    assert registry.serving()["dice"] == ["dice"]
    with pytest.raises(InvalidQuery):
        registry.queries["dice"].from_strings({"sides": ["many"]})


def test_without_plugins_every_built_in_question_is_still_known():
    assert Registry().queries["quotes"] is Quotes


def test_a_plugin_registered_under_a_second_name_leaves_the_first_as_it_was():
    registry, plugin = Registry(), provider()
    registry.add_provider("first", plugin)
    registry.add_provider("second", plugin)

    assert list(registry.providers) == ["first"]
    assert "as first" in registry.quarantined[0].reason
    assert registry.calls("first").limits() is not None


def test_a_plan_that_cannot_be_is_named():
    registry = Registry()
    registry.add_provider("bad", provider(plans={"free": Plan(windows=(Window(0, per=60),))}))

    assert not registry.providers
    assert "plans[free].windows" in registry.quarantined[0].reason


def test_a_member_that_weighs_nothing_is_named():
    registry = Registry()
    registry.add_provider("bad", provider(members=(Member("m", ("https://m.example",), weight=0),)))

    assert "members[m].weight" in registry.quarantined[0].reason


def test_an_extension_registered_under_a_second_name_leaves_the_first_as_it_was():
    class Watcher:
        @hookimpl
        def feedmux_event(self, event): ...

    registry, extension = Registry(), Watcher()
    registry.add_extension("first", extension)
    registry.add_extension("second", extension)

    assert list(registry.extensions) == ["first"]
    assert registry.observes


def test_a_plan_that_one_of_its_members_cannot_follow_is_named():
    dear = Endpoint(Quotes, lambda asked: Request("/"), lambda body, asked: [], Terms(ttl=1, cost=50))
    small = Plan(windows=(Window(9, per=60, counts=Counts.COST),))
    registry = Registry()
    member = Member("m", ("https://m.example",), endpoints=(dear,))
    registry.add_provider("bad", provider(plans={"free": small}, members=(member,)))

    assert not registry.providers
    assert "members[m].serves[Quotes].cost" in registry.quarantined[0].reason


class Raising:
    @hookimpl
    def feedmux_transport(self, provider):
        raise RuntimeError("no tape")


class Odd:
    @hookimpl
    def feedmux_transport(self, provider):
        return "not a transport"


@pytest.mark.parametrize("extension", [Raising(), Odd()])
async def test_an_extension_that_fails_to_replace_the_network_never_leaves_it_in_place(extension):
    with pytest.raises(SettingsError, match="feedmux_transport"):
        async with feedmux.open(plugins={"one": provider()}, extensions={"tape": extension}):
            pass
