"""Faults done to a search that is under way, each as the world would do it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TRIAL_PROCESS = "ray::ResourceTrainable"
"""How Ray names the process of a trial."""

SECONDS_TO_START = 180.0


class Server:
    """An MLflow server on this machine, which can be killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.uri = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = Path(sys.executable).with_name("mlflow")
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment["PATH"] = f"{program.parent}:{environment['PATH']}"
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db", "--artifacts-destination", "artifacts"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "server", "--port", str(self.port), "--workers", "1", *store],
                cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                return
            time.sleep(0.2)
        raise TimeoutError(f"the MLflow server of {self.folder} does not start")

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Driver:
    """The process of `search.run` and its end."""

    def __init__(self, arguments: Sequence[str], folder: Path, cache: Path) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "BRANCHSEARCH_CACHE": str(cache)}
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        with (folder / "driver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.narrow_search", *arguments],
                cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def status(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def kill(self) -> None:
        """kill -9 of the driver alone, as the kernel or a user does; Ray's processes notice by themselves."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """Ctrl-C in a terminal reaches the whole group of processes."""
        os.killpg(self.process.pid, signal.SIGINT)

    def trials(self) -> list[int]:
        """Ids of the processes that train now."""
        return trial_processes(self.process.pid)


def trial_processes(driver: int) -> list[int]:
    """Those of a driver's Ray, by their ids."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [
        (int(pid), int(parent), name) for pid, parent, name in (line.split(None, 2) for line in listed.splitlines())
    ]
    family, names = {driver}, {pid: name for pid, _, name in rows}
    while more := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= more
    return [pid for pid in family if names.get(pid, "").startswith(TRIAL_PROCESS)]


def end(process: int) -> None:
    """kill -9; nothing, where the process has ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def kill_a_worker(driver: Driver, chance: random.Random) -> bool:
    """kill -9 of one trial's process; whether there was one."""
    running = driver.trials()
    if not running:
        return False
    end(chance.choice(running))
    return True


def cut_a_checkpoint(driver: Driver, search: Path, chance: random.Random) -> bool:
    """Cut one file of a trial's newest checkpoint short, and kill all trials, so that one has to go on from it."""
    newest = [max(folders) for trial in search.glob("trials/*") if (folders := list(trial.glob("epoch-*")))]
    running = driver.trials()
    if not newest or not running:
        return False
    with suppress(OSError, IndexError, ValueError):
        file = chance.choice(list(chance.choice(newest).iterdir()))
        length = chance.randrange(file.stat().st_size)
        for process in running:
            end(process)
        os.truncate(file, length)
        return True
    return False


def damage_cache(cache: Path, chance: random.Random) -> bool:
    """Turn one bit of the cached table over."""
    tables = list(cache.glob("*.table"))
    if not tables:
        return False
    content = bytearray(tables[0].read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    tables[0].write_bytes(content)
    return True
