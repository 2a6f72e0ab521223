"""Machines to test a cluster on, made of namespaces: processes, files in /tmp, home, name and network of its own each.

They hang on one bridge that leads nowhere else. All of it is gone when this process is, however it ends.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = Path.home()
SHARED = "/mnt/branchsearch"

PROGRAMS = ("sshd", "ssh-keygen", "rsync", "ip", "unshare", "nsenter", "setpriv", "initdb", "psql")

# What its own /tmp, home and /mnt would hide, and a machine needs all the same.
KEPT = tuple(dict.fromkeys(str(Path(path).resolve()) for path in (ROOT, sys.prefix, sys.base_prefix)))

BOOT = """
set -eu
hostname {name}
mount --make-rprivate /
mount --bind /dev/null /etc/resolv.conf
mount -t tmpfs tmpfs /mnt
mkdir -p {shared} /mnt/base; mount --bind {base}/shared {shared}; mount --bind {base} /mnt/base
n=0; for path in {kept}; do n=$((n + 1)); mkdir /mnt/$n; mount --bind $path /mnt/$n; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run; mkdir -p /run/sshd
mount --bind /mnt/base/{name} {home}
mkdir -p {base}; mount --bind /mnt/base {base}
n=0; for path in {kept}; do n=$((n + 1)); mkdir -p $path; mount --bind /mnt/$n $path; done
echo booted
{service} & wait
"""

SSHD = """
AuthorizedKeysFile {base}/key.pub
HostKey {base}/host_key
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
MaxStartups 100
SetEnv {variables}
"""


@dataclass(frozen=True)
class Host:
    """A machine; `process` lives as long as it does."""

    name: str
    address: str
    home: Path
    process: subprocess.Popen[str]

    def command(self, words: Sequence[str]) -> list[str]:
        """What runs `words` on the machine, in the repository."""
        child = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        environment = [
            "env",
            "-i",
            f"HOME={HOME}",
            "LANG=C.UTF-8",
            f"PATH={HOME}/env/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        return ["nsenter", "--target", child, "--all", f"--wd={ROOT}", *environment, *words]

    def run(self, *words: str, seconds: float = 120) -> str:
        """Standard output and error of a command that has to succeed."""
        done = subprocess.run(
            self.command(words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{self.name}: {shlex.join(words)} ended with {done.returncode}\n{done.stdout}"
        return done.stdout

    def pull_the_plug(self) -> None:
        """End everything on the machine at once."""
        self.process.kill()
        self.process.wait()


def start(words: Sequence[str]) -> subprocess.Popen[str]:
    """A process that ends with this one, and everything in its namespaces with it."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--fork", "--kill-child", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@contextmanager
def machines(base: Path, environments: dict[str, dict[str, str]]) -> Iterator[dict[str, Host]]:
    """One machine for each name, with variables that its SSH sessions have; files and logs lie in `base`.

    Homes hold `env`, which is this Python's environment, and one SSH key that all machines accept.
    """
    base.chmod(0o755)  # PostgreSQL's user passes through
    (base / "shared").mkdir()
    for file in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(base / file)], check=True)
    with ExitStack() as stack:
        bridge = start(
            [
                "--net",
                "sh",
                "-c",
                "ip link add bridge type bridge && ip link set bridge up && echo booted && exec sleep infinity",
            ]
        )
        stack.callback(end, bridge)
        wait_for_boot(bridge)
        hosts = {}
        for number, (name, variables) in enumerate(environments.items(), start=10):
            hosts[name] = host = boot(base, name, f"10.77.0.{number}", variables)
            stack.callback(end, host.process)
            wait_for_boot(host.process)
            connect(bridge, host)
        yield hosts


def boot(base: Path, name: str, address: str, variables: dict[str, str]) -> Host:
    home = base / name
    home.mkdir()
    (home / "env").symlink_to(sys.prefix)
    (home / ".ssh").mkdir(mode=0o700)
    words = shlex.join(f"{key}={value}" for key, value in {**variables, "LANG": "C.UTF-8"}.items())
    (home / "sshd_config").write_text(SSHD.format(base=base, variables=words))
    service = f"/usr/sbin/sshd -D -e -f {home}/sshd_config >{home}/sshd.log 2>&1"
    script = BOOT.format(name=name, base=base, shared=SHARED, kept=shlex.join(KEPT), home=HOME, service=service)
    spaces = ["--net", "--pid", "--mount", "--uts", "--ipc", "--mount-proc"]
    return Host(name, address, home, start([*spaces, "bash", "-c", script]))


def wait_for_boot(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "booted\n", line + process.stdout.read()


def connect(bridge: subprocess.Popen[str], host: Host) -> None:
    """A cable from the machine to the bridge."""
    inside = Path(f"/proc/{bridge.pid}/task/{bridge.pid}/children").read_text().split()[0]
    machine = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children").read_text().split()[0]
    for where, command in (
        (inside, f"ip link add {host.name} type veth peer name eth0 netns {machine}"),
        (inside, f"ip link set {host.name} master bridge up"),
        (machine, f"ip address add {host.address}/24 dev eth0"),
        (machine, "ip link set eth0 up"),
        (machine, "ip link set lo up"),
        (machine, "ip route add default via 10.77.0.1"),  # to nowhere; by it Ray finds its own address
    ):
        subprocess.run(["nsenter", "--target", where, "--net", *command.split()], check=True)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    time.sleep(0)  # its namespaces go when the kernel has ended what was in them
