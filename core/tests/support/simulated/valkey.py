"""A Valkey server whose answers are there at once, where virtual time would not wait for a socket."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff

from feedmux import virtual
from feedmux.valkey.machine import Machine
from feedmux.valkey.store import ValkeyStore


class _Socket:
    """As much of the client as the store uses."""

    def __init__(self, port):
        self._redis = redis.Redis(port=port, retry=redis.retry.Retry(NoBackoff(), 0), socket_timeout=1)

    def register_script(self, text):
        script = self._redis.register_script(text)

        async def asked(keys, arguments):
            return script(keys, arguments)

        return asked

    async def aclose(self):
        self._redis.close()


class AtOnce(ValkeyStore):
    """A real server, asked by whoever asks; what it says of the time is the virtual clock's."""

    def __init__(self, port, namespace, directory=None):
        super().__init__(_Socket(port), namespace, Machine(directory))

    async def _read(self, key):
        held, _ = await super()._read(key)
        return held, virtual.virtual_clock().now().timestamp()
