"""Tables got from public packages, kept in the cache under names that hold their own digest."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from search.data.cache import cache_folder, save

_FOLDER = "sources"
_DIGITS = 16

log = logging.getLogger(__name__)


class UnavailableError(Exception):
    """A public package could not be had; the message says why, in a few words."""


def kept(name: str) -> tuple[Path, bytes] | None:
    """The table kept as `name`, a file name such as "oqmd-band_gap.csv"; None, with a warning, where it is damaged."""
    stem, dot, suffix = name.rpartition(".")
    for path in sorted((cache_folder() / _FOLDER).glob(f"{stem}.{'?' * _DIGITS}{dot}{suffix}")):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if path.name == _file_name(name, content):
            return path, content
        log.warning("the kept download %s is damaged; getting it again", path)
        path.unlink(missing_ok=True)
    return None


def keep(name: str, content: bytes) -> tuple[Path, bytes]:
    """Keeps a table, if the cache can be written, and gives back its path and bytes."""
    file_name = _file_name(name, content)
    return save(f"{_FOLDER}/{file_name}", content) or Path(name), content


def _file_name(name: str, content: bytes) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:_DIGITS]}{dot}{suffix}"
