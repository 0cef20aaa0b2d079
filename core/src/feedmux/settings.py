"""The operator's configuration: one immutable value, read from a TOML file and the environment."""

from __future__ import annotations

import difflib
import enum
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import structlog
from msgspec import Meta, Struct, field

from feedmux.errors import SettingsError
from feedmux.secret import Secret

DEFAULT_FILE = "feedmux.toml"
S = TypeVar("S", bound=Struct)
_SECRETS = frozenset({"api_key", "api_keys", "admin_token", "password"})
_KEY_VARIABLE = re.compile(r"FEEDMUX_([A-Z0-9_]+)_API_(KEYS?)")

_log = structlog.get_logger("feedmux.settings")


class Sandbox(enum.Enum):
    """Whether answers come from the sandbox: never, always, or only where no upstream answers at start."""

    OFF = "off"
    AUTO = "auto"
    ON = "on"


class LogForm(enum.Enum):
    """How the server writes its log: JSON lines, lines for a person, or these only on a terminal."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[server]`: where it listens, and by which names (Host headers) it may be asked beside loopback's and `host`.

    Admin routes are closed where there is no token. `client_limit` is in requests a minute for each client, 0 for no
    limit; None: none on loopback, else 600. `trusted_proxies` are addresses or networks whose X-Forwarded-For is
    believed. `otlp_endpoint` is the URL that traces are sent to, with `/v1/traces`.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    allowed_hosts: tuple[str, ...] = ()
    admin_token: Secret | None = None
    client_limit: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    trusted_proxies: tuple[str, ...] = ()
    log: LogForm = LogForm.AUTO
    otlp_endpoint: Annotated[str, Meta(pattern=r"^https?://[^\s?#@]+$")] | None = None
    cors_origins: tuple[Annotated[str, Meta(pattern=r"^(\*|https?://[^\s/?#@*]+)$")], ...] = ()
    """Origins of other sites whose pages may read from here, such as https://app.example."""
    decision_log: Annotated[str, Meta(min_length=1)] | None = None
    """A file to which a line is appended for each question; see `feedmux.decision`."""
    stream_clients: Annotated[int, Meta(ge=1, le=100_000)] = 2000
    """WebSockets that may be open at a time."""
    stream_symbols: Annotated[int, Meta(ge=1, le=10_000)] = 200
    """Symbols, and other questions, that one WebSocket may listen to."""
    stream_messages: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Messages that one WebSocket may send in a second."""


class EngineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[engine]`: `deadline` in seconds, `cache_size` in answers kept, `sandbox` off, auto or on.

    `hedge`: whether a request that takes unusually long is sent to another member as well.
    `refresh`: so many of the questions asked most are kept fresh in the background, with quota to spare.
    """

    deadline: Annotated[float, Meta(gt=0, le=300)] = 5.0
    cache_size: Annotated[int, Meta(ge=100, le=10_000_000)] = 10_000
    sandbox: Sandbox = Sandbox.OFF
    hedge: bool = True
    refresh: Annotated[int, Meta(ge=0, le=10_000)] = 0


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[store]`: where state is kept. `sqlite:` is a file in the user's state directory, `sqlite:/path/file` another.

    `memory:` keeps it as long as the process. An engine that is opened with plugins, extensions or a clock of its own
    leaves the file in the user's directory alone. `valkey://host:port/number`, `redis://` the same, `valkeys://` or
    `rediss://` over TLS, or `unix:///path/socket` is a server that several machines share. A password in the url is
    taken out of it, so that whoever prints the url does not print that.
    """

    url: Annotated[
        str, Meta(pattern=r"^(memory:|sqlite:([/~].*)?|(valkey|redis)s?://[^\s/?#]+[^\s#]*|unix:///[^\s#]+)$")
    ] = "sqlite:"
    password: Secret | None = None
    """The server's, beside its url."""
    namespace: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")] = "feedmux"
    """What the server's keys begin with: deployments that share a server but no quota each have their own."""
    processes: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """Where the server cannot be reached at the start, each of so many has an equal part of every quota; 0: none starts."""

    def __post_init__(self) -> None:
        if self.url.startswith(("memory:", "sqlite:")):
            return
        parts = urlsplit(self.url)
        if "password=" in parts.query or (parts.netloc and "@" in parts.path + parts.query):
            raise SettingsError(
                "url: a password stands before the host, its / ? # and @ as %2F %3F %23 and %40"
            )
        named, _, place = parts.netloc.rpartition("@")
        user, colon, text = named.partition(":")
        if not colon:
            return
        if self.password is not None:
            raise SettingsError("a password is given both in url and beside it: keep one of them")
        msgspec.structs.force_setattr(self, "password", Secret(unquote(text)))
        bare = parts._replace(netloc=f"{user}@{place}" if user else place)
        msgspec.structs.force_setattr(self, "url", bare.geturl())


class ProviderSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[providers.NAME]`: what the operator changes of a provider's declaration. None: nothing."""

    enabled: bool = True
    weight: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    base_url: Annotated[str, Meta(pattern=r"^https?://[^\s?#@]+$")] | None = None
    stream_url: Annotated[str, Meta(pattern=r"^wss?://[^\s?#@]+$")] | None = None
    """Where its streams are, in the place of the declared hosts; beside a `base_url` it streams from nowhere else."""
    api_key: Secret | None = None
    api_keys: Annotated[tuple[Secret, ...], Meta(min_length=1)] | None = None
    """In place of `api_key`: several keys, each with a quota of its own at the upstream."""
    plan: str | None = None
    members: tuple[str, ...] | None = None
    """The members to use, by name. None: those its declaration enables."""

    def __post_init__(self) -> None:
        if self.api_key is not None and self.api_keys is not None:
            raise SettingsError(
                "api_key and api_keys are both given, here or in the environment: keep one of them"
            )
        for place, key in enumerate(self.keys, start=1):
            first = self.keys.index(key) + 1
            if first < place:
                raise SettingsError(f"api_keys: {first} and {place} are the same key")

    @property
    def keys(self) -> tuple[Secret, ...]:
        """Every key there is, in the order given."""
        return self.api_keys or ((self.api_key,) if self.api_key is not None else ())


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an operator can set. Swapped whole on reload; questions in flight keep theirs."""

    server: ServerSettings = ServerSettings()
    engine: EngineSettings = EngineSettings()
    store: StoreSettings = StoreSettings()
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)

    def provider(self, name: str) -> ProviderSettings:
        return self.providers.get(name, ProviderSettings())


def load(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file (`feedmux.toml` here, or FEEDMUX_CONFIG, where `path` is None) and keys from the environment.

    Keys come as FEEDMUX_NAME_API_KEY, or several with commas between them as FEEDMUX_NAME_API_KEYS, the admin token
    as FEEDMUX_ADMIN_TOKEN, the store as FEEDMUX_STORE_URL and FEEDMUX_STORE_PASSWORD. Raises SettingsError naming the
    key.
    """
    env = os.environ if environ is None else environ
    chosen = path or env.get("FEEDMUX_CONFIG")
    file = Path(chosen or DEFAULT_FILE)
    document: dict[str, Any] = {}
    if chosen or file.is_file():
        document = _read(file)
        if warning := exposed(file, document):
            _log.warning(warning)
    return settings_from(document, env)


def exposed(file: Path, document: Mapping[str, Any]) -> str:
    """Why a file that holds keys should be closed to others, empty where it is or holds none."""
    providers = document.get("providers")
    store = document.get("store")
    sections = [
        document.get("server"),
        store,
        *(providers.values() if isinstance(providers, Mapping) else ()),
    ]
    keyed = any(isinstance(one, Mapping) and _SECRETS.intersection(one) for one in sections)
    keyed = keyed or (isinstance(store, Mapping) and "@" in str(store.get("url")))
    if not keyed or os.name != "posix" or not file.stat().st_mode & 0o044:
        return ""
    return f"{file} holds keys and others on this machine may read it: chmod 600 {file}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no TOML: {error}") from None


def settings_from(document: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Settings from a decoded file and an environment; raises SettingsError naming the key and the nearest one."""
    merged = {**document}
    if not isinstance(document.get("providers", {}), Mapping):
        raise SettingsError("providers: is a section for each provider, [providers.NAME]")
    providers = dict(document.get("providers", {}))
    for variable, value in environ.items():
        if (match := _KEY_VARIABLE.fullmatch(variable)) and value:
            name = match.group(1).lower()
            section = providers.get(name, {})
            if isinstance(section, dict):
                providers[name] = {**section, **_keys(match.group(2), value)}
    if providers:
        merged["providers"] = providers
    if token := environ.get("FEEDMUX_ADMIN_TOKEN"):
        server = merged.get("server", {})
        merged["server"] = {**server, "admin_token": token} if isinstance(server, Mapping) else server
    told = {name: environ.get(f"FEEDMUX_STORE_{name.upper()}") for name in ("url", "password")}
    if store := {name: value for name, value in told.items() if value}:
        section = merged.get("store", {})
        merged["store"] = {**section, **store} if isinstance(section, Mapping) else section
    _refuse_unknown(merged)
    for name, section in providers.items():
        _converted(section, ProviderSettings, f"providers.{name}.")
    return _converted(merged, Settings)


def _keys(variable: str, value: str) -> dict[str, str | list[str]]:
    """What a variable that ends in KEY or KEYS sets."""
    if variable == "KEY":
        return {"api_key": value}
    return {"api_keys": [key for text in value.split(",") if (key := text.strip())]}


def _converted(document: Any, kind: type[S], prefix: str = "") -> S:
    try:
        return msgspec.convert(document, kind, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise SettingsError(prefix + _located(str(error))) from None
    except SettingsError as error:
        raise SettingsError(prefix + error.detail) from None


def _secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str) and value:
        return Secret(value)
    raise ValueError("a key is a text that is not empty")


def _located(message: str) -> str:
    text, _, path = message.partition(" - at `$.")
    return f"{path.rstrip('`') or 'configuration'}: {text[:1].lower()}{text[1:]}"


def _refuse_unknown(document: Mapping[str, Any]) -> None:
    _known("", document, Settings)
    for section, kind in (("server", ServerSettings), ("engine", EngineSettings), ("store", StoreSettings)):
        _known(f"{section}.", document.get(section, {}), kind)
    providers = document.get("providers", {})
    for name, section_of in providers.items() if isinstance(providers, dict) else ():
        _known(f"providers.{name}.", section_of, ProviderSettings)


def _known(prefix: str, section: object, kind: type[Struct]) -> None:
    if not isinstance(section, Mapping):
        raise SettingsError(f"{prefix.rstrip('.')}: is a section, [{prefix.rstrip('.')}]")
    names = [f.name for f in msgspec.structs.fields(kind)]
    for key in section:
        if key not in names:
            raise SettingsError(f"{prefix}{key}: is not known{nearest(key, names)}")


def nearest(word: str, words: Sequence[str]) -> str:
    """A clause that names what was probably meant, or all there is."""
    close = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(words)}"


def warnings(settings: Settings, installed: Sequence[str]) -> list[str]:
    """Sections for providers that are not installed: said, never fatal."""
    return [
        f"providers.{name}: no such provider is installed{nearest(name, installed) if installed else ''}"
        for name in settings.providers
        if name not in installed
    ]
