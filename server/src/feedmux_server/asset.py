"""A file that comes with the package, served from memory."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib import resources

from litestar import Response
from litestar.types import Scope


@dataclass(frozen=True)
class Asset:
    """A file of the package, as it is served; its tag changes with its content."""

    body: bytes
    media_type: str
    tag: str

    @classmethod
    def of(cls, name: str, media_type: str) -> Asset:
        body = (resources.files("feedmux_server") / "static" / name).read_bytes()
        return cls(body, media_type, f'"{sha256(body).hexdigest()[:16]}"')

    async def serve(self, scope: Scope) -> Response[bytes]:
        """The file, or 304 where the caller has it."""
        headers = {"etag": self.tag, "cache-control": "no-cache"}
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
        if known.decode("latin-1") == self.tag:
            return Response(b"", status_code=304, headers=headers, media_type=self.media_type)
        return Response(self.body, headers=headers, media_type=self.media_type)
