"""A search under random faults: no finished trial lost, none counted twice, ranking as that of an undisturbed search.

The same search of narrow networks runs twice through its own command: once left alone, once while trials' processes and
drivers are killed, checkpoints cut short, cached tables damaged, the MLflow server killed and Ctrl-C pressed, at random
moments; after each end of the driver it is resumed. About half the networks' losses leave the finite numbers, in both.
Ends with status 1 where anything differs.
"""

from __future__ import annotations

import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fault_outcome import Outcome, differences, journal_of, outcome_of
from benchmarks.injection import Driver, Server, cut_a_checkpoint, damage_cache, kill_a_worker
from benchmarks.report import Row, arguments, report
from search.journal import Journal
from search.results import TrialResult

RECIPE = ["recipe.optimiser=sgd", "recipe.learning_rate=0.01", "recipe.loss=mse", "recipe.batch_size=32"]
SEARCH = ["space=components", "dataset=mp", "rows=600", *RECIPE, "checkpoint_every=0.2s", "retries=1000"]

WORKER, CHECKPOINT, KILL, CTRL_C, CACHE, SERVER = (
    "trial's process killed", "checkpoint cut short", "driver killed", "Ctrl-C", "cached table damaged",
    "MLflow server killed",
)  # fmt: skip
FULL = {WORKER: 58, CHECKPOINT: 24, KILL: 6, CTRL_C: 3, CACHE: 9, SERVER: 4}
QUICK = {WORKER: 5, CHECKPOINT: 3, KILL: 1, CTRL_C: 1, CACHE: 2, SERVER: 0}

SECONDS_BETWEEN_FAULTS = 0.5
LONGEST_SEARCH_SECONDS = 3600.0


