"""The servers that users start, on ports of this machine alone: MLflow's page and a registered model."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SECONDS_TO_START = 120.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """`mlflow ...` in the working folder, ended with all that it has started."""
    program = Path(sys.executable).with_name("mlflow")
    path = f"{program.parent}:{os.environ['PATH']}"
    with log.open("w") as file:
        process = subprocess.Popen(
            [program, *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path, **environment},
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@contextmanager
def mlflow_ui(log: Path = Path("ui.log")) -> Iterator[str]:
    """`mlflow ui` as a user starts it, in the folder of the search."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    lean = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with running(["ui", "--port", str(port), "--workers", "1"], lean, log):
        asked(urllib.request.Request(f"{url}/health"), log)
        yield url


@contextmanager
def model_server(model: str, uri: str, log: Path) -> Iterator[str]:
    """`mlflow models serve` of `name@alias`, which need not answer yet."""
    port = free_port()
    options = ["-m", f"models:/{model}", "--env-manager", "local", "-h", "127.0.0.1", "-p", str(port)]
    with running(["models", "serve", *options], {"MLFLOW_TRACKING_URI": uri}, log):
        yield f"http://127.0.0.1:{port}"


def ask_model(address: str, question: dict[str, Any], log: Path) -> Any:
    """The predictions of a model server; waits for it to be up."""
    request = urllib.request.Request(
        f"{address}/invocations", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    answer = asked(request, log)
    return json.loads(answer, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["predictions"]


def asked(request: urllib.request.Request, log: Path) -> bytes:
    """What a server answers, once it does."""
    started = time.monotonic()
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert time.monotonic() - started < SECONDS_TO_START, log.read_text()
            time.sleep(0.2)
