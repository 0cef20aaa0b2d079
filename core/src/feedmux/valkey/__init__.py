"""The connection to a Valkey or Redis server that several machines share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedmux.errors import SettingsError
from feedmux.settings import StoreSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCHEMES = ("valkey", "valkeys", "redis", "rediss", "unix")
PATIENCE = 1.0
"""Seconds for which a connection is waited for, and each answer on it, by whoever has no shorter patience."""
IDLE = 15
"""Seconds after which a connection that was not used is tried before it is used again."""


def is_valkey(url: str) -> bool:
    """Whether a store's url names such a server."""
    return url.partition(":")[0] in SCHEMES


def client(chosen: StoreSettings) -> Redis:
    """A client for that server, whose connections are made when they are needed; whoever asked for it closes it.

    It never waits without end. Raises SettingsError where the client library is missing or the url cannot be used.
    """
    try:
        from redis.asyncio import ConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise SettingsError(
            "store.url: names a Valkey server, and its client is missing; pip install 'feedmux[valkey]'"
        ) from None
    secret = chosen.password.reveal() if chosen.password is not None else None
    try:
        pool = ConnectionPool.from_url(
            chosen.url.replace("valkey", "redis", 1) if chosen.url.startswith("valkey") else chosen.url,
            password=secret,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            health_check_interval=IDLE,
            retry=Retry(NoBackoff(), 1),  # a server that was started again has closed what is in the pool
        )
        pool.make_connection()  # type: ignore[no-untyped-call]
    except TypeError as error:
        raise SettingsError(f"store.url: {error}") from None
    except ValueError:  # whose text may hold a part of the url
        raise SettingsError("store.url: is no address that the client can use") from None
    return Redis.from_pool(pool)
