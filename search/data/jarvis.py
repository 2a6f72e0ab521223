"""JARVIS-DFT out of the public package jarvis-tools, by its own downloader (`jarvis.db.figshare.data`)."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from search.data.catalog import fields_of
from search.data.downloads import UnavailableError, keep, kept, log, records_as_csv

RECORDS = "dft_3d"
_FILE_NAME = "jarvis-dft_3d.csv"


def fetch() -> tuple[Path, bytes]:
    """The path and bytes of a CSV with the columns jid, formula and every property. Raises UnavailableError.

    One table for all properties: each row is a structure, so that every property can be taken from the structure of
    lowest formation energy.
    """
    return kept(_FILE_NAME) or keep(_FILE_NAME, table_of(_download()))


def _download() -> list[Mapping[str, object]]:
    log.info("getting JARVIS-DFT (%s) with jarvis-tools, once", RECORDS)
    try:
        # Here and not at the top: it pulls in matplotlib and more, which only this download needs.
        from jarvis.db.figshare import data  # noqa: PLC0415

        # A folder of its own: an interrupted download would leave a truncated archive that is never got again.
        with tempfile.TemporaryDirectory(prefix="branchsearch-") as folder, contextlib.redirect_stdout(io.StringIO()):
            records: list[Mapping[str, object]] = data(RECORDS, store_dir=folder)
    except Exception as error:
        # Whatever another's downloader raises, the table could not be had.
        log.debug("jarvis-tools", exc_info=True)
        raise UnavailableError(type(error).__name__) from error
    return records


def table_of(records: Iterable[Mapping[str, object]]) -> bytes:
    """Records as jarvis-tools gives them ("na" where a value is unknown) -> CSV. Raises UnavailableError for others."""
    return records_as_csv(records, "jid", "formula", fields_of("jarvis"))
