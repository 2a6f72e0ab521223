"""The ten real tables, where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, load

from .test_loading import check_invariants, same

# data set, property, rows, compositions kept, rejected. Known rejections: JARVIS' "2-Feb" is FeB2 after a spreadsheet;
# OQMD's outliers are runs that did not converge (Mg2Tc at -198.7 eV/atom, CuPaU2 at 43.5, KLaTe at 204 A^3/atom).
TABLES = [
    ("jarvis", "formation_energy", 28_108, 26_741, 0),
    ("jarvis", "band_gap_optb88vdw", 28_155, 26_788, 0),
    ("jarvis", "band_gap_mbj", 7_296, 7_013, 1),
    ("jarvis", "bulk_modulus", 10_743, 10_325, 0),
    ("jarvis", "shear_modulus", 10_209, 9_826, 0),
    ("mp", "formation_energy", 85_014, 85_014, 0),
    ("mp", "band_gap", 106_113, 78_164, 0),
    ("oqmd", "formation_energy", 341_700, 341_623, 77),
    ("oqmd", "band_gap", 341_608, 341_608, 0),
    ("oqmd", "volume_per_atom", 341_700, 341_699, 1),
]


@pytest.mark.parametrize(("dataset", "name", "rows", "kept", "rejected"), TABLES)
def test_real_table(data_folder: Path, dataset: str, name: str, rows: int, kept: int, rejected: int) -> None:
    if not (data_folder / dataset / f"{name}.csv").is_file():
        pytest.skip(f"BRANCHSEARCH_DATA has no {dataset}/{name}.csv")
    split = load(DataRequest(dataset, name, data_dir=str(data_folder)))
    report = split.report
    assert (report.rows_in, report.rows_kept, report.rows_rejected) == (rows, kept, rejected), report.summary()
    check_invariants(split)
    if name == "formation_energy":
        assert -5 < report.value_range[0] < report.value_range[1] < 7


def test_oqmds_wrong_values_can_be_kept(data_folder: Path) -> None:
    report = load(DataRequest("oqmd", data_dir=str(data_folder), outliers=0)).report
    np.testing.assert_allclose(report.value_range, (-198.7, 43.47), atol=0.01)
    assert report.rows_rejected == 0


def test_the_shipped_table_is_the_real_one(data_folder: Path) -> None:
    assert same(load(DataRequest("mp")), load(DataRequest("mp", data_dir=str(data_folder))))
