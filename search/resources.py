"""What Ray runs on, and what one trial gets of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import ray
import torch
import yaml
from ray._private.utils import get_num_cpus

from models.streams import MOST_STREAMS
from search.config import SearchConfig
from search.errors import UserError
from spaces import SPACES

LOCAL = "local"
"""The address that starts Ray on this machine."""

BOOTSTRAP_FILE = "ray_bootstrap_config.yaml"
"""What `ray up` leaves in the home folder of the head: the description of the cluster."""

MOST_CPUS_OF_A_GPU_TRIAL = 1.0
"""One thread keeps a GPU at work; its data are on the GPU."""
LEFT_TO_GPUS = 0.5
"""The part of a node's CPUs that trials on its GPUs take together at most: trials on CPUs have the rest."""

TRIALS_PER_GPU = 4
"""Trials that share a GPU by default: a small network's steps leave it idle most of the time."""


@dataclass(frozen=True)
class Resources:
    """What one trial gets, how many run at once, and how many of them share a process."""

    cpus_per_trial: float
    gpus_per_trial: float
    concurrent: int
    pack: int = 1

    @property
    def device(self) -> str:
        return "cuda" if self.gpus_per_trial else "cpu"

    @property
    def threads(self) -> int:
        """Of a process: a trial's, or a pack's together."""
        return max(1, int(self.cpus_per_trial * self.pack))

    def __str__(self) -> str:
        gpu = f" and {self.gpus_per_trial:g} GPU" if self.gpus_per_trial else ""
        pack = f", {self.pack} packed in a process" if self.pack > 1 else ""
        return f"{self.concurrent} at a time{pack}, each on {self.cpus_per_trial:g} CPU{gpu}"


def available(is_local: bool) -> tuple[float, float]:
    """CPUs and GPUs of this machine, or of the cluster that Ray has joined, grown as far as its autoscaler may."""
    if ray.is_initialized():
        now = ray.cluster_resources()
        grown = {} if is_local else fully_grown(Path.home() / BOOTSTRAP_FILE)
        cpus, gpus = (float(max(now.get(kind, 0), grown.get(kind, 0))) for kind in ("CPU", "GPU"))
        return cpus, gpus
    return float(usable_cpus()), float(torch.cuda.device_count())


def fully_grown(file: Path) -> dict[str, float]:
    """CPU and GPU of a cluster once its autoscaler has brought all workers it may; nothing where `file` is not there.

    Ray itself knows no more than the nodes of the moment, which may be none.
    """
    if not file.exists():
        return {}
    described = yaml.safe_load(file.read_text())
    most = described.get("max_workers", 0)
    total = {"CPU": 0.0, "GPU": 0.0}
    for name, node in described["available_node_types"].items():
        if name != described["head_node_type"]:
            for kind in total:
                total[kind] += min(most, node.get("max_workers", most)) * node.get("resources", {}).get(kind, 0)
    return total


def cpus_beside_a_gpu(is_local: bool) -> float:
    """CPUs for each GPU on the node of Ray's that has the fewest, nodes that may come with it; infinite without GPUs.

    Those of other nodes are of no use to a trial on a GPU.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    file = Path.home() / BOOTSTRAP_FILE
    if file.exists() and not is_local:
        described = yaml.safe_load(file.read_text())["available_node_types"]
        nodes += [node.get("resources", {}) for node in described.values()]
    return min((node.get("CPU", 0) / node["GPU"] for node in nodes if node.get("GPU")), default=math.inf)


def usable_cpus() -> int:
    """CPUs this process may run on, which in a container or under a scheduler are fewer than the machine's."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(mine, int(get_num_cpus(override_docker_cpu_warning=True))))  # a container's quota


def resources_for(config: SearchConfig, trials: int | None, threads: int = 1, pack: int | None = None) -> Resources:
    """Resources of each trial: as asked for, or a share of a GPU where there is one, else `threads` CPUs.

    `pack` is how many trials share a process (and its GPU); None where that has not been measured.
    Raises UserError where more was asked for than there is.
    """
    is_local = config.cluster.address == LOCAL
    cpus, gpus = available(is_local)
    if not cpus:
        raise UserError("the cluster has no worker yet: wait until `ray status` counts CPUs, then search again")
    where = "the cluster" if ray.is_initialized() else "this machine"
    gpu_share = 0.0 if SPACES[config.space.name].fits_estimators else config.gpus_per_trial
    pack = config.pack or pack
    if pack is not None and gpus:
        pack = min(pack, MOST_STREAMS)
    beside = min(cpus / gpus if gpus else math.inf, cpus_beside_a_gpu(is_local) if ray.is_initialized() else math.inf)
    if gpu_share is None:
        sharing = pack or min(TRIALS_PER_GPU, max(1, int(beside))) if gpus else 1
        gpu_share = math.floor(1e4 / sharing) / 1e4 if gpus else 0.0  # Ray counts ten-thousandths
    if gpu_share > gpus:
        raise UserError(
            f"gpus_per_trial={gpu_share:g} asks for more GPUs than the {gpus:g} that {where} has: "
            "leave it out or set gpus_per_trial=0 to train on CPUs"
        )
    cpu_share = config.cpus_per_trial
    if cpu_share is None and gpu_share:
        cpu_share = max(0.01, math.floor(100 * min(MOST_CPUS_OF_A_GPU_TRIAL, LEFT_TO_GPUS * beside * gpu_share)) / 100)
    elif cpu_share is None:
        cpu_share = threads / (pack or 1)
    if cpu_share > cpus:
        raise UserError(f"cpus_per_trial={cpu_share:g} asks for more CPUs than the {cpus:g} that {where} has")
    fit = int(cpus / cpu_share) if cpu_share else int(gpus / gpu_share)
    fit = min(fit, int(gpus / gpu_share)) if gpu_share else fit
    limits = [limit for limit in (fit, config.max_concurrent, trials) if limit is not None]
    return Resources(cpu_share, gpu_share, max(1, min(limits)), pack or 1)
