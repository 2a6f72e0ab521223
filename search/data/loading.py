"""`load`: from a request to arrays that are ready to train on."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.data.catalog import CSV
from search.data.classes import check_classes, counted
from search.data.cleaning import Cleaned, elements_of
from search.data.families import FAMILIES, FAMILY_WORDS
from search.data.hints import hints
from search.data.reading import cleaned_table
from search.data.request import MINIMUM_ROWS, DataRequest
from search.data.sources import Source, find, read_file
from search.data.split import SPLIT_VERSION, Part, Split, deal, deal_training, draw, shuffle_to
from search.data.units import name_and_unit
from search.errors import UserError

log = logging.getLogger(__name__)


def load(request: DataRequest) -> Split:
    """Finds the table, cleans it, featurises and splits it; the cleaned table is cached by the file's content.

    Raises UserError, in one sentence, for whatever is wrong with the request, the file or the world.
    """
    request.check()
    source = find(request)
    cleaned = cleaned_table(source, request)
    if cleaned.report.classes:
        check_classes(cleaned, source)
    split = _split(cleaned, source, request)
    for line in split.report.summary():
        log.info("%s", line)
    return split


@dataclass(frozen=True, eq=False)
class _Dealt:
    """Rows of train, validation and test by number, the latter two of tables of their own where there are such."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    validation_table: Cleaned
    test_table: Cleaned
    held_out: str = ""


def _split(cleaned: Cleaned, source: Source, request: DataRequest) -> Split:
    if source.split or request.validation_table is not None:
        dealt = _deal_as_given(cleaned, source, request)
    elif request.hold_out is not None or request.test_table is not None:
        dealt = _deal_discovery(cleaned, source, request)
    else:
        dealt = _deal_at_random(cleaned, request)

    def part(table: Cleaned, rows: NDArray[np.intp]) -> Part:
        formulas = np.array(table.formulas, dtype=np.object_)
        return Part(table.composition.take(rows).x, table.y[rows], formulas[rows])

    train, validation = part(cleaned, dealt.train), part(dealt.validation_table, dealt.validation)
    test = part(dealt.test_table, dealt.test)
    own = [dealt.validation] if dealt.validation_table is cleaned else []
    own += [dealt.test] if dealt.test_table is cleaned else []
    rows = np.sort(np.concatenate([dealt.train, *own]))
    y = cleaned.y[rows]
    target, unit = cleaned.report.target if request.dataset == CSV else request.property, source.unit
    if request.dataset == CSV and not cleaned.report.classes:
        target = name_and_unit(target)[0]
    classes = cleaned.report.classes
    floor = None if classes else source.floor
    report = replace(
        cleaned.report,
        target=target,
        source=source.description,
        rows_kept=len(rows),
        left_out=len(cleaned.y) - len(rows),
        elements=elements_of(cleaned.composition.take(rows)),
        value_range=(float(y.min()), float(y.max())),
        class_rows=counted(y, classes),
        held_out=dealt.held_out,
        notes=(*cleaned.report.notes, *(hints(y, floor) if request.dataset == CSV and not classes else ())),
    )
    unit = "" if classes else unit
    return Split(
        train, validation, test, report, request, target, unit,
        _fingerprint(cleaned, rows, request, dealt), classes, floor,
    )  # fmt: skip


def _deal_at_random(cleaned: Cleaned, request: DataRequest) -> _Dealt:
    """All compositions, or those drawn, in three parts."""
    rows = np.arange(len(cleaned.y))
    if request.rows is not None:
        rows = draw(cleaned.hashes, request.rows, request.split_seed)
    dealt = deal(cleaned.hashes[rows], cleaned.composition.counts[rows], request.split_seed)
    train, validation, test = (rows[part] for part in dealt)
    return _Dealt(train, validation, test, cleaned, cleaned)


def _deal_as_given(cleaned: Cleaned, source: Source, request: DataRequest) -> _Dealt:
    """Validation and test as tables of their own hold them, the training rows without their compositions.

    Raises UserError where too little is left to train on.
    """
    if source.split:
        tables = [_beside(path, content, source, request) for path, content in source.split]
    else:
        names = [Path(str(name)).expanduser() for name in (request.validation_table, request.test_table)]
        tables = [_beside(path, read_file(path), source, request) for path in names]
    validation_table, test_table = (_with_same_classes(table, cleaned) for table in tables)
    validation = np.flatnonzero(~np.isin(validation_table.hashes, test_table.hashes))
    in_others = np.isin(cleaned.hashes, np.concatenate([validation_table.hashes, test_table.hashes]))
    rest = np.flatnonzero(~in_others)
    if not len(rest) or not len(validation):
        raise UserError(
            f"{source.path} leaves {len(rest):,} compositions to train on and {len(validation):,} to validate on that "
            "are in neither of the other tables: each part needs some of its own."
        )
    rest = rest[shuffle_to(cleaned.hashes[rest], request.rows, request.split_seed)]
    test = np.arange(len(test_table.y))
    words = (
        f"split as given: {len(rest):,} to train on, {len(validation):,} for validation, {len(test):,} to test on; "
        f"{int(in_others.sum()):,} in several parts left the training" + "".join(map(_lost_in, tables))
    )
    return _Dealt(rest, validation, test, validation_table, test_table, words)


