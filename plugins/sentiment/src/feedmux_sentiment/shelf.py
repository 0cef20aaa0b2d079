"""Where models lie on this machine, and the one place that may fetch them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from msgspec import Struct

FOLDER, DOWNLOAD = "FEEDMUX_SENTIMENT_MODELS", "FEEDMUX_SENTIMENT_DOWNLOAD"
_SMALL_FILES = ("*.json", "*.txt", "*.model")


class Shelf(Struct, frozen=True):
    """The operator's folder, then the hub's cache; the hub itself only where `download` allows it.

    `cache` None: where the hub's own library keeps what it fetched.
    """

    folder: Path | None = None
    cache: Path | None = None
    download: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """As the environment says: a folder with OWNER/NAME below it, and 1 where downloads are allowed."""
        folder = environment.get(FOLDER)
        return cls(
            folder=Path(folder).expanduser() if folder else None, download=environment.get(DOWNLOAD) == "1"
        )

    def find(self, repo: str) -> Path | None:
        """The folder of a model, or None where it is not here. Raises what the hub raises in a download."""
        if self.folder is not None and (self.folder / repo / "config.json").is_file():
            return self.folder / repo
        return self._downloaded(repo) if self.download else self._cached(repo)

    def _cached(self, repo: str) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(repo, "config.json", cache_dir=self.cache)
        return Path(found).parent if isinstance(found, str) else None

    def _downloaded(self, repo: str) -> Path:
        from huggingface_hub import hf_hub_download, snapshot_download

        wanted = [*_SMALL_FILES, "model.safetensors"]
        folder = Path(snapshot_download(repo, allow_patterns=wanted, cache_dir=self.cache))
        if not (folder / "model.safetensors").is_file():
            hf_hub_download(repo, "pytorch_model.bin", cache_dir=self.cache)
        return folder
