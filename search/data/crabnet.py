"""OQMD and Materials Project tables out of the public package crabnet 2.0.8 (MIT), got with pip.

Only its wheel is fetched and read as an archive; nothing of it is installed or run.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from search.data.catalog import Property
from search.data.downloads import UnavailableError, keep, kept, log

REQUIREMENT = "crabnet==2.0.8"
WHEEL_SHA256 = "4901565abaa5b4cd1a7841b9de647a3906df21676b226a7abf972d113f92054a"
_TIMEOUT_SECONDS = 600


def fetch(dataset: str, name: str, measured: Property) -> tuple[Path, bytes]:
    """The path and bytes of a CSV with columns formula and target. Raises UnavailableError."""
    file_name = f"{dataset}-{name}.csv"
    return kept(file_name) or keep(file_name, join_tables(download_wheel(), measured.crabnet_files))


def fetch_split(dataset: str, name: str, measured: Property) -> list[tuple[Path, bytes]]:
    """The paths and bytes of the CSVs of a public split: train, validation, test. Raises UnavailableError."""
    names = [f"{dataset}-{name}-{Path(member).name}" for member in measured.split_files]
    found = [kept(file_name) for file_name in names]
    if all(found):
        return [part for part in found if part is not None]
    wheel = download_wheel()
    return [
        keep(file_name, join_tables(wheel, [member]))
        for file_name, member in zip(names, measured.split_files, strict=True)
    ]


def download_wheel() -> bytes:
    """The wheel's bytes, checked against its digest. Raises UnavailableError."""
    log.info("getting %s with pip (35 MB, once)", REQUIREMENT)
    with tempfile.TemporaryDirectory(prefix="branchsearch-") as folder:
        command = [sys.executable, "-m", "pip", "download", REQUIREMENT, "--no-deps", "--ignore-requires-python",
                   "--only-binary=:all:", "--retries", "1", "--disable-pip-version-check", "--quiet",
                   "--dest", folder]  # fmt: skip
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"pip did not run to its end: {type(error).__name__}") from error
        if run.returncode != 0:
            log.debug("pip: %s", run.stderr)
            errors = [line for line in run.stderr.splitlines() if line.strip()]
            raise UnavailableError(f"pip: {errors[-1].strip() if errors else f'exit status {run.returncode}'}")
        wheels = list(Path(folder).glob("*.whl"))
        if not wheels:
            raise UnavailableError("pip brought no wheel")
        content = wheels[0].read_bytes()
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise UnavailableError("the wheel is not the one known, its SHA-256 differs")
    return content


def join_tables(wheel: bytes, members: Iterable[str]) -> bytes:
    """The members of a wheel, CSVs of one header, as one CSV."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        tables = [archive.read(member).splitlines(keepends=True) for member in members]
    header = tables[0][0]
    assert all(table[0] == header for table in tables)
    return b"".join([header, *(line for table in tables for line in table[1:])])
