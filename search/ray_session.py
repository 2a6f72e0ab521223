"""Ray for a search: started on this machine, or a cluster that runs already."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import ray
from ray._private import ray_constants, services
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from search.config import SearchConfig
from search.environment import environment
from search.errors import UserError, reason_of
from search.resources import LOCAL, usable_cpus

AUTO = "auto"

SECONDS_TO_ANSWER = 10.0

CODE = ("models", "spaces", "search")
"""The packages that a cluster's workers get from the machine that starts the search."""


@contextmanager
def ray_for(config: SearchConfig) -> Iterator[None]:
    """Ray, here or the cluster that is named, until the end of the `with`; one that is up already is left up.

    Raises UserError where there is no cluster to join.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with local_ray() if config.cluster.address == LOCAL else joined_ray(config.cluster.address):
        yield


@contextmanager
def planned_on(config: SearchConfig) -> Iterator[None]:
    """The cluster that a plan is for, joined as `ray_for` does; a plan for this machine starts no Ray."""
    with ray_for(config) if config.cluster.address != LOCAL else nullcontext():
        yield


@contextmanager
def local_ray() -> Iterator[None]:
    """Ray on this machine, for this search alone: it listens on loopback and asks for a token that it keeps in memory.

    Left to itself, Ray on Linux listens on every interface and writes its token to the home folder.
    """
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",
    }
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False  # Ray read its variable when it was imported
    try:
        with environment(variables):
            _read_authentication()
            _start()
            try:
                yield
            finally:
                ray.shutdown()
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        _read_authentication()


def namespace() -> str:
    """One for each search: the actors that it names are its own, and it ends no other's."""
    return f"branchsearch-{secrets.token_hex(8)}"


def _start() -> None:
    """Raises UserError where Ray does not come up, as on a machine that is too busy: it waits for half a minute."""
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            num_cpus=usable_cpus(),
            namespace=namespace(),
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:  # Ray has no narrower one
        raise UserError(
            f"Ray did not start on this machine ({reason_of(error)}): it may be too busy, or low on memory or on space "
            "in /tmp; try again"
        ) from error


def _read_authentication() -> None:
    """Have Ray read mode and token from the environment again: both were when it was imported."""
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def joined_ray(address: str) -> Iterator[None]:
    """The running cluster at `address`. Raises UserError where there is none."""
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        try:
            found = found_address(address)
            check_answers(found)
            ray.init(
                address=found,
                namespace=namespace(),
                # a working folder, not `py_modules`: only then do the workers not look for code where the driver stands
                runtime_env={"working_dir": str(code_to_ship(Path(folder)))},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except OSError as error:  # ConnectionError, timeouts and unknown hosts among them
            raise UserError(
                f"there is no Ray cluster at cluster.address={address}: start one (`ray up cluster.yaml`, "
                "`ray start --head`) or leave out cluster= to use this machine"
            ) from error
    try:
        yield
    finally:
        ray.shutdown()


def code_to_ship(folder: Path) -> Path:
    """A copy of our packages as they run here, so that every node runs the same code."""
    root = Path(__file__).parents[1]
    for name in CODE:
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def found_address(address: str) -> str:
    """The cluster that `auto` means: that of $RAY_ADDRESS, or the one that `ray start` or `ray up` left here.

    Ray itself would also try any process that looks like its own, such as that of another search, which is for that
    search alone and never answers. Raises ConnectionError where there is none.
    """
    if address != AUTO:
        return address
    given = os.environ.get(ray_constants.RAY_ADDRESS_ENVIRONMENT_VARIABLE, "")
    found = given if given not in ("", AUTO) else services.find_bootstrap_address(None)
    if not found:
        raise ConnectionError("no cluster was started here")
    return found


def check_answers(address: str) -> None:
    """Raises OSError where nothing listens at host:port; Ray itself would try for five minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS_TO_ANSWER).close()
