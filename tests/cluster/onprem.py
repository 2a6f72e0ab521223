"""A cluster of four machines, brought up by `ray up` as a user would."""

import json
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from hosts import ROOT, Host, machines

WORKERS = ("one", "two", "three")
ONE_CPU = {"RAY_OVERRIDE_RESOURCES": json.dumps({"CPU": 1})}


@dataclass(frozen=True)
class Cluster:
    """The machines, the file that describes them, and the password of their Ray."""

    hosts: dict[str, Host]
    file: Path
    token: str

    @property
    def head(self) -> Host:
        return self.hosts["head"]

    @property
    def laptop(self) -> Host:
        """Where the user sits: on the same network, and no node."""
        return self.hosts["laptop"]

    def on_head(self, command: str, seconds: float = 120) -> str:
        """Output of a shell command as an SSH session on the head has it."""
        return self.head.run("bash", "-c", f"source ~/.bashrc; cd ~/branchsearch && {command}", seconds=seconds)

    def launcher(self, *words: str) -> list[str]:
        """One of Ray's commands about this cluster, on the laptop."""
        action, *rest = words
        return self.laptop.command(
            ["ray", action, *(["-y"] if action in ("up", "down") else []), str(self.file), *rest]
        )


@contextmanager
def brought_up() -> Iterator[Cluster]:
    """The head, three workers of one CPU each, and the laptop that brought them up.

    cluster-onprem.yaml is taken as it is but for the lines that it tells its users to change. The environment is this
    one: the mark that it is there already keeps each node from installing it once more.
    """
    base = Path(tempfile.mkdtemp(prefix="bs-", dir="/tmp"))  # sockets have short names
    names = {"laptop": {}, "head": {}, **dict.fromkeys(WORKERS, ONE_CPU)}
    try:
        with machines(base, names) as hosts:
            cluster = Cluster(hosts, base / "cluster-onprem.yaml", secrets.token_hex(32))
            prepare(cluster, base)
            up = subprocess.run(
                cluster.launcher("up", "--no-config-cache"), capture_output=True, text=True, timeout=240, check=False
            )
            assert up.returncode == 0, up.stdout + up.stderr
            yield cluster
    finally:
        shutil.rmtree(base, ignore_errors=True)


def prepare(cluster: Cluster, base: Path) -> None:
    """What a user does before `ray up`."""
    ours = cluster.laptop.home / ".ray"
    ours.mkdir()
    token = ours / "auth_token"
    token.touch(mode=0o600)
    token.write_text(cluster.token)
    shutil.copy(base / "key", cluster.laptop.home / ".ssh" / "id_ed25519")
    described = yaml.safe_load((ROOT / "cluster-onprem.yaml").read_text())
    described["provider"]["head_ip"] = cluster.head.address
    described["provider"]["worker_ips"] = [cluster.hosts[name].address for name in WORKERS]
    described["auth"]["ssh_user"] = "root"
    cluster.file.write_text(yaml.safe_dump(described, sort_keys=False))
    versions = subprocess.run(
        "cat pyproject.toml constraints.txt | sha256sum", shell=True, cwd=ROOT, capture_output=True, check=True
    ).stdout
    for host in cluster.hosts.values():
        (host.home / ".branchsearch-environment").write_bytes(versions)


def wait_for_workers(cluster: Cluster, seconds: float = 150) -> None:
    """Until `ray status`, which takes a second to answer, counts the CPUs of all workers."""
    deadline = time.monotonic() + seconds
    workers = [cluster.hosts[name] for name in WORKERS]
    while not all("raylet" in worker.run("ps", "-eo", "comm") for worker in workers):
        assert time.monotonic() < deadline, cluster.on_head("ray status")
        time.sleep(0.5)
    while "/3.0 CPU" not in (status := cluster.on_head("ray status")):
        assert time.monotonic() < deadline, status
        time.sleep(1)