def _deal_discovery(cleaned: Cleaned, source: Source, request: DataRequest) -> _Dealt:
    """A family of compositions, or another table's, as test set; the rest as train and validation.

    Raises UserError where too little is left on either side.
    """
    in_family = np.zeros(len(cleaned.y), dtype=np.bool_)
    words = []
    if request.hold_out is not None:
        in_family = FAMILIES[request.hold_out](cleaned.composition)
        meaning = FAMILY_WORDS[request.hold_out]
        words.append(
            f"held out: {int(in_family.sum()):,} {request.hold_out} ({meaning}) of this table are in no training row"
        )
    test_table, test = cleaned, np.flatnonzero(in_family)
    shared = in_family
    if request.test_table is not None:
        path = Path(request.test_table).expanduser()
        test_table = _with_same_classes(_beside(path, read_file(path), source, request), cleaned)
        test = np.arange(len(test_table.y))
        shared = in_family | np.isin(cleaned.hashes, test_table.hashes)
        words.append(
            f"test set: {len(test):,} compositions of {request.test_table}; "
            f"{int((shared & ~in_family).sum()):,} of them left the training" + _lost_in(test_table)
        )
    rest = np.flatnonzero(~shared)
    if request.rows is not None:
        rest = rest[draw(cleaned.hashes[rest], request.rows, request.split_seed)]
    if len(rest) < MINIMUM_ROWS or not len(test):
        raise UserError(
            f"{source.path} leaves {len(rest):,} compositions to train on and {len(test):,} to test on: hold_out= or "
            "test_table= must leave some on both sides."
        )
    train, validation = deal_training(cleaned.hashes[rest], cleaned.composition.counts[rest], request.split_seed)
    assert not np.isin(cleaned.hashes[rest], test_table.hashes[test]).any()
    return _Dealt(rest[train], rest[validation], test, cleaned, test_table, "; ".join(words))


def _beside(path: Path, content: bytes, source: Source, request: DataRequest) -> Cleaned:
    """A table that holds nothing but a part of the split, cleaned by the same rules as the one to train on.

    But for its outliers: without them it would be another test set, of a smaller error.
    """
    request = replace(request, outliers=0.0)
    columns = replace(source.columns, formula_may_differ=True)
    return cleaned_table(replace(source, path=path, content=content, description=str(path), columns=columns), request)


def _lost_in(table: Cleaned) -> str:
    """What cleaning took from a table of its own, and what it says of it, in words; nothing where there is nothing."""
    report = table.report
    notes = "".join(f"; {report.source}: {note}" for note in report.notes)
    if not report.merged and not report.rows_rejected:
        return notes
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(report.rejected.items()))
    rejected = f"{report.rows_rejected:,} rejected ({reasons})" if reasons else "0 rejected"
    return f"; {report.source}: {report.rows_in:,} rows in, {report.merged:,} merged, {rejected}{notes}"


def _with_same_classes(found: Cleaned, cleaned: Cleaned) -> Cleaned:
    """The table with the class numbers of the one to train on, some of whose classes it may lack. Raises UserError."""
    trained, here = cleaned.report.classes, found.report.classes
    if unknown := [name for name in here if name not in trained]:
        raise UserError(
            f"{found.report.source} has the class{'es' * (len(unknown) > 1)} {', '.join(unknown)}, which the table to "
            f"train on has not: it has {', '.join(trained)}."
        )
    if here == trained:
        return found
    numbers = np.array([trained.index(name) for name in here], dtype=found.y.dtype)
    return replace(found, y=numbers[found.y.astype(np.int64)])


def _fingerprint(cleaned: Cleaned, rows: NDArray[np.intp], request: DataRequest, dealt: _Dealt) -> str:
    """From the kept rows and not from the file, so that the same table in another order or format is the same data."""
    rules: list[object] = [SPLIT_VERSION, request.split_seed]
    if dealt.held_out or cleaned.report.classes:
        rules += [request.hold_out, request.test_table is not None, cleaned.report.classes]
    digest = hashlib.sha256(json.dumps(rules).encode())
    tables = [(cleaned, rows)]
    for table, part in ((dealt.validation_table, dealt.validation), (dealt.test_table, dealt.test)):
        tables += [(table, part)] if table is not cleaned else []
    for table, kept in tables:
        digest.update(table.hashes[kept].astype("<u8").tobytes())
        digest.update(table.y[kept].astype("<f4").tobytes())
    return digest.hexdigest()[:16]
