"""Files that come with the package, served from memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.types import Scope

MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".LICENSE": "text/plain",
}
"""What is served of the folder, by the end of its name."""
VENDOR = "vendor"
"""The folder of what is brought in as the package is built."""
CHART_LIBRARY = "lightweight-charts.mjs"


@dataclass(frozen=True)
class Asset:
    """A file of the package, as it is served, plain and packed; a tag changes with what it stands for."""

    body: bytes
    packed: bytes
    media_type: str

    @classmethod
    def of(cls, file: Traversable, media_type: str) -> Asset:
        body = file.read_bytes()
        return cls(body, gzip.compress(body, mtime=0), media_type)

    def served(self, known: str, accepted: str) -> Response[bytes]:
        """The file, packed where gzip is `accepted`, or 304 where the caller has it: `known` is the tag that it holds."""
        packs = "gzip" in accepted
        body = self.packed if packs else self.body
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if known == tag:
            return Response(b"", status_code=304, headers=headers, media_type=self.media_type)
        if packs:
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers, media_type=self.media_type)


class Assets:
    """Every file that the page needs, by its name."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """`folder` None: the package's own."""
        self._by_name = dict(_found(folder or resources.files("feedmux_server") / "static"))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    async def serve(self, name: FromPath[str], scope: Scope) -> Response[bytes]:
        """The file of that name; raises NotFoundException."""
        if name not in self._by_name:
            raise NotFoundException("there is no such file")
        given = {key: value.decode("latin-1") for key, value in scope["headers"]}
        return self._by_name[name].served(given.get(b"if-none-match", ""), given.get(b"accept-encoding", ""))


def _found(folder: Traversable) -> Iterator[tuple[str, Asset]]:
    for file in folder.iterdir():
        if file.name == VENDOR:
            yield from _found(file)
        elif (
            kind := next((kind for end, kind in MEDIA_TYPES.items() if file.name.endswith(end)), None)
        ) is not None:
            yield file.name, Asset.of(file, kind)
