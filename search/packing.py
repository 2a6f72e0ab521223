"""Trials that share a process: each is its own trial to Ray Tune, and a member of its GPU's pack.

Small networks use a GPU well only side by side in one process. So a trial's actor trains nothing itself: it asks the
host of its GPU, an actor that keeps a `models.packing.Pack`, for one epoch after the other. What Ray Tune knows of
resources, nodes, schedulers and failures holds as for any trial; a host that dies takes its trials' actors with it,
and Ray Tune starts those again from their checkpoints.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from models.candidate import Candidate
from models.data import TrainingData
from models.network import Network
from models.packing import Pack
from models.run import Epoch, Run, RunState
from models.training import TrainingRun

HOST_PREFIX = "branchsearch-pack"
SECONDS_WITHOUT_MEMBERS = 60.0
"""After which a host ends by itself: its search may have been killed."""
SECONDS_WITHOUT_A_CALL = 600.0
"""After which a member whose trial says nothing is let go: its actor may have been killed."""


@dataclass(frozen=True)
class Place:
    """Where a host trains and how many share it; `data` is Ray's reference to the search's TrainingData."""

    data: ray.ObjectRef[TrainingData]
    device: str
    threads: int
    members: int


class Host:
    """The actor that keeps a pack. All its calls run on one event loop, between two turns of the pack."""

    def __init__(self, data: TrainingData, device: str, threads: int, members: int, gpu: str | None) -> None:
        if gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # it has no share of its own: its trials have
        torch.set_num_threads(threads)
        self._pack, self._most = Pack(data, device), members
        self._waiting: dict[str, asyncio.Future[Epoch]] = {}
        self._called: dict[str, float] = {}
        self._added = 0
        self._emptied, self._work = time.monotonic(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, trial: str, candidate: str, seed: int) -> tuple[str, RunState] | None:
        """A new member's name and state; None where the pack is full.

        A trial can have several. Where one is started again, Ray Tune may for a moment have two actors of it, one of
        them new and one that had served another trial, of which it ends either; each has a member of its own, and lets
        that go and no other. A full pack lets those go that a trial had before: their actors were killed, as a rule.
        Raises what TrainingRun does.
        """
        if not self._tasks:
            self._tasks = {asyncio.create_task(self._train()), asyncio.create_task(self._clear_away())}
        if len(self._pack.members) >= self._most:
            for former in [name for name in self._pack.members if name.startswith(f"{trial}/")]:
                self._let_go(former)
        if len(self._pack.members) >= self._most:
            return None
        self._added += 1
        name = f"{trial}/{self._added}"
        run = self._pack.add(name, Candidate.from_json(candidate), seed)
        self._called[name] = time.monotonic()
        return name, run.state

    async def epoch(self, name: str) -> tuple[Epoch, RunState]:
        """The member's next epoch. Raises what `TrainingRun.epoch` does."""
        run = self._run(name)
        self._pack.begin_epoch(name)
        self._waiting[name] = asyncio.get_running_loop().create_future()
        self._work.set()
        return await self._waiting[name], run.state

    async def save(self, name: str, path: Path) -> None:
        self._run(name).save(path)

    async def restore(self, name: str, path: Path) -> RunState:
        """Raises CheckpointError."""
        run = self._run(name)
        run.restore(path)
        return run.state

    async def best_network(self, name: str) -> Network:
        return self._run(name).best_network()

    async def remove(self, name: str) -> None:
        self._let_go(name)

    def _run(self, name: str) -> TrainingRun:
        if name not in self._pack.members:  # let go meanwhile: its trial goes on from its last checkpoint
            raise ray.exceptions.RayError(f"the pack has let {name} go")
        self._called[name] = time.monotonic()
        return self._pack.members[name].run

    def _let_go(self, name: str) -> None:
        if name in self._pack.members:
            self._pack.remove(name)
        if (waiting := self._waiting.pop(name, None)) is not None:
            waiting.cancel()
        self._called.pop(name, None)
        self._emptied = time.monotonic()

    async def _train(self) -> None:
        """Turn after turn, with the calls that have come in done in between."""
        while True:
            await self._work.wait()
            for name, ended in self._pack.turn().items():
                future = self._waiting.pop(name)
                self._called[name] = time.monotonic()
                if isinstance(ended, Exception):
                    future.set_exception(ended)
                else:
                    future.set_result(ended)
            if not self._pack.busy:
                self._work.clear()
            await asyncio.sleep(0)

    async def _clear_away(self) -> None:
        """Let silent members go, and end when nobody is left."""
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            for name in [name for name, called in self._called.items() if now - called > SECONDS_WITHOUT_A_CALL]:
                if name not in self._waiting:
                    self._let_go(name)
            if not self._pack.members and now - self._emptied > SECONDS_WITHOUT_MEMBERS:
                os._exit(0)


class PackedRun(Run):
    """A trial's training run in the pack of its GPU, to be used as a `TrainingRun` is."""

    def __init__(self, trial: str, candidate: Candidate, seed: int, place: Place) -> None:
        self.candidate, self.recipe, self.seed = candidate, candidate.recipe, seed
        self._host, self._member, self.state = self._join(trial, place)

    def _join(self, trial: str, place: Place) -> tuple[Any, str, RunState]:
        """The first host of this place that has room: one where trials have shares of a GPU, else as many as needed."""
        number = 0
        while True:
            host = host_of(place, number)
            added = self._answer(host.add.remote(trial, self.candidate.to_json(), self.seed))
            if added is not None:
                return host, *added
            number += 1

    def _asked(self, method: Any, *arguments: Any) -> Any:
        """What the host answers about this member."""
        return self._answer(method.remote(self._member, *arguments))

    @staticmethod
    def _answer(asked: ray.ObjectRef[Any]) -> Any:
        """The answer when it has come; what went wrong there is raised here as what it is."""
        try:
            return ray.get(asked)
        except ray.exceptions.RayTaskError as error:
            raise error.cause or error from None

    def epoch(self) -> Epoch:
        """As `TrainingRun.epoch`."""
        epoch: Epoch
        epoch, self.state = self._asked(self._host.epoch)
        return epoch

    def save(self, path: Path) -> None:
        self._asked(self._host.save, path)

    def restore(self, path: Path) -> None:
        """As `TrainingRun.restore`."""
        self.state = self._asked(self._host.restore, path)

    def best_network(self) -> Network:
        network: Network = self._asked(self._host.best_network)
        return network

    def close(self) -> None:
        """Make room for another trial."""
        with suppress(ray.exceptions.RayError):
            self._asked(self._host.remove)


def host_of(place: Place, number: int) -> Any:
    """The handle of a host on this trial's node and GPU, started where there is none yet."""
    node = ray.get_runtime_context().get_node_id()
    gpus = ray.get_gpu_ids() if place.device == "cuda" else []
    gpu = str(gpus[0]) if gpus else None
    return (
        ray.remote(Host)
        .options(
            name=f"{HOST_PREFIX}-{node}-{gpu or place.device}-{number}",
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            max_concurrency=1000,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        .remote(place.data, place.device, place.threads, place.members, gpu)
    )


def end_hosts() -> None:
    """End all hosts of this search."""
    for name in ray.util.list_named_actors():
        if name.startswith(HOST_PREFIX):
            ray.kill(ray.get_actor(name))
