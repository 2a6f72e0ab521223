"""`load`: from a request to arrays that are ready to train on."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from search.data.cache import load_cleaned, save_cleaned
from search.data.catalog import CSV
from search.data.cleaning import RULES_VERSION, Cleaned, clean, elements_of
from search.data.request import MINIMUM_ROWS, DataRequest
from search.data.sources import Source, find
from search.data.split import SPLIT_VERSION, Part, Split, deal, draw
from search.data.table import read_table
from search.errors import UserError

log = logging.getLogger(__name__)


def load(request: DataRequest) -> Split:
    """Finds the table, cleans it, featurises and splits it; the cleaned table is cached by the file's content.

    Raises UserError, in one sentence, for whatever is wrong with the request, the file or the world.
    """
    request.check()
    source = find(request)
    key = _cache_key(source, request)
    cleaned = load_cleaned(key)
    if cleaned is None:
        table = read_table(source.path, source.content, source.columns)
        cleaned = clean(table, source.description, source.unit, request.outliers, source.plausible)
        _check_rows(cleaned, source)
        save_cleaned(key, cleaned)
    split = _split(cleaned, source, request)
    for line in split.report.summary():
        log.info("%s", line)
    return split


def _cache_key(source: Source, request: DataRequest) -> str:
    """Everything that decides the cleaned rows; the version of pymatgen too, which reads the formulas."""
    rules = [RULES_VERSION, _parser_version(), request.outliers, source.plausible, source.unit,
             source.columns.targets, source.columns.formula, source.columns.energy_is_target]  # fmt: skip
    digest = hashlib.sha256(hashlib.sha256(source.content).digest() + json.dumps(rules).encode())
    return f"{request.dataset}-{digest.hexdigest()[:32]}"


def _parser_version() -> str:
    """pymatgen's version; since 2026 its parser is in a distribution of its own."""
    for distribution in ("pymatgen-core", "pymatgen"):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _check_rows(cleaned: Cleaned, source: Source) -> None:
    report = cleaned.report
    if report.rows_kept >= MINIMUM_ROWS:
        return
    reasons = "; ".join(
        f"{count:,} for {reason} ({report.examples[reason][0]})" for reason, count in report.rejected.items()
    )
    raise UserError(
        f"{source.path} has {report.rows_kept} usable compositions in {report.rows_in:,} rows, and train, validation "
        f"and test need {MINIMUM_ROWS} at least" + (f"; rejected: {reasons}" if reasons else "") + "."
    )


def _split(cleaned: Cleaned, source: Source, request: DataRequest) -> Split:
    total = len(cleaned.y)
    rows = np.arange(total) if request.rows is None else draw(cleaned.hashes, request.rows, request.split_seed)
    composition = cleaned.composition if len(rows) == total else cleaned.composition.take(rows)
    y = cleaned.y[rows]
    formulas = np.array(cleaned.formulas, dtype=np.object_)[rows]
    dealt = deal(cleaned.hashes[rows], composition.counts, request.split_seed)

    def part(numbers: NDArray[np.intp]) -> Part:
        return Part(composition.take(numbers).x, y[numbers], formulas[numbers])

    target = cleaned.report.target if request.dataset == CSV else request.property
    report = replace(
        cleaned.report,
        target=target,
        source=source.description,
        rows_kept=len(rows),
        left_out=total - len(rows),
        elements=elements_of(composition),
        value_range=(float(y.min()), float(y.max())),
    )
    train, validation, test = (part(numbers) for numbers in dealt)
    fingerprint = _fingerprint(cleaned, rows, request.split_seed)
    return Split(train, validation, test, report, request, target, source.unit, fingerprint)


def _fingerprint(cleaned: Cleaned, rows: NDArray[np.intp], seed: int) -> str:
    """From the kept rows and not from the file, so that the same table in another order or format is the same data."""
    digest = hashlib.sha256(json.dumps([SPLIT_VERSION, seed]).encode())
    digest.update(cleaned.hashes[rows].astype("<u8").tobytes())
    digest.update(cleaned.y[rows].astype("<f4").tobytes())
    return digest.hexdigest()[:16]
