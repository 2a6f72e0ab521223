"""What a search has done so far, line by line in its folder: what it takes to go on after any end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from models.candidate import Candidate
from search.errors import UserError
from search.results import TrialResult

JOURNAL_FILE = "journal.jsonl"
LOCK_FILE = "lock"
SECONDS_BETWEEN_SIGNS_OF_LIFE = 2.0


class Journal:
    """Appends one line an event, on the disk when `write` returns; a line that a crash cut short never happened.

    Events: `session`, a driver that began; `asked`, a point that the study suggested; `ended`, what a trial came to.
    The file's time of change is when the search was last seen alive.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL_FILE
        self._alive = 0.0

    def write(self, event: str, **values: Any) -> None:
        """Raises OSError where the disk does not take it; the journal is then as it was."""
        line = json.dumps({"event": event, "at": time.time(), **values}).encode() + b"\n"
        with self.path.open("ab", buffering=0) as file:  # closing a buffer would write what the disk refused
            before, left = file.seek(0, os.SEEK_END), memoryview(line)
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), before)
                raise

    def ended(self, result: TrialResult, again: bool) -> None:
        """A trial's result; `again` marks one that a resumed search goes on with: killed from outside, or out of time.

        Infinite errors are written as null, which JSON has.
        """
        values = asdict(result) | {"candidate": result.candidate.to_json()}
        if result.failure is not None:
            values["best_error"] = None
        self.write("ended", again=again, **values)

    def asked(self, point: int, params: dict[str, Any], candidate: str) -> None:
        """A point that the study suggested, and the candidate it is."""
        self.write("asked", point=point, params=params, candidate=candidate)
        self.parameters[candidate] = params

    @cached_property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """By candidate, what it was drawn as; empty for a finite space."""
        return {event["candidate"]: event["params"] for event in self.events() if event["event"] == "asked"}

    def is_alive(self) -> None:
        """Leave a sign of life now and then."""
        if time.monotonic() - self._alive > SECONDS_BETWEEN_SIGNS_OF_LIFE:
            self._alive = time.monotonic()
            os.utime(self.path)

    def events(self) -> Iterator[dict[str, Any]]:
        """All events in their order; a last line without its end is left out."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield json.loads(line)

    def begin_session(self) -> float:
        """Enter a driver that begins, and return the seconds that those before it spent."""
        spent = self.seconds_spent()
        if self.path.exists():
            self._drop_torn_line()
        self.write("session", spent=spent)
        return spent

    def seconds_spent(self) -> float:
        """Wall time of all sessions, each until it was last seen alive."""
        sessions = [event for event in self.events() if event["event"] == "session"]
        if not sessions:
            return 0.0
        return float(sessions[-1]["spent"] + max(0.0, self.path.stat().st_mtime - sessions[-1]["at"]))

    def _drop_torn_line(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self.path, whole)

    def results(self) -> tuple[dict[str, TrialResult], dict[str, TrialResult]]:
        """By trial: those that are done for good, and those that ended but go on in a resumed search."""
        done: dict[str, TrialResult] = {}
        open_: dict[str, TrialResult] = {}
        for event in self.events():
            if event["event"] == "ended":
                result = result_of(event)
                (open_ if event["again"] else done)[result.trial_id] = result
        return done, {key: result for key, result in open_.items() if key not in done}


def result_of(event: dict[str, Any]) -> TrialResult:
    """The result that `Journal.ended` wrote."""
    values = {name: value for name, value in event.items() if name not in ("event", "at", "again")}
    values["candidate"] = Candidate.from_json(values["candidate"])
    if values["best_error"] is None:
        values["best_error"] = float("inf")
    return TrialResult(**values)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """The right to be a search's one driver; the system takes it back when the process ends, however that happens.

    Raises UserError where another driver has it.
    """
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            yield
    except Timeout as error:
        raise UserError(f"the search in {folder} is under way in another process: stop that one first") from error
