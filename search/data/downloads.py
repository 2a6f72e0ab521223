"""Tables got from public packages, kept in the cache under names that hold their own digest."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from search.data.cache import cache_folder, save

_FOLDER = "sources"
_DIGITS = 16

log = logging.getLogger(__name__)
"""What downloads say of themselves: they take minutes to hours, so that the commands show it on the terminal."""


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


def records_as_csv(
    records: Iterable[Mapping[str, object]], identifier: str, formula: str, fields: Mapping[str, str]
) -> bytes:
    """A database's records -> CSV with the columns `identifier`, formula and the names of `fields`.

    fields: property -> its field in a record; one that is not there, or null, is "na". Raises UnavailableError for
    records that hold no formula or are none.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([identifier, "formula", *fields])
    try:
        for record in records:
            values = [record.get(field) for field in fields.values()]
            known = ["na" if value is None else value for value in values]
            writer.writerow([record.get(identifier, ""), record[formula], *known])
    except (AttributeError, KeyError, TypeError) as error:
        raise UnavailableError(f"its records are not as documented: {type(error).__name__} {error}") from error
    return text.getvalue().encode()


def _file_name(name: str, content: bytes) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:_DIGITS]}{dot}{suffix}"
