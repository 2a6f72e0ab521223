"""Ray Tune's actors without their processes: trials that only sleep, for a driver under more load than fits here.

Ray Tune's controller asks its actor manager to start actors and to run their methods, and hears of each by a callback.
This one answers in the driver's own process, after as long as a trial would have slept. All that the driver itself
does (controller, searcher, scheduler, our callback, journal, MLflow) is real; Ray's network and processes are not
there. It follows the private interface of Ray 2.60 and is used by a benchmark alone.
"""

from __future__ import annotations

import heapq
import itertools
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.train._internal.session import _TrainingResult
from ray.tune import Checkpoint

SAVED = {"save", "save_checkpoint"}


class Remote:
    """A handle whose every method can be called remotely and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name == "remote":
            return lambda *arguments, **named: None
        return Remote()


class SimulatedActors:
    """Stands for `ray.air.execution._internal.RayActorManager`; `slots` actors live at a time."""

    slots = 1
    trial_seconds = 0.0

    def __init__(self, resource_manager: object) -> None:
        self._pending: deque[TrackedActor] = deque()
        self._live_actors_to_ray_actors_resources: dict[TrackedActor, tuple[Remote, None]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._reports: dict[TrackedActor, int] = {}

    def add_actor(self, cls: object, kwargs: object, resource_request: object, **callbacks: Any) -> TrackedActor:
        actor = TrackedActor(uuid.uuid4().int, **callbacks)
        self._pending.append(actor)
        return actor

    def remove_actor(self, tracked_actor: TrackedActor, kill: bool = False, stop_future: object = None) -> bool:
        if tracked_actor in self._pending:
            self._pending.remove(tracked_actor)
            return False
        if tracked_actor not in self._live_actors_to_ray_actors_resources:
            return False

        def stopped() -> None:
            self._live_actors_to_ray_actors_resources.pop(tracked_actor, None)
            if tracked_actor._on_stop:
                tracked_actor._on_stop(tracked_actor)

        self._after(0.0, stopped)
        return True

    def schedule_actor_task(
        self,
        tracked_actor: TrackedActor,
        method_name: str,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        on_result: Callable[[TrackedActor, Any], None] | None = None,
        on_error: Callable[[TrackedActor, Exception], None] | None = None,
        _return_future: bool = False,
    ) -> object:
        result = self._result_of(method_name)
        seconds = self.trial_seconds if method_name == "train" else 0.0
        if on_result is not None:
            self._after(seconds, lambda: on_result(tracked_actor, result))
        return object() if _return_future else None

    def _result_of(self, method_name: str) -> Any:
        if method_name == "train":
            return report(self.trial_seconds)
        if method_name in SAVED:
            return _TrainingResult(Checkpoint("/"), {"training_iteration": 1})
        return True  # a reset that worked

    def _after(self, seconds: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), callback))

    def next(self, timeout: float | None = None) -> bool:
        """Start an actor or deliver a result; False where nothing came within `timeout` seconds."""
        if self._pending and len(self._live_actors_to_ray_actors_resources) < self.slots:
            actor = self._pending.popleft()
            self._live_actors_to_ray_actors_resources[actor] = (Remote(), None)
            if actor._on_start:
                actor._on_start(actor)
            return True
        wait = self._due[0][0] - time.monotonic() if self._due else timeout or 0.0
        if wait > 0:
            time.sleep(min(wait, timeout or wait))
        if self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
            return True
        return False

    def is_actor_started(self, tracked_actor: TrackedActor) -> bool:
        return tracked_actor in self._live_actors_to_ray_actors_resources

    def is_actor_failed(self, tracked_actor: TrackedActor) -> bool:
        return False

    def clear_actor_task_futures(self, tracked_actor: TrackedActor) -> None:
        """A trial reports once, and its report is never withdrawn."""

    def get_live_actors_resources(self) -> dict[str, float]:
        return {"CPU": float(self.num_live_actors)}

    @property
    def num_live_actors(self) -> int:
        return len(self._live_actors_to_ray_actors_resources)

    @property
    def num_pending_actors(self) -> int:
        return len(self._pending)

    @property
    def num_total_actors(self) -> int:
        return self.num_live_actors + self.num_pending_actors

    @property
    def num_actor_tasks(self) -> int:
        return len(self._due)

    def cleanup(self) -> None:
        self._due.clear()
        self._live_actors_to_ray_actors_resources.clear()


def report(seconds: float) -> dict[str, Any]:
    """What a trial of one epoch reports, with what Ray Tune adds to it."""
    return {
        "epoch": 1,
        "best_error": 1.0,
        "best_epoch": 1,
        "training_seconds": seconds,
        "stop_reason": "all epochs",
        "train_error": 1.0,
        "validation_error": 1.0,
        "learning_rate": 0.0,
        "epoch_seconds": seconds,
        "at": time.time(),
        "done": True,
        "training_iteration": 1,
        "time_total_s": seconds,
        "time_this_iter_s": seconds,
    }
