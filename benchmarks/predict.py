"""How fast compositions are read and predicted by one BRNet, and how much memory a long table takes.

Formulas are made up: three of the 86 elements at random. Each rate is of its part alone, on all cores that this
process may use: parsing (one core); the network; and all that an answer holds, with interval and warnings. The
baseline of parsing is pymatgen's Composition, a formula at a time, on a sample; that of the rates is the network as
torch runs it without ado, in batches of 8,192. Peak memory is that of one process which streams a CSV file to another;
its baseline is a tenth of the rows. The weights are not trained, which no rate depends on.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pymatgen.core.composition import Composition

from benchmarks.report import Row, arguments, report
from models.ensemble import Ensemble
from models.network import build, predict
from models.published import BRNET
from search.data import ELEMENTS, DataRequest, featurise, load
from search.inference.asking import PART
from search.inference.predictor import Predictor
from search.inference.threads import side_by_side

SAMPLE = 5_000
MIB = 2**20

STREAM = """
import resource, sys
from pathlib import Path
import torch
from search.inference.package import load_package
from search.inference.prediction import texts, write
from search.inference.rows import open_input
torch.set_num_threads(int(sys.argv[4]))
predictor = load_package(Path(sys.argv[1]))
table = open_input(Path(sys.argv[2]), None)
write(table.chunks(), texts(table.names), table.rows, predictor, Path(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="compositions to stream (5,000 with --quick)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the network")
    options = parser.parse_args()
    rows = 5_000 if options.quick else options.rows
    torch.set_num_threads(options.threads)
    formulas = made_up(rows)
    split = load(DataRequest("mp"))
    network = build(BRNET)
    predictor = Predictor.of(Ensemble([network]), split, {})
    rough = Predictor(Ensemble([network], bfloat16=True), predictor.calibration, predictor.domain, {})
    few = formulas[: min(rows, 100_000)]
    x = featurise(few[: 4_096 if options.quick else 65_536]).x
    plain = rate(lambda: predict(network, torch.from_numpy(x)), len(x))
    table = [
        higher("parsing", rate(lambda: featurise(few), len(few)), rate(lambda: by_pymatgen(few), SAMPLE, 1)),
        higher("network", network_rate(predictor, x, options.threads), plain),
        higher("network, bfloat16", network_rate(rough, x, options.threads), plain),
        higher("value, interval, warnings", rate(lambda: predictor.predict_fractions(x), len(x)), plain),
        higher("value, interval, warnings, bfloat16", rate(lambda: rough.predict_fractions(x), len(x)), plain),
        *streaming(predictor, formulas, options.threads),
    ]
    report(f"Predicting with BRNet, {rows:,} made-up compositions, {options.threads} threads", table, options)


def made_up(rows: int) -> list[str]:
    draw = random.Random(0)
    return ["".join(f"{e}{draw.randint(1, 9)}" for e in draw.sample(ELEMENTS, 3)) for _ in range(rows)]


def higher(case: str, ours: float, baseline: float) -> Row:
    """A row for a rate, of which more is better."""
    return Row(case, ours, baseline, ours / baseline, "compositions/s")


def rate(work: Callable[[], object], rows: int, repeats: int = 2) -> float:
    """Rows a second, the best of a few times."""
    best = 0.0
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = max(best, rows / (time.perf_counter() - started))
    return best


def network_rate(predictor: Predictor, x: np.ndarray, threads: int) -> float:
    def work() -> object:
        return side_by_side(lambda part: predictor.ensemble.predict(torch.from_numpy(x[part])), len(x), PART, threads)

    return rate(work, len(x))


def by_pymatgen(formulas: list[str]) -> None:
    # once only: pymatgen keeps what it has parsed
    for formula in formulas[:SAMPLE]:
        Composition(formula).get_el_amt_dict()


def streaming(predictor: Predictor, formulas: list[str], threads: int) -> list[Row]:
    """Rate and memory of a whole table, from file to file, against a tenth of it."""
    rates, peaks = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        predictor.save(folder / "model")
        for rows in (len(formulas), len(formulas) // 10):
            (folder / "in.csv").write_text("formula\n" + "\n".join(formulas[:rows]) + "\n")
            files = [str(folder / part) for part in ("model", "in.csv", "out.csv")]
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", STREAM, *files, str(threads)], check=True, capture_output=True, text=True
            )
            rates.append(rows / (time.perf_counter() - started))
            peaks.append(int(done.stdout.split()[-1]) * 1024 / MIB)
    return [
        Row("from file to file, start included", rates[0], None, None, "compositions/s"),
        Row("peak memory; baseline: a tenth of the rows", peaks[0], peaks[1], None, "MiB"),
    ]


if __name__ == "__main__":
    main()
