"""How long `fast` takes to the validation MAE that `paper` reaches, BRNet on JARVIS.

Both train in one process on one thread, and the one that has trained for less time always goes next, so that
whatever else the machine does slows both alike. `paper` goes on to its early stopping, which takes hours, or to
--minutes of training.
Where --state is given, the same command goes on from there; what is killed loses five minutes at most.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import torch
from matplotlib import pyplot

from benchmarks.report import Row, arguments, faster, report, spread
from models.candidate import Candidate
from models.data import TrainingData
from models.network import predict
from models.published import BRNET
from models.recipe import FAST, PAPER
from models.run import Epoch
from models.training import TrainingRun
from search.data import DataRequest, Split, load
from search.whole_file import whole_file

RECIPES = {"paper": PAPER, "fast": FAST}
CURVES_FILE = "curves.json"
OUT_OF_TIME = "out of time"
SECONDS_A_SAVE = 300.0


@dataclass
class Curve:
    """A recipe's run: seconds of training and validation MAE after every epoch."""

    recipe: str
    seed: int
    seconds: list[float] = field(default_factory=list)
    validation_mae: list[float] = field(default_factory=list)
    best_mae: float = float("inf")
    test_mae: float = float("nan")
    stop_reason: str = OUT_OF_TIME

    def add(self, epoch: Epoch) -> None:
        self.seconds.append((self.seconds[-1] if self.seconds else 0.0) + epoch.seconds)
        self.validation_mae.append(epoch.validation_error)
        self.best_mae = min(self.best_mae, epoch.validation_error)

    def seconds_to(self, mae: float) -> float | None:
        return next((s for s, v in zip(self.seconds, self.validation_mae, strict=True) if v <= mae), None)

    def best_by(self, seconds: float) -> float:
        """Lowest validation MAE after at most so many seconds."""
        done = [v for s, v in zip(self.seconds, self.validation_mae, strict=True) if s <= seconds]
        return min(done, default=float("nan"))


