"""How long `fast` takes to the validation MAE that `paper` reaches, BRNet on JARVIS.

Both train in one process on one thread, and the one that has trained for less time always goes next, so that
whatever else the machine does slows both alike. `paper` goes on to its early stopping or to --minutes of training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import torch
from matplotlib import pyplot

from benchmarks.report import Row, arguments, faster, report
from models.candidate import Candidate
from models.data import TrainingData
from models.network import predict
from models.published import BRNET
from models.recipe import FAST, PAPER
from models.run import Epoch
from models.training import TrainingRun
from search.data import DataRequest, Split, load


@dataclass
class Curve:
    """A recipe's run: seconds of training and validation MAE after every epoch."""

    recipe: str
    seed: int
    seconds: list[float] = field(default_factory=list)
    validation_mae: list[float] = field(default_factory=list)
    best_mae: float = float("inf")
    test_mae: float = float("nan")
    stop_reason: str = "out of time"

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


def train_side_by_side(split: Split, seed: int, minutes: float) -> list[Curve]:
    data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
    recipes = {"paper": PAPER, "fast": FAST}
    curves = [Curve(name, seed) for name in recipes]
    runs = [TrainingRun(Candidate(BRNET, recipe), data, seed=seed) for recipe in recipes.values()]
    going = [(run, iter(run), curve) for run, curve in zip(runs, curves, strict=True)]
    while going:
        going.sort(key=lambda entry: entry[0].state.seconds)
        run, epochs, curve = going[0]
        curve.add(next(epochs))
        print(
            f"seed {seed} {curve.recipe} {run.state.epochs} {run.state.seconds:.0f} s {run.state.best_error:.4f}",
            flush=True,
        )
        if run.state.stop_reason is not None or run.state.seconds > 60 * minutes:
            curve.stop_reason = run.state.stop_reason or curve.stop_reason
            going.pop(0)
    x, y = torch.from_numpy(split.test.x), torch.from_numpy(split.test.y)
    for run, curve in zip(runs, curves, strict=True):
        curve.test_mae = (predict(run.best_network(), x)[:, 0] - y).abs().mean().item()
    return curves


def rows_of(curves: Sequence[Curve]) -> list[Row]:
    rows = []
    for seed in sorted({curve.seed for curve in curves}):
        paper, fast = (next(c for c in curves if (c.recipe, c.seed) == (name, seed)) for name in ("paper", "fast"))
        ended = f"paper's best of {paper.best_mae:.4f} ({paper.stop_reason})"
        needed, took = fast.seconds_to(paper.best_mae), paper.seconds_to(paper.best_mae)
        if needed is not None and took is not None:
            rows.append(faster(f"seed {seed}: time to {ended}", needed, took))
        end = fast.seconds[-1]
        unit = "eV/atom"
        rows.append(faster(f"seed {seed}: validation MAE after {end:.0f} s", fast.best_mae, paper.best_by(end), unit))
        rows.append(faster(f"seed {seed}: validation MAE at the end", fast.best_mae, paper.best_mae, unit))
        rows.append(faster(f"seed {seed}: test MAE", fast.test_mae, paper.test_mae, unit))
    return rows


def draw(curves: Sequence[Curve], path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for curve in curves:
        style = "-" if curve.recipe == "fast" else "--"
        minutes = [seconds / 60 for seconds in curve.seconds]
        colour = "black" if curve.recipe == "fast" else "tab:orange"
        label = f"{curve.recipe}, test MAE {curve.test_mae:.3f}"
        axes.plot(minutes, curve.validation_mae, style, color=colour, label=label, linewidth=1.2)
    axes.set(xlabel="minutes of training on one CPU thread", ylabel="validation MAE (eV/atom)", ylim=(0.1, 0.3))
    axes.set_title("BRNet on JARVIS formation energy")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, bbox_inches="tight", dpi=150)
    print(f"wrote {path}")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="training time of each recipe at most")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="draw the curves to this file (.svg, .png)")
    parser.add_argument("--curves", type=Path, help="write the curves to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    split = load(DataRequest("mp", rows=2000) if options.quick else DataRequest("jarvis"))
    minutes = 0.3 if options.quick else options.minutes
    curves = [
        curve
        for seed in range(1 if options.quick else options.seeds)
        for curve in train_side_by_side(split, seed, minutes)
    ]
    if options.curves:
        options.curves.write_text(json.dumps([vars(curve) for curve in curves]) + "\n")
    if options.picture:
        draw(curves, options.picture)
    table = "2,000 MP rows" if options.quick else "JARVIS"
    report(f"time to accuracy: fast (ours) against paper, BRNet on {table}", rows_of(curves), options)


if __name__ == "__main__":
    main()
