"""Writes the shipped table anew: `python -m search.data.shipped.build` (gets crabnet's wheel with pip, 35 MB)."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow
import pyarrow.parquet

from search.data.crabnet import download_wheel, join_tables

TABLE = Path(__file__).with_name("mp_formation_energy.parquet")
MEMBERS = tuple(f"crabnet/data/benchmark_data/CritExam__Ef/{part}.csv" for part in ("train", "val", "test"))


def build() -> bytes:
    """The Parquet file's bytes: columns formula (as in crabnet) and formation_energy (float32, eV/atom).

    Sorted by formula and kept in float32, which is all that training uses: so it is a third of a megabyte smaller than
    as found. Raises UnavailableError if the wheel cannot be had.
    """
    rows = list(csv.DictReader(io.StringIO(join_tables(download_wheel(), MEMBERS).decode())))
    rows.sort(key=lambda row: row["formula"])
    table = pyarrow.table(
        {
            "formula": pyarrow.array([row["formula"] for row in rows], pyarrow.string()),
            "formation_energy": pyarrow.array([float(row["target"]) for row in rows], pyarrow.float32()),
        }
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding={"formula": "DELTA_BYTE_ARRAY", "formation_energy": "BYTE_STREAM_SPLIT"},
    )
    return bytes(sink.getvalue())


if __name__ == "__main__":
    TABLE.write_bytes(build())
    print(f"{TABLE.name}: {TABLE.stat().st_size:,} bytes")