@dataclass
class Disturbance:
    """Does what is left of its faults to a search, one after another."""

    folder: Path
    left: Counter[str]
    chance: random.Random
    trials: int
    server: Server | None
    done: Counter[str] = field(default_factory=Counter)
    seen: dict[str, TrialResult] = field(default_factory=dict)
    server_back_at: float | None = None

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def run(self, search: list[str]) -> None:
        """Run the search to its end, resuming it after each end that is none."""
        started = time.monotonic()
        while True:
            if self.left[CACHE] and damage_cache(self.cache, self.chance):
                self._count(CACHE)
            if self.server is not None:
                self.server.wait()
            before = journal_of(self.folder)
            driver = Driver(search if before is None else ["resume=latest", *self._tracking()], self.folder, self.cache)
            end = self._disturb(driver)
            self._remember()
            if end == 0:
                return
            if end not in (-signal.SIGKILL, 128 + signal.SIGINT):
                raise RuntimeError(f"the driver ended with {end}; see {self.folder}/driver.log")
            if time.monotonic() - started > LONGEST_SEARCH_SECONDS:
                raise TimeoutError("the search does not come to its end")

    def _tracking(self) -> list[str]:
        return ["tracking=server", f"tracking.uri={self.server.uri}"] if self.server is not None else []

    def _disturb(self, driver: Driver) -> int:
        """Faults until the driver ends; its exit status."""
        while driver.status() is None:
            time.sleep(self.chance.expovariate(1 / SECONDS_BETWEEN_FAULTS))
            self._bring_server_back()
            if self._is_due() and driver.trials() and driver.status() is None:
                kinds = [kind for kind in self.left.elements() if kind != CACHE]
                kind = self.chance.choice(kinds) if kinds else ""
                if kind and self._do(kind, driver):
                    self._count(kind)
        self._bring_server_back(at_once=True)
        return driver.status() or 0

    def _is_due(self) -> bool:
        """Faults are spread over the trials, so that the search comes on and every part of it has its share."""
        search = journal_of(self.folder)
        if search is None or not self.left.total():
            return False
        finished = len(Journal(search).results()[0])
        return self.done.total() * self.trials <= (finished + 1) * (self.done.total() + self.left.total())

    def _do(self, kind: str, driver: Driver) -> bool:
        search = journal_of(self.folder)
        if search is None:
            return False
        if kind == WORKER:
            return kill_a_worker(driver, self.chance)
        if kind == CHECKPOINT:
            return cut_a_checkpoint(driver, search, self.chance)
        if kind == SERVER:
            return self._take_server_away()
        driver.kill() if kind == KILL else driver.interrupt()
        driver.process.wait()
        return True

    def _take_server_away(self) -> bool:
        if self.server is None or self.server_back_at is not None:
            return False
        self.server.kill()
        self.server_back_at = time.monotonic() + self.chance.uniform(1, 10)
        return True

    def _bring_server_back(self, at_once: bool = False) -> None:
        due = self.server_back_at is not None and (at_once or time.monotonic() > self.server_back_at)
        if self.server is not None and due:
            self.server.start()
            self.server_back_at = None

    def _count(self, kind: str) -> None:
        self.done[kind] += 1
        self.left[kind] -= 1

    def _remember(self) -> None:
        """What the journal says to be finished, for good."""
        search = journal_of(self.folder)
        if search is not None:
            for trial, result in Journal(search).results()[0].items():
                if self.seen.setdefault(trial, result) != result:
                    raise AssertionError(f"trial {trial} was finished and has another result now")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main() -> int:
    """Run both searches, count the faults and compare; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave everything in FOLDER")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="branchsearch-faults-"))
    faults = QUICK if options.quick else FULL
    size = ["trials=6", "recipe.epochs=20"] if options.quick else ["seeds=3", "recipe.epochs=30"]
    search = [*SEARCH, *size]
    plain, disturbed = folder / "undisturbed", folder / "disturbed"
    for path in (plain, disturbed):
        path.mkdir(parents=True)
    server = Server(disturbed, free_port()) if faults[SERVER] else None
    if server is not None:
        server.start()
    try:
        seconds, undisturbed = run_plain(search, plain)
        trials = len(undisturbed.children)
        disturbance = Disturbance(disturbed, Counter(faults), random.Random(options.seed), trials, server)
        started = time.monotonic()
        disturbance.run([*search, *disturbance._tracking()])
        uri = server.uri if server is not None else f"sqlite:///{disturbed}/mlflow.db"
        if server is not None:
            server.wait()
        ours = outcome_of(disturbed, uri)
    finally:
        if server is not None:
            server.kill()
    wall, broken = time.monotonic() - started, differences(ours, undisturbed, disturbance.seen)
    rows = [
        *rows_of(disturbance.done, list(faults), ours, undisturbed),
        Row("promises broken", float(len(broken)), None, None, ""),
        Row("wall time", wall, seconds, None, "s"),
    ]
    report(f"A search under faults, seed {options.seed}; baseline: undisturbed", rows, options)
    for sentence in broken:
        print(sentence, file=sys.stderr)
    if options.keep is None and not broken:
        shutil.rmtree(folder)
    elif broken:
        print(f"everything is left in {folder}", file=sys.stderr)
    return 1 if broken else 0


def rows_of(done: Counter[str], kinds: Sequence[str], ours: Outcome, undisturbed: Outcome) -> list[Row]:
    """How many faults of each kind there were, and how the trials of both searches ended."""
    failed = [float(sum(r.info.status == "FAILED" for r in o.children)) for o in (ours, undisturbed)]
    return [
        *(Row(kind, float(done[kind]), None, None, "faults") for kind in kinds),
        Row("all", float(done.total()), None, None, "faults"),
        Row("trials", float(len(ours.children)), float(len(undisturbed.children)), None, "trials"),
        Row("of these with a loss that is not finite", failed[0], failed[1], None, "trials"),
    ]


def run_plain(search: list[str], folder: Path) -> tuple[float, Outcome]:
    """The search left alone: its seconds and what it came to."""
    started = time.monotonic()
    status = Driver(search, folder, folder / "cache").process.wait()
    if status:
        raise RuntimeError(f"the undisturbed search ended with {status}; see {folder}/driver.log")
    return time.monotonic() - started, outcome_of(folder, f"sqlite:///{folder}/mlflow.db")


if __name__ == "__main__":
    sys.exit(main())
