"""What a table of the paper takes: for each set of data, which models, and the figures they stand beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.published import BRNET, published_name
from models.recipe import PAPER
from search.data import DataRequest
from search.errors import UserError
from search.reproduction.published import (
    AUTOML,
    COMPARED,
    DATASETS,
    DISCOVERERS,
    ROWS,
    SNAPSHOTS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    TRADITIONAL,
    TRAINED_ON,
    TRAINED_ON_ROWS,
    Discovery,
)
from spaces import build

COMPONENTS_FINDING = (
    "the paper's finding is that branching with skips and LeakyReLU, without dropout or batch norm, is best; it prints "
    "no figures but those of its Table 1"
)

TITLES = {
    1: "Design components: the four networks",
    2: "Where to branch, and how",
    3: "Traditional models and deep networks",
    4: "Other properties",
    5: "Discovery: a structure family that was not trained on",
}


@dataclass(frozen=True)
class Row:
    """One model of a block.

    space: where it comes from, "published" (one of the four, by `label`), "branching", "components", "traditional" or
    "automl" (the winner by validation). choice: number in the order of a grid. figures: what the paper prints of its
    test error, by the column's name, None where it prints nothing.
    """

    label: str
    space: str
    figures: tuple[tuple[str, float | None], ...]
    choice: int = 0
    published_epochs: int | None = None


@dataclass(frozen=True)
class Block:
    """Models that are trained and tested on the same data. `comparable` where our errors measure what theirs do."""

    title: str
    request: DataRequest
    rows: tuple[Row, ...]
    theirs: str
    comparable: bool = True
    note: str = ""


def components_block(dataset: str, request: DataRequest) -> Block:
    """The grid of 24 networks (SDM 2022, section 4.3.2), of which the paper prints the four of Table 1."""
    rows = []
    for number, candidate in enumerate(build("components", PAPER, BRNET).candidates()):
        name = published_name(candidate.architecture)
        figure = TABLE_1[dataset][name].error if name else None
        rows.append(
            Row(f"{candidate} ({name})" if name else str(candidate), "components", (("published", figure),), number)
        )
    block = _formation_energy(dataset, request, rows)
    return replace(block, title=f"{dataset}: every combination of components", note=COMPONENTS_FINDING)


def blocks_of(table: int, dataset: str, request: DataRequest) -> tuple[Block, ...]:
    """The blocks of a table for one data set; `request` says which rows of it, and where it lies.

    Raises UserError for a table or a data set that the paper has not.
    """
    if table not in TITLES:
        raise UserError(f"table={table} is none of the paper's: {', '.join(map(str, TITLES))}.")
    if table == 5:
        return _table_5(request)
    if dataset not in DATASETS:
        raise UserError(f"dataset={dataset} is not in the paper's table {table}: take one of {', '.join(DATASETS)}.")
    makers = {1: _table_1, 2: _table_2, 3: _table_3}
    return _table_4(dataset, request) if table == 4 else (makers[table](dataset, request),)


def _formation_energy(dataset: str, request: DataRequest, rows: Sequence[Row]) -> Block:
    return Block(
        f"{dataset}: formation energy",
        replace(request, property="formation_energy"),
        tuple(rows),
        f"{ROWS[dataset]:,} compositions ({SNAPSHOTS[dataset]})",
    )


def _space_of(label: str) -> str:
    return {TRADITIONAL: "traditional", AUTOML: "automl"}.get(label, "published")


def _table_1(dataset: str, request: DataRequest) -> Block:
    rows = [Row(label, "published", (("published", found.error),)) for label, found in TABLE_1[dataset].items()]
    return _formation_energy(dataset, request, rows)


def _table_2(dataset: str, request: DataRequest) -> Block:
    rows = []
    for number, branched in enumerate(TABLE_2):
        error, epochs = branched.of(dataset)
        label = f"{branched.location} [{','.join(map(str, branched.distribution))}]"
        rows.append(Row(label, "branching", (("published", error),), number, epochs))
    return _formation_energy(dataset, request, rows)


def _table_3(dataset: str, request: DataRequest) -> Block:
    rows = [Row(label, _space_of(label), (("published", error),)) for label, error in TABLE_3[dataset].items()]
    return _formation_energy(dataset, request, rows)


def _table_4(dataset: str, request: DataRequest) -> tuple[Block, ...]:
    return tuple(
        Block(
            f"{dataset}: {row.name}",
            replace(request, property=row.ours),
            tuple(
                Row(label, _space_of(label), (("published", error),))
                for label, error in zip(COMPARED, row.errors, strict=True)
            ),
            f"{row.rows:,} compositions ({SNAPSHOTS[dataset]})",
            comparable=not row.note,
            note=row.note,
        )
        for row in TABLE_4
        if row.dataset == dataset
    )


def _table_5(request: DataRequest) -> tuple[Block, ...]:
    """One block a family; one alone where the test set is given as a table of its own."""
    theirs = f"{TRAINED_ON_ROWS:,} compositions of {TRAINED_ON} to train on"
    if request.test_table is not None and request.hold_out is None:
        note = f"the paper's protocol on your files; its test sets are {', '.join(row.structure for row in TABLE_5)}"
        return (Block("your tables", request, _discovery_rows(TABLE_5), theirs, note=note),)
    found = []
    for family in dict.fromkeys(row.family for row in TABLE_5):
        members = [row for row in TABLE_5 if row.family == family]
        sizes = " and ".join(f"{row.structure} ({row.rows:,} compounds)" for row in members)
        note = f"{family} are told by composition alone; the paper tests on {sizes}, told by structure"
        found.append(
            Block(f"{family} held out", replace(request, hold_out=family), _discovery_rows(members), theirs, note=note)
        )
    return tuple(found)


def _discovery_rows(members: Sequence[Discovery]) -> tuple[Row, ...]:
    return tuple(
        Row(label, _space_of(label), tuple((row.structure, row.errors[number]) for row in members))
        for number, label in enumerate(DISCOVERERS)
    )
