"""What Ray runs on, and what one trial gets of it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import ray
import torch

from search.config import SearchConfig
from search.errors import UserError

LOCAL = "local"
"""The address that starts Ray on this machine."""

SECONDS_TO_ANSWER = 10.0

TRIALS_PER_GPU = 4
"""Trials that share a GPU by default: a small network's steps leave it idle most of the time."""


@dataclass(frozen=True)
class Resources:
    """What one trial gets, and how many run at once."""

    cpus_per_trial: float
    gpus_per_trial: float
    concurrent: int

    @property
    def device(self) -> str:
        return "cuda" if self.gpus_per_trial else "cpu"

    @property
    def threads(self) -> int:
        return max(1, int(self.cpus_per_trial))

    def __str__(self) -> str:
        gpu = f" and {self.gpus_per_trial:g} GPU" if self.gpus_per_trial else ""
        return f"{self.concurrent} at a time, each on {self.cpus_per_trial:g} CPU{gpu}"


def available() -> tuple[float, float]:
    """CPUs and GPUs of this machine, or of the cluster that Ray has joined."""
    if ray.is_initialized():
        total = ray.cluster_resources()
        return total.get("CPU", 0.0), total.get("GPU", 0.0)
    return float(usable_cpus()), float(torch.cuda.device_count())


def usable_cpus() -> int:
    """CPUs this process may run on, which in a container or under a scheduler are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resources_for(config: SearchConfig, trials: int | None) -> Resources:
    """Resources of each trial: as asked for, or a share of a GPU where there is one, else a CPU.

    One CPU a trial, and as many trials as there are CPUs, does more in a minute than several threads on one small
    network. Raises UserError where more was asked for than there is.
    """
    cpus, gpus = available()
    where = "the cluster" if ray.is_initialized() else "this machine"
    gpu_share = config.gpus_per_trial
    if gpu_share is None:
        gpu_share = 1 / min(TRIALS_PER_GPU, max(1, int(cpus // gpus))) if gpus else 0.0
    if gpu_share > gpus:
        raise UserError(
            f"gpus_per_trial={gpu_share:g} asks for more GPUs than the {gpus:g} that {where} has: "
            "leave it out or set gpus_per_trial=0 to train on CPUs"
        )
    cpu_share = config.cpus_per_trial
    if cpu_share is None:
        at_once = int(gpus / gpu_share) if gpu_share else cpus
        cpu_share = max(1.0, cpus // at_once) if gpu_share else 1.0
    if cpu_share > cpus:
        raise UserError(f"cpus_per_trial={cpu_share:g} asks for more CPUs than the {cpus:g} that {where} has")
    fit = int(cpus / cpu_share) if cpu_share else int(gpus / gpu_share)
    fit = min(fit, int(gpus / gpu_share)) if gpu_share else fit
    limits = [limit for limit in (fit, config.max_concurrent, trials) if limit is not None]
    return Resources(cpu_share, gpu_share, max(1, min(limits)))


@contextmanager
def ray_for(config: SearchConfig) -> Iterator[None]:
    """Ray, here or the cluster that is named, until the end of the `with`; one that is up already is left up.

    Raises UserError where there is no cluster to join.
    """
    if ray.is_initialized():
        yield
        return
    start_ray(config)
    try:
        yield
    finally:
        ray.shutdown()


def start_ray(config: SearchConfig) -> None:
    """Start Ray on this machine or join the cluster."""
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if config.cluster.address == LOCAL:
        start = partial(ray.init, address="local", include_dashboard=False, num_cpus=usable_cpus())
    else:
        start = partial(ray.init, address=config.cluster.address)
    try:
        check_answers(config.cluster.address)
        start(log_to_driver=False, logging_level=logging.ERROR)
    except OSError as error:  # ConnectionError, timeouts and unknown hosts among them
        raise UserError(
            f"there is no Ray cluster at cluster.address={config.cluster.address}: start one (`ray up cluster.yaml`, "
            "`ray start --head`) or leave out cluster= to use this machine"
        ) from error


def check_answers(address: str) -> None:
    """Raises OSError where nothing listens at host:port; Ray itself would try for five minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS_TO_ANSWER).close()
