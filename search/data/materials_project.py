"""The Materials Project's own table of all its materials, by pymatgen's client; it asks for the user's API key."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from search.data.catalog import fields_of
from search.data.downloads import UnavailableError, keep, kept, log, records_as_csv

KEY_VARIABLE = "MP_API_KEY"
CLIENT = "pymatgen's MPRester"
_FILE_NAME = "mp-summary.csv"
_ID, _FORMULA = "material_id", "formula_pretty"


def fetch() -> tuple[Path, bytes]:
    """The path and bytes of a CSV with the columns material_id, formula and every property. Raises UnavailableError.

    The key is taken from the environment and goes to the Materials Project alone.
    """
    return kept(_FILE_NAME) or keep(_FILE_NAME, table_of(_download()))


def _download() -> Iterable[Mapping[str, object]]:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise UnavailableError(f"{KEY_VARIABLE} is not set; the key stands on your page of the Materials Project")
    log.info("getting the Materials Project's summary of all materials, once: some 200 pages of 1,000 rows")
    # Here and not at the top: it pulls in much of pymatgen, which only this download needs.
    from pymatgen.ext.matproj import MPRester  # noqa: PLC0415

    try:
        with MPRester(key) as client:
            records: Iterable[Mapping[str, object]] = client.get_summary(
                {}, fields=[_ID, _FORMULA, *fields_of("mp").values()]
            )
    except Exception as error:
        # Whatever the client raises, the table could not be had. Its message may hold what the server answered.
        log.debug("MPRester", exc_info=True)
        raise UnavailableError(f"{type(error).__name__}: {str(error)[:200]}".replace(key, "<key>")) from error
    return records


def table_of(records: Iterable[Mapping[str, object]]) -> bytes:
    """Records of the summary -> CSV. Raises UnavailableError where they are not as documented."""
    return records_as_csv(records, _ID, _FORMULA, fields_of("mp"))
