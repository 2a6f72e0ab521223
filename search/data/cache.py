"""Where loaded tables and downloads are kept between runs; several processes at once are safe."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import tempfile
from pathlib import Path

import numpy as np

from search.data.cleaning import Cleaned
from search.data.composition import Featurised
from search.data.report import CleaningReport

CACHE_VARIABLE = "BRANCHSEARCH_CACHE"
_DIGEST_BYTES = 32
# No accepted formula holds it: pymatgen reads none that does.
_BETWEEN_FORMULAS = "\0"

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """BRANCHSEARCH_CACHE, else the user's cache folder; not created yet."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "branchsearch"


def save(name: str, content: bytes) -> Path | None:
    """Writes a file of the cache whole or not at all; None, with a warning, where the folder cannot be written."""
    path = cache_folder() / name
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError as error:
        log.warning("cannot keep %s in the cache (%s); going on without: set %s", name, error, CACHE_VARIABLE)
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        return None
    return path


def save_cleaned(key: str, cleaned: Cleaned) -> None:
    """Keeps a cleaned table: sparse, about 14 MB for OQMD, behind a digest that tells a damaged file."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        counts=cleaned.composition.counts,
        columns=cleaned.composition.columns,
        fractions=cleaned.composition.fractions,
        hashes=cleaned.hashes,
        y=cleaned.y,
        formulas=np.frombuffer(_BETWEEN_FORMULAS.join(cleaned.formulas).encode(), dtype=np.uint8),
        report=np.frombuffer(json.dumps(cleaned.report.to_dict()).encode(), dtype=np.uint8),
    )
    content = buffer.getvalue()
    save(f"{key}.table", hashlib.sha256(content).digest() + content)


def load_cleaned(key: str) -> Cleaned | None:
    """The cleaned table kept under `key`; None if there is none, or, with a warning, if its file is damaged."""
    path = cache_folder() / f"{key}.table"
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("cannot read the cached table %s (%s); reading the source again", path, error)
        return None
    if hashlib.sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
        log.warning("the cached table %s is damaged; reading the source again", path)
        return None
    with np.load(io.BytesIO(content[_DIGEST_BYTES:]), allow_pickle=False) as arrays:
        return Cleaned(
            composition=Featurised(arrays["counts"], arrays["columns"], arrays["fractions"], {}),
            hashes=arrays["hashes"],
            y=arrays["y"],
            formulas=arrays["formulas"].tobytes().decode().split(_BETWEEN_FORMULAS),
            report=CleaningReport.from_dict(json.loads(arrays["report"].tobytes())),
        )