class SideBySide:
    """Both recipes from one seed on one split; kept in `folder`, if given, every five minutes and at the end."""

    def __init__(self, split: Split, seed: int, folder: Path | None) -> None:
        data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
        self._split, self._folder, self._seed = split, folder, seed
        self._runs = {name: TrainingRun(Candidate(BRNET, recipe), data, seed=seed) for name, recipe in RECIPES.items()}
        self._curves = {name: Curve(name, seed) for name in RECIPES}
        if folder is not None and (folder / CURVES_FILE).exists():
            self._curves = {facts["recipe"]: Curve(**facts) for facts in json.loads((folder / CURVES_FILE).read_text())}
            for name, run in self._runs.items():
                run.restore(folder / checkpoint_name(name, len(self._curves[name].seconds)))

    def train(self, minutes: float) -> list[Curve]:
        """The curves after so many minutes of each, or fewer where all ended before."""
        kept = time.perf_counter()
        while going := [name for name, run in self._runs.items() if self._goes_on(run, minutes)]:
            name = min(going, key=lambda name: self._runs[name].state.seconds)
            run = self._runs[name]
            self._curves[name].add(run.epoch())
            self._curves[name].stop_reason = run.state.stop_reason or OUT_OF_TIME
            state = run.state
            print(f"seed {self._seed} {name} {state.epochs} {state.seconds:.0f} s {state.best_error:.4f}", flush=True)
            if time.perf_counter() - kept > SECONDS_A_SAVE:
                self._keep()
                kept = time.perf_counter()
        self._keep()
        if self._folder is None or all(run.state.stop_reason for run in self._runs.values()):
            self._test()  # once: not what will be gone on with
        return list(self._curves.values())

    def _test(self) -> None:
        x, y = torch.from_numpy(self._split.test.x), torch.from_numpy(self._split.test.y)
        for name, run in self._runs.items():
            self._curves[name].test_mae = (predict(run.best_network(), x)[:, 0] - y).abs().mean().item()

    @staticmethod
    def _goes_on(run: TrainingRun, minutes: float) -> bool:
        return run.state.stop_reason is None and run.state.seconds < 60 * minutes

    def _keep(self) -> None:
        """Write both, the curves last: they name the checkpoints that belong to them."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        names = {checkpoint_name(name, run.state.epochs): run for name, run in self._runs.items()}
        for file, run in names.items():
            run.save(self._folder / file)
        with whole_file(self._folder / CURVES_FILE, "--state") as curves:
            curves.write_text(json.dumps([asdict(curve) for curve in self._curves.values()]))
        for old in self._folder.glob("*.npz"):
            if old.name not in names:
                old.unlink()


def checkpoint_name(recipe: str, epochs: int) -> str:
    return f"{recipe}-{epochs}.npz"


COLOURS = {"paper": "tab:orange", "fast": "black"}


def rows_of(curves: Sequence[Curve]) -> list[Row]:
    rows = []
    for seed in sorted({curve.seed for curve in curves}):
        paper, fast = (next(c for c in curves if (c.recipe, c.seed) == (name, seed)) for name in ("paper", "fast"))
        ended = f"paper's best of {paper.best_mae:.4f} ({paper.stop_reason})"
        reached = max(paper.best_mae, fast.best_mae)  # by both
        needed, took = fast.seconds_to(reached), paper.seconds_to(reached)
        assert needed is not None
        assert took is not None
        short = "" if reached == paper.best_mae else f"fast's best of {reached:.4f}, short of "
        rows.append(faster(f"seed {seed}: time to {short}{ended}", needed, took))
        end = fast.seconds[-1]
        unit = "eV/atom"
        rows.append(faster(f"seed {seed}: validation MAE after {end:.0f} s", fast.best_mae, paper.best_by(end), unit))
        rows.append(faster(f"seed {seed}: validation MAE at the end", fast.best_mae, paper.best_mae, unit))
        if math.isfinite(fast.test_mae):
            rows.append(faster(f"seed {seed}: test MAE", fast.test_mae, paper.test_mae, unit))
    return rows


def means(curves: Sequence[Curve]) -> list[Row]:
    """Of the errors at the end, over the seeds, where there are several."""
    seeds = len({curve.seed for curve in curves})
    rows: list[Row] = []
    if seeds == 1:
        return rows
    for what, field_name in (("validation MAE at the end", "best_mae"), ("test MAE", "test_mae")):
        of_recipe = {name: [getattr(c, field_name) for c in curves if c.recipe == name] for name in RECIPES}
        fast, paper = (statistics.fmean(of_recipe[name]) for name in ("fast", "paper"))
        if math.isfinite(fast) and math.isfinite(paper):
            rows.append(faster(f"mean of {seeds} seeds: {what}", fast, paper, "eV/atom"))
    return rows


def draw(curves: Sequence[Curve], path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, colour in COLOURS.items():
        own = [curve for curve in curves if curve.recipe == name]
        seeds = "1 seed" if len(own) == 1 else f"{len(own)} seeds"
        label: str | None = f"{name}, {seeds}: test MAE {spread([curve.test_mae for curve in own])}"
        for curve in own:
            minutes = [seconds / 60 for seconds in curve.seconds]
            axes.plot(minutes, curve.validation_mae, color=colour, label=label, linewidth=0.8, alpha=0.7)
            label = None  # one for all seeds
    axes.set(xlabel="minutes of training on one CPU thread", ylabel="validation MAE (eV/atom)", ylim=(0.1, 0.3))
    axes.set_title("BRNet on JARVIS formation energy")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, bbox_inches="tight", dpi=150)
    print(f"wrote {path}")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=math.inf, help="training time of each recipe at most")
    parser.add_argument(
        "--seeds", type=int, nargs="+", metavar="SEED", help="one after another; 0 1 2, or with --quick 0"
    )
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="where to go on from, and what to go on with")
    parser.add_argument("--picture", type=Path, help="draw the curves to this file (.svg, .png)")
    parser.add_argument("--curves", type=Path, help="write the curves to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    split = load(DataRequest("mp", rows=2000) if options.quick else DataRequest("jarvis"))
    minutes = 0.3 if options.quick else options.minutes
    seeds = options.seeds or ([0] if options.quick else [0, 1, 2])
    folder = options.state and options.state / ("quick" if options.quick else "jarvis")
    curves = [
        curve for seed in seeds for curve in SideBySide(split, seed, folder and folder / f"seed-{seed}").train(minutes)
    ]
    if options.curves:
        options.curves.write_text(json.dumps([asdict(curve) for curve in curves]) + "\n")
    if options.picture:
        draw(curves, options.picture)
    table = "2,000 MP rows" if options.quick else "JARVIS"
    report(f"time to accuracy: fast (ours) against paper, BRNet on {table}", rows_of(curves) + means(curves), options)


if __name__ == "__main__":
    main()
