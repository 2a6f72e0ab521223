import hashlib

import numpy as np
import pyarrow.parquet as pq

from search.data.shipped.build import TABLE

# Of the formulas, one a line, and the float32 values; written when the table was built from crabnet's wheel.
VALUES_SHA256 = "d7e97c049e216fd7c9809008b63db9cc1124f85351b83bb0a8c6cba8890f8ee2"


def test_shipped_values_are_the_ones_built() -> None:
    assert TABLE.stat().st_size < 1_000_000
    table = pq.read_table(TABLE)
    formulas = table.column("formula").to_pylist()
    energies = table.column("formation_energy").to_numpy()
    assert len(formulas) == len(set(formulas)) == 85_014
    assert energies.dtype == np.float32
    digest = hashlib.sha256("\n".join(formulas).encode())
    digest.update(energies.astype("<f4").tobytes())
    assert digest.hexdigest() == VALUES_SHA256


def test_provenance_and_licence_lie_beside_it() -> None:
    assert "crabnet" in TABLE.with_name("PROVENANCE.md").read_text()
    assert "Permission is hereby granted" in TABLE.with_name("LICENSE-crabnet.txt").read_text()
