"""A source's table, cleaned: read once, then out of the cache."""

from __future__ import annotations

import hashlib
import json
from importlib import metadata

from search.data.cache import load_cleaned, save_cleaned
from search.data.classes import derive
from search.data.cleaning import RULES_VERSION, Cleaned, clean
from search.data.request import MINIMUM_ROWS, TASKS, DataRequest
from search.data.sources import Source
from search.data.table import read_table
from search.errors import UserError


def cleaned_table(source: Source, request: DataRequest) -> Cleaned:
    """The source's cleaned table, out of the cache or kept there. Raises UserError where it is none to learn from."""
    classify = request.task == TASKS[1]
    key = _cache_key(source, request)
    cleaned = load_cleaned(key)
    if cleaned is None:
        table = read_table(source.path, source.content, source.columns)
        cleaned = clean(
            table, source.description, source.unit, request.outliers, source.plausible, source.floor, classify
        )
        _check_rows(cleaned, source)
        save_cleaned(key, cleaned)
    if source.derived is not None:
        cleaned = derive(cleaned, source.derived, request.property)
    return cleaned


def _cache_key(source: Source, request: DataRequest) -> str:
    """Everything that decides the cleaned rows; the version of pymatgen too, which reads the formulas."""
    rules = [RULES_VERSION, _parser_version(), request.outliers, source.plausible, source.unit,
             source.columns.targets, source.columns.formula, source.columns.energy_is_target,
             source.columns.formula_may_differ,             source.floor, request.task]  # fmt: skip
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
