"""Whether 90 % intervals hold 90 % of values that were not trained on, over random splits of JARVIS.

Every split is dealt out anew; a BRNet is trained for a few epochs, calibrated on validation, which also chooses by what
errors are expected, and then asked once about its test set. The baseline is an interval of one width everywhere,
calibrated on the same validation rows. Needs JARVIS: BRANCHSEARCH_DATA, or jarvis-tools' download.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import replace

import numpy as np
import torch

from benchmarks.report import Row, arguments, report
from models.candidate import Candidate
from models.ensemble import Ensemble
from models.network import predict
from models.published import BRNET
from models.recipe import FAST
from models.training import TrainingRun
from search.data import DataRequest, Split, load
from search.inference.difficulty import SIGNS, conformal_quantile
from search.inference.predictor import Predictor
from search.inference.quality import Quality
from search.targets import training_data

FIRST_SPLIT_SEED = 1


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--splits", type=int, default=5, help="random splits (2 with --quick)")
    parser.add_argument("--epochs", type=int, default=3, help="of each network (1 with --quick)")
    parser.add_argument("--members", type=int, default=1, help="networks of a model, from different seeds")
    options = parser.parse_args()
    splits, epochs = (2, 1) if options.quick else (options.splits, options.epochs)
    ours, plain, taken = [], [], Counter[str]()
    for seed in range(FIRST_SPLIT_SEED, FIRST_SPLIT_SEED + splits):
        split = load(DataRequest("jarvis", split_seed=seed))
        predictor = trained(split, epochs, options.members)
        ours.append(Quality.on(predictor, split.test))
        plain.append(constant(predictor, split))
        taken.update(name for name, weight in zip(SIGNS, predictor.calibration.weights, strict=True) if weight)
    coverage, usual = ([100 * quality.coverage for quality in several] for several in (ours, plain))
    width, usual_width = ([quality.width for quality in several] for several in (ours, plain))
    rows = [
        Row("values inside, mean over splits", statistics.fmean(coverage), statistics.fmean(usual), None, "%"),
        Row("values inside, standard deviation", deviation(coverage), deviation(usual), None, "points"),
        Row("the same by counting alone", by_counting(split), None, None, "points"),
        Row("farthest from 90 %", farthest(coverage), farthest(usual), None, "points"),
        Row("mean width", statistics.fmean(width), statistics.fmean(usual_width), None, "eV/atom"),
        Row("test MAE", statistics.fmean(quality.mae for quality in ours), None, None, "eV/atom"),
        *(Row(f"splits that expect errors by: {name}", taken[name], None, None, "splits") for name in SIGNS),
    ]
    title = f"90 % intervals on JARVIS' test rows, {splits} splits, {options.members} BRNet of {epochs} epochs"
    report(title, rows, options)


def trained(split: Split, epochs: int, members: int) -> Predictor:
    data, networks = training_data(split), []
    for seed in range(members):
        run = TrainingRun(Candidate(BRNET, replace(FAST, epochs=epochs)), data, seed)
        for _ in run:
            pass
        networks.append(run.best_network())
    return Predictor.of(Ensemble(networks), split, {})


def constant(predictor: Predictor, split: Split) -> Quality:
    """The same networks with one width for all compositions."""
    errors = []
    for part in (split.validation, split.test):
        assert isinstance(predictor.ensemble, Ensemble)
        members = [predict(network, torch.from_numpy(part.x))[:, 0].numpy() for network in predictor.ensemble.networks]
        errors.append(np.abs(np.mean(members, axis=0) - part.y).astype(np.float64))
    half = conformal_quantile(errors[0])
    return Quality(float(errors[1].mean()), float(np.mean(errors[1] <= half)), 2 * half)


def by_counting(split: Split) -> float:
    """Standard deviation in points that an exact method has, by how few rows it is calibrated and tested on."""
    variance = 0.9 * 0.1 * (1 / len(split.validation) + 1 / len(split.test))
    return 100 * math.sqrt(variance)


def deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def farthest(values: list[float]) -> float:
    return max(abs(value - 90) for value in values)


if __name__ == "__main__":
    main()
