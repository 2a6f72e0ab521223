"""The paper's figures as data agree with each other, and with the networks that we build."""

import pytest

from models.published import BRNET, PUBLISHED
from models.recipe import FAST
from search.data import DataRequest
from search.data.catalog import DATASETS as CATALOG
from search.data.families import FAMILIES
from search.errors import UserError
from search.reproduction.blocks import TITLES, blocks_of
from search.reproduction.published import (
    AUTOML,
    COMPARED,
    DATASETS,
    DISCOVERERS,
    PARAMETERS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    TRADITIONAL,
)
from spaces import build


def test_rows_of_table_2_are_the_branching_grid() -> None:
    candidates = list(build("branching", FAST, BRNET).candidates())
    assert [row.parameters for row in TABLE_2] == [candidate.parameter_count() for candidate in candidates]
    names = [f"{row.location.replace(' ', '')}[{','.join(map(str, row.distribution))}]" for row in TABLE_2]
    assert [str(candidate).split()[0] for candidate in candidates] == names


@pytest.mark.parametrize("dataset", DATASETS)
def test_brnet_and_the_others_are_the_same_in_every_table(dataset: str) -> None:
    assert set(TABLE_1[dataset]) == set(PUBLISHED) == set(PARAMETERS)
    assert TABLE_1[dataset]["BRNet"].error == TABLE_2[0].of(dataset)[0] == TABLE_3[dataset]["BRNet"]
    for name in ("ElemNet", "IRNet"):
        assert TABLE_1[dataset][name].error == TABLE_3[dataset][name]


def test_every_figure_has_its_place() -> None:
    assert all(len(row.errors) == len(COMPARED) and row.ours in CATALOG[row.dataset] for row in TABLE_4)
    assert all(len(row.errors) == len(DISCOVERERS) and row.family in FAMILIES for row in TABLE_5)


@pytest.mark.parametrize("table", TITLES)
def test_blocks_hold_every_row(table: int) -> None:
    blocks = blocks_of(table, "jarvis", DataRequest("jarvis", rows=100))
    expected = {1: [4], 2: [11], 3: [5], 4: [5] * 4, 5: [4, 4]}[table]
    assert [len(block.rows) for block in blocks] == expected
    assert all(block.request.rows == 100 for block in blocks)
    spaces = {row.label: row.space for block in blocks for row in block.rows}
    assert spaces.get(AUTOML) in (None, "automl")
    assert spaces.get(TRADITIONAL) in (None, "traditional")


def test_volumes_of_a_cell_and_of_an_atom_are_not_compared() -> None:
    comparable = {block.request.property: block.comparable for block in blocks_of(4, "oqmd", DataRequest("oqmd"))}
    assert comparable == {"volume_per_atom": False, "band_gap": True, "stability": True}


def test_what_the_paper_has_not_is_refused() -> None:
    with pytest.raises(UserError, match="dataset=csv is not in the paper's table 1"):
        blocks_of(1, "csv", DataRequest("csv", path="a.csv", target="b"))
