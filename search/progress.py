"""How a search stands, on the terminal: a live view, or a line now and then where the output is a file."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.labels import with_unit
from search.report.wording import count, number
from search.results import TrialResult

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


def duration(seconds: float) -> str:
    """`2.4 s`, `45 s`, `12 min`, `3 h 20 min`."""
    if 0.05 <= seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class Running:
    """A trial under way."""

    name: str
    epoch: int = 0
    error: float | None = None
    part: float = 1.0


@dataclass
class Progress:
    """Counts of a search and its display; `total` trials of at most `epochs` epochs, errors in `unit`.

    Where the total `is_at_most` so many, the search may end before. Trials on a `part` of the rows are no results and
    count as that part in `work`, which is the total where all are on all rows.
    """

    title: str
    total: int | None
    epochs: int
    unit: str
    console: Console
    deadline: float | None = None
    started: float = field(default_factory=time.time)
    is_at_most: bool = False
    work: float | None = None
    running: dict[str, Running] = field(default_factory=dict)
    done: int = 0
    stopped_early: int = 0
    failed: int = 0
    taken_over: int = 0
    work_done: float = 0.0
    work_saved: float = 0.0
    best: tuple[float, str] | None = None
    _live: Live | None = None
    _last_line: float = field(default_factory=time.time)

    def open(self) -> None:
        if self.console.is_terminal:
            self._live = Live(get_renderable=self._view, console=self.console, refresh_per_second=2, transient=True)
            self._live.start()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def begin(self, trial_id: str, name: str, part: float = 1.0) -> None:
        self.running.setdefault(trial_id, Running(name, part=part))

    def epoch(self, trial_id: str, epoch: int, error: float) -> None:
        trial = self.running[trial_id]
        trial.epoch, trial.error = epoch, error
        if trial.part == 1 and (self.best is None or error < self.best[0]):
            self.best = (error, trial.name)
        if self._live is None and time.time() - self._last_line > SECONDS_BETWEEN_LINES:
            self._line(self.summary())

    def name_of(self, trial_id: str) -> str:
        return self.running[trial_id].name if trial_id in self.running else "a trial"

    def note(self, text: str) -> None:
        """One line of what happened beside the results."""
        self._line(text)

    def leave(self, trial_id: str) -> None:
        """Forget a trial under way, which goes on where the search does."""
        self.running.pop(trial_id, None)

    def count(self, result: TrialResult, name: str, stopped_early: bool, part: float = 1.0) -> None:
        """Enter a trial that has ended, in this session or, before it begins, in an earlier one."""
        if part == 1 and result.failure is None and (self.best is None or result.best_error < self.best[0]):
            self.best = (result.best_error, name)
        self.done += 1
        self.failed += result.failure is not None
        if result.taken_from is None:
            self.work_done += part
        else:
            self.taken_over += 1
            self.work_saved += part
        self.stopped_early += stopped_early

    def end(self, result: TrialResult, stopped_early: bool) -> None:
        ended = self.running.pop(result.trial_id, Running("?"))
        name = ended.name
        self.count(result, name, stopped_early, ended.part)
        outcome = f"failed: {result.failure}" if result.failure else with_unit(number(result.best_error), self.unit)
        reason = "" if result.failure else f" ({result.stop_reason})"
        between = " of at most " if self.is_at_most else "/"
        place = f"{self.done}{between}{self.total}" if self.total else f"{self.done}"
        detail = f"{outcome}, {count(result.epochs, 'epoch')} in {duration(result.seconds)}{reason}"
        self._line(f"{place}  {name}  {detail}; {self.time_left()}")

    def _line(self, text: str) -> None:
        self._last_line = time.time()
        logger.info(text)
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def fraction(self) -> float | None:
        """Part of the search that is done, by trials and the epochs of those under way; by time under a budget."""
        elapsed = time.time() - self.started
        by_time = elapsed / (self.deadline - self.started) if self.deadline else None
        if self.total is None:
            return by_time
        under_way = sum(trial.part * trial.epoch / self.epochs for trial in self.running.values())
        work = self.total if self.work is None else self.work
        to_train = work - self.work_saved  # what was taken over took no time, and says nothing of the pace
        by_trials = (self.work_done + under_way) / to_train if to_train > 0 else 1.0
        return max(by_trials, by_time or 0.0)

    def time_left(self) -> str:
        """How long the rest takes if it goes on at the pace so far and no trial stops early."""
        if self.done == self.total:
            return "all done"
        fraction = self.fraction()
        if not fraction:
            return "time left not known yet"
        left = (time.time() - self.started) * (1 / fraction - 1)
        return f"at most about {duration(max(0.0, left))} left"

    def summary(self) -> str:
        total = f" of {'at most ' * self.is_at_most}{self.total}" if self.total else ""
        best = f"best {with_unit(number(self.best[0]), self.unit)} {self.best[1]}" if self.best else self._no_best()
        parts = [f"{self.done}{total} trials done", f"{len(self.running)} running"]
        parts += [f"{self.stopped_early} stopped early"] if self.stopped_early else []
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.taken_over} taken over"] if self.taken_over else []
        return ", ".join([*parts, best, self.time_left()])

    def _no_best(self) -> str:
        return "none on all rows yet" if self.work != self.total else "no result yet"

    def _view(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        table.add_column("running")
        table.add_column("epoch", justify="right")
        table.add_column(with_unit("validation", self.unit), justify="right")
        for trial in list(self.running.values()):
            error = "" if trial.error is None else number(trial.error)
            table.add_row(trial.name, f"{trial.epoch}/{self.epochs}", error)
        bar = Table.grid()
        bar.add_row(ProgressBar(total=1.0, completed=min(1.0, self.fraction() or 0.0), width=60))
        elapsed = duration(time.time() - self.started)
        return Group(Text(f"{self.title}  ({elapsed})", style="bold"), bar, Text(self.summary()), table)
