"""OQMD's own table of all its entries, page by page through its RESTful API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from search.data.cache import cache_folder
from search.data.catalog import fields_of
from search.data.downloads import UnavailableError, keep, kept, log, records_as_csv

API = "http://oqmd.org/oqmdapi/formationenergy"
SERVICE = "OQMD's RESTful API"
ROWS_A_PAGE = 1000
_FILE_NAME = "oqmd-entries.csv"
_ID, _FORMULA = "entry_id", "name"
_PAGES_BETWEEN_WORDS = 20
_TIMEOUT_SECONDS = 120
_KEPT = "what has come is kept, and a later try goes on"
_SHOWN_CHARACTERS = 120
"""Of an answer that is not as documented."""


def fetch() -> tuple[Path, bytes]:
    """The path and bytes of a CSV with the columns entry_id, formula and every property. Raises UnavailableError.

    An hour or more for a million entries. Pages are kept as they come, so that a download that was cut off goes on.
    """
    found = kept(_FILE_NAME)
    if found is not None:
        return found
    # Here and not at the top: a quarter of a second that only this download needs.
    from requests import RequestException  # noqa: PLC0415

    pages = cache_folder() / "sources" / "oqmd-pages.jsonl"
    try:
        pages.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(pages.with_suffix(".lock")):  # two at once would both append what is missing
            found = kept(_FILE_NAME)
            if found is not None:
                return found
            _download(pages)
            table = keep(_FILE_NAME, table_of(_records(pages)))
            if table[0].exists():  # on a full disk the pages are all that there is
                pages.unlink()
    except (RequestException, OSError, ValueError) as error:
        log.debug("OQMD", exc_info=True)
        raise UnavailableError(f"{type(error).__name__}; {_KEPT}") from error
    return table


def _download(pages: Path) -> None:
    """Append the pages that are missing to the file, one a line. Raises UnavailableError for what is no page."""
    import requests  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415
    from urllib3.util.retry import Retry  # noqa: PLC0415

    lines = pages.read_bytes().splitlines(keepends=True) if pages.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]  # the last may have been cut off
    pages.write_bytes(b"".join(whole))
    fields = ",".join([_ID, _FORMULA, *fields_of("oqmd").values()])
    with requests.Session() as session, pages.open("ab") as file:
        retry = Retry(total=4, backoff_factor=1.0, status_forcelist=(429, 500, 502, 503, 504))
        session.mount("http", HTTPAdapter(max_retries=retry))
        number = len(whole)
        while True:
            page = {"fields": fields, "limit": str(ROWS_A_PAGE), "offset": str(number * ROWS_A_PAGE)}
            answer = session.get(API, params=page, timeout=_TIMEOUT_SECONDS)
            answer.raise_for_status()
            found = answer.json()
            rows = _rows_of(found, number + 1)
            if rows:
                file.write(json.dumps(rows, separators=(",", ":")).encode() + b"\n")
                file.flush()
                number += 1
            if number % _PAGES_BETWEEN_WORDS == 1:
                log.info("OQMD: %d rows of %s", number * ROWS_A_PAGE, _available(found))
            if len(rows) < ROWS_A_PAGE:
                return


def _rows_of(answer: Any, number: int) -> list[Mapping[str, object]]:
    """The records of a page; one that is kept is not asked for again. Raises UnavailableError with what came."""
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise UnavailableError(_undocumented(f'a list "data" of page {number}', answer))
    for row in rows:
        if not (isinstance(row, dict) and isinstance(row.get(_FORMULA), str)):
            raise UnavailableError(_undocumented(f'a record of page {number} with its "{_FORMULA}"', row))
    return rows


def _undocumented(expected: str, got: object) -> str:
    came = json.dumps(got)[:_SHOWN_CHARACTERS]
    return f"its answer is not as documented: {expected} was asked for, {came} came; {_KEPT}"


def _available(answer: Mapping[str, Any]) -> object:
    """How many rows the service says that it has."""
    meta = answer.get("meta")
    return meta.get("data_available", "?") if isinstance(meta, dict) else "?"


def _records(pages: Path) -> Iterator[Mapping[str, object]]:
    with pages.open() as lines:
        for line in lines:
            yield from json.loads(line)


def table_of(records: Iterator[Mapping[str, object]]) -> bytes:
    """Entries as the API gives them -> CSV. Raises UnavailableError where they are not as documented."""
    return records_as_csv(records, _ID, _FORMULA, fields_of("oqmd"))
