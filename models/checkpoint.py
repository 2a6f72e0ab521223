"""Files of named arrays and JSON, written whole or not at all and read without running code from them."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.architecture import Architecture
from models.network import Network, build

FORMAT = 1


class CheckpointError(ValueError):
    """A checkpoint that is missing, cut short, or of something else; says which file and why."""


def write(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and JSON-able facts to `path` (.npz); a reader sees the old file or the new one, whole."""
    header = json.dumps({"format": FORMAT, **facts}).encode()
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            # without `allow_pickle`, which NumPy before 2.1 takes for one more array
            np.savez(file, facts=np.frombuffer(header, dtype=np.uint8), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a file that `write` made. Raises CheckpointError."""
    try:
        refuse_inflated(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts: dict[str, Any] = json.loads(arrays.pop("facts").tobytes())
        if facts.pop("format") != FORMAT:
            raise ValueError("it was written by another version of branchsearch")
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, facts
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except Exception as error:  # damaged bytes bring a dozen kinds out of zipfile, zlib and numpy
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from error


def refuse_inflated(path: Path) -> None:
    """Raises ValueError where the parts of a file would take more memory than the file has bytes: `write` compresses
    nothing, and a few megabytes of zeros could stand for more than the machine has."""
    with zipfile.ZipFile(path) as file:
        if sum(part.file_size for part in file.infolist()) > path.stat().st_size:
            raise ValueError("its parts are larger than itself")


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def save_network(path: Path, network: Network, facts: dict[str, Any] | None = None) -> None:
    """A trained network with its architecture and anything JSON-able a user should find beside it."""
    write(path, dict(network.state_dict()), {"architecture": network.architecture.to_json(), "about": facts or {}})


def load_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """Network (on the CPU, evaluation mode) and facts of a file that `save_network` made. Raises CheckpointError."""
    tensors, facts = read(path)
    try:
        architecture = Architecture.from_json(facts["architecture"])
        if architecture.parameter_count() > sum(tensor.numel() for tensor in tensors.values()):
            raise ValueError("it has fewer weights than its architecture")  # which is not built, whatever its size
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError("it has weights that are not finite")
        network = build(architecture)
        network.load_state_dict(tensors)
        network.floor = network.architecture.floor
        about: dict[str, Any] = facts["about"]
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch takes a line for each tensor that does not fit
        raise CheckpointError(f"{path} does not hold a network of branchsearch: {reason}") from error
    return network.eval(), about
