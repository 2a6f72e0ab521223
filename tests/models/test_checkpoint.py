"""Checkpoint files: whole or refused, and never code."""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import KINDS

from models import checkpoint
from models.architecture import Architecture, Group, Normalisation
from models.checkpoint import CheckpointError, load_network, read, save_network, write
from models.data import TrainingData
from models.network import build
from models.training import TrainingRun

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b/0": torch.tensor(3), "state": torch.get_rng_state()[:16]}


def test_round_trip(tmp_path: Path) -> None:
    write(tmp_path / "file.npz", TENSORS, {"seed": 3, "nothing": None})
    tensors, facts = read(tmp_path / "file.npz")
    assert facts == {"seed": 3, "nothing": None}
    assert all(
        torch.equal(tensors[name], TENSORS[name]) and tensors[name].dtype == TENSORS[name].dtype for name in TENSORS
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "file.npz"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.npz"
    write(path, TENSORS, {"epoch": 1})

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write(path, TENSORS, {"epoch": 2})
    assert read(path)[1] == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=60, deadline=None)
@given(keep=st.floats(0, 0.999), flip=st.integers(0, 10**9))
def test_a_file_cut_short_is_refused_and_a_changed_one_never_read_wrong(
    tmp_path_factory: pytest.TempPathFactory, keep: float, flip: int
) -> None:
    path = tmp_path_factory.mktemp("broken") / "file.npz"
    write(path, TENSORS, {})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(CheckpointError, match=r"file\.npz"):
        read(path)
    changed = bytearray(whole)
    changed[flip % len(whole)] ^= 0xFF
    path.write_bytes(changed)
    try:
        tensors, _ = read(path)
    except CheckpointError:
        return
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in set(tensors) & set(TENSORS))


def test_a_missing_file_and_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        read(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not a checkpoint")
    with pytest.raises(CheckpointError):
        read(tmp_path / "text.npz")
    with pytest.raises(CheckpointError):
        read(tmp_path)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


def test_pickles_are_not_run(in_tmp: Path) -> None:
    Path("plain.npz").write_bytes(pickle.dumps(Bomb()))
    objects = io.BytesIO()
    np.save(objects, np.array([Bomb()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile("inside.npz", "w") as file:
        facts = io.BytesIO()
        np.save(facts, np.frombuffer(json.dumps({"format": checkpoint.FORMAT}).encode(), dtype=np.uint8))
        file.writestr("facts.npy", facts.getvalue())
        file.writestr("weights.npy", objects.getvalue())
    for name in ("plain.npz", "inside.npz"):
        with pytest.raises(CheckpointError):
            read(Path(name))
    assert not Path("exploded").exists()


@pytest.mark.parametrize("normalisation", ["none", "batch"])
def test_network_round_trip(tmp_path: Path, normalisation: Normalisation) -> None:
    network = build(Architecture(groups=(Group(8, 2),), normalisation=normalisation, output_width=2), seed=4)
    save_network(tmp_path / "network.npz", network, {"seed": 4})
    loaded, about = load_network(tmp_path / "network.npz")
    x = torch.rand(3, 86)
    assert about == {"seed": 4}
    assert loaded.architecture == network.architecture
    assert torch.equal(loaded(x), network.eval()(x))


def test_a_network_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    network = build(Architecture(groups=(Group(8, 2),)))
    other = Architecture(groups=(Group(9, 2),))
    write(tmp_path / "x.npz", dict(network.state_dict()), {"architecture": other.to_json(), "about": {}})
    with pytest.raises(CheckpointError, match="does not hold a network"):
        load_network(tmp_path / "x.npz")
    own = {"architecture": network.architecture.to_json(), "about": {}}
    weights, bias = dict(network.state_dict()), "output.bias"
    for renamed in ({**weights, "extra": weights[bias]}, {"x": weights.pop(bias), **weights}):
        write(tmp_path / "x.npz", renamed, own)
        with pytest.raises(CheckpointError, match="does not hold a network"):
            load_network(tmp_path / "x.npz")
    write(tmp_path / "y.npz", TENSORS, {"seed": 1})
    with pytest.raises(CheckpointError, match="does not hold a network"):
        load_network(tmp_path / "y.npz")


def test_a_write_that_fails_at_its_end_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.npz"
    write(path, TENSORS, {"epoch": 1})

    def killed(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(OSError, match="Input/output"):
            write(path, TENSORS, {"epoch": 2})
    assert read(path)[1] == {"epoch": 1}


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that loses its power after the rename would else be left with an empty file and no old one."""
    path, on_disk = tmp_path / "file.npz", list[int]()

    def sync(handle: int) -> None:
        assert not path.exists()
        on_disk.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", sync)
    write(path, TENSORS, {})
    assert on_disk == [path.stat().st_size]


def test_a_file_that_swells_in_many_parts_is_refused(tmp_path: Path) -> None:
    """None of them larger than the file, all of them together."""
    noise, zeros = np.random.default_rng(0).bytes(3000), np.zeros(2000, dtype=np.uint8)
    arrays = {f"zeros_{number}": zeros for number in range(9)}
    np.savez_compressed(tmp_path / "x.npz", noise=np.frombuffer(noise, dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="its parts are larger than itself"):
        read(tmp_path / "x.npz")


def test_a_network_larger_than_its_file_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "build", lambda architecture: pytest.fail("it was built"))
    huge = Architecture(groups=(Group(10**6, 4),))
    write(tmp_path / "x.npz", {"output.bias": torch.zeros(1)}, {"architecture": huge.to_json(), "about": {}})
    with pytest.raises(CheckpointError, match="fewer weights than its architecture"):
        load_network(tmp_path / "x.npz")


@pytest.mark.parametrize("newer", [1, -1])
def test_a_file_of_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: int) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT", checkpoint.FORMAT + newer)
    write(tmp_path / "new.npz", {}, {})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="another version of branchsearch"):
        read(tmp_path / "new.npz")


def test_a_resumed_run_has_trained_as_long(few_rows: TrainingData, tmp_path: Path) -> None:
    run, again = (TrainingRun(KINDS["branched"], few_rows) for _ in range(2))
    run.epoch()
    run.save(tmp_path / "training.npz")
    again.restore(tmp_path / "training.npz")
    assert again.state == run.state
    assert again.epoch().number == 2
    assert again.state.seconds > run.state.seconds


def test_a_network_file_without_its_facts_is_refused(tmp_path: Path) -> None:
    network = build(Architecture(groups=(Group(4, 1),)))
    write(tmp_path / "x.npz", dict(network.state_dict()), {"architecture": network.architecture.to_json()})
    with pytest.raises(CheckpointError, match="does not hold a network"):
        load_network(tmp_path / "x.npz")
