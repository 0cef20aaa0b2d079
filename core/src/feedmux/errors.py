"""Every way a question can fail, named after who must act on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar


class FeedmuxError(Exception):
    """Base of all errors that leave Feedmux.

    `detail` is one sentence for a person, free of secrets and of addresses inside the operator's network.
    `retry_after` is in seconds from when it was raised, or None where waiting is no remedy.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Feedmux failed"

    def __init__(self, detail: str, *, provider: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.provider = provider
        self.retry_after = retry_after
        self.trace: object = None
        """How the question went, a `feedmux.event.Trace` where the engine raised this."""

    def __str__(self) -> str:
        return f"{self.provider}: {self.detail}" if self.provider else self.detail


class InvalidQuery(FeedmuxError):
    """The caller must change the question. `field` is the parameter that is wrong."""

    status, slug, title = 400, "invalid-query", "The question is not valid"

    def __init__(self, detail: str, *, field: str = "", provider: str = "") -> None:
        super().__init__(f"{field}: {detail}" if field else detail, provider=provider)
        self.field = field


class UnknownSymbol(FeedmuxError):
    """Everyone who was asked says that there is no such thing."""

    status, slug, title = 404, "unknown-symbol", "Nobody knows this symbol"


class NotFound(UnknownSymbol):
    """A 404 that no failure dictionary explains: an unknown symbol only where the question names one."""


class Unauthorized(FeedmuxError):
    """The operator must act: a key is missing, wrong, or does not reach that far."""

    status, slug, title = 503, "unauthorized", "The provider refuses our key"


class RateLimited(FeedmuxError):
    """The provider asked us to come back later; `retry_after` says when, where it said so."""

    status, slug, title = 503, "rate-limited", "The provider limits us"


class UpstreamDown(FeedmuxError):
    """The provider failed. `sent` is False only where surely nothing left this machine."""

    status, slug, title = 503, "upstream-down", "The provider is down"

    def __init__(
        self, detail: str, *, provider: str = "", retry_after: float | None = None, sent: bool = True
    ) -> None:
        super().__init__(detail, provider=provider, retry_after=retry_after)
        self.sent = sent


class NoQuota(UpstreamDown):
    """Our own quota has no room for a further request of the same try: the provider has not refused anything."""

    slug, title = "no-quota", "No quota for a further request"


class Unavailable(UpstreamDown):
    """The provider does not serve this place (HTTP 451): its next host may. Where none does it is closed for hours."""

    slug, title = "unavailable", "The provider does not serve this place"


class UpstreamTimeout(FeedmuxError):
    """The provider did not answer within its share of the deadline."""

    status, slug, title = 503, "upstream-timeout", "The provider is too slow"


class BadPayload(FeedmuxError):
    """The provider answered with something that is no answer."""

    status, slug, title = 502, "bad-payload", "The providers answered with garbage"


class NoProvider(FeedmuxError):
    """No provider can answer now."""

    status, slug, title = 503, "no-provider", "No provider can answer now"


class NoConsensus(FeedmuxError):
    """Providers of different origin disagree, and two that disagree are never averaged.

    `crossed` holds what each said, by symbol: a `feedmux.crossed.Crossed` whose price is None.
    """

    status, slug, title = 503, "no-consensus", "The providers disagree"

    def __init__(
        self, detail: str, *, crossed: Mapping[str, object] | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.crossed = crossed or {}


class DeadlineExceeded(FeedmuxError):
    """The caller's time was up before an answer came."""

    status, slug, title = 504, "deadline-exceeded", "The deadline passed"


def described(error: BaseException, redacted: Callable[[str], str] = str) -> str:
    """Any exception as one line for a person, `redacted` before it is cut; a plugin's own may raise even at that."""
    try:
        text = " ".join(redacted(str(error)).split())
    except Exception:  # noqa: BLE001 - the exception is the plugin's own, and so is its text
        text = ""
    text = "".join(c if c.isprintable() else "?" for c in text[:200])
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class SettingsError(FeedmuxError):
    """The operator's configuration is wrong; `detail` names the key and what would be right."""

    slug, title = "settings", "The configuration is not valid"
