"""Tables from public packages, with no network: pip and jarvis-tools are stood in for."""

import hashlib
import io
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest

from search.data import DataRequest, load
from search.data.catalog import DATASETS
from search.data.downloads import UnavailableError
from search.data.jarvis import table_of
from search.errors import UserError


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for part, member in enumerate(DATASETS["oqmd"]["band_gap"].crabnet_files):
            rows = "".join(f"Fe{n}O{part + 1},{n / 10}\r\n" for n in range(1, 21))
            archive.writestr(member, f"formula,target\r\n{rows}")
    return content.getvalue()


class Pip:
    """What `pip download` does, without a network."""

    def __init__(self, content: bytes | None, stderr: str = "") -> None:
        self.content, self.stderr, self.runs = content, stderr, 0

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.runs += 1
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        if self.content is not None:
            (Path(command[-1]) / "crabnet-2.0.8-py3-none-any.whl").write_bytes(self.content)
        return subprocess.CompletedProcess(command, 1 if self.stderr else 0, "", self.stderr)


def stand_in(monkeypatch: pytest.MonkeyPatch, pip: Pip, known: bytes) -> Pip:
    monkeypatch.setattr("search.data.crabnet.subprocess.run", pip)
    monkeypatch.setattr("search.data.crabnet.WHEEL_SHA256", hashlib.sha256(known).hexdigest())
    return pip


REQUEST = DataRequest("oqmd", "band_gap")


def test_got_once_checked_and_kept(
    monkeypatch: pytest.MonkeyPatch, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pip = stand_in(monkeypatch, Pip(wheel()), wheel())
    first = load(REQUEST)
    assert (first.report.rows_in, first.unit, first.target_name) == (60, "eV", "band_gap")
    assert load(REQUEST).fingerprint == first.fingerprint
    assert pip.runs == 1
    (kept,) = (cache / "sources").iterdir()
    kept.write_bytes(kept.read_bytes()[:-30])
    assert load(REQUEST).fingerprint == first.fingerprint
    assert pip.runs == 2
    assert "damaged" in caplog.text


def test_another_wheel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, Pip(wheel() + b"x"), wheel())
    with pytest.raises(UserError, match="SHA-256 differs"):
        load(REQUEST)


@pytest.mark.parametrize(
    ("pip", "why"),
    [(Pip(None, "WARNING: x\nERROR: No matching distribution\n"), "No matching"), (Pip(None), "no wheel")],
)
def test_pip_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch, pip: Pip, why: str) -> None:
    stand_in(monkeypatch, pip, wheel())
    with pytest.raises(UserError, match=why):
        load(REQUEST)


def test_pip_that_hangs_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr("search.data.crabnet.subprocess.run", hang)
    with pytest.raises(UserError, match="TimeoutExpired"):
        load(REQUEST)


def record(number: int, formula: str, energy: object, **values: object) -> dict[str, object]:
    """A record of dft_3d as jarvis-tools documents it, the fields that matter."""
    return {
        "jid": f"JVASP-{number}",
        "formula": formula,
        "formation_energy_peratom": energy,
        "optb88vdw_bandgap": 0.0,
        "mbj_bandgap": "na",
        "bulk_modulus_kv": "na",
        "shear_modulus_gv": "na",
        "atoms": {"elements": ["Si"]},
        **values,
    }


RECORDS = [
    record(1, "GaN", -0.5, mbj_bandgap=3.0, bulk_modulus_kv=170.0),
    record(2, "GaN", -0.6, mbj_bandgap=3.2),
    record(3, "GaN", -0.7),
    record(4, "NaN", 0.3, mbj_bandgap=0.1),
    record(5, "TiO2", -3.2, mbj_bandgap=2.1, bulk_modulus_kv=220.0, shear_modulus_gv=110.0),
    record(6, "MgO", -2.9, mbj_bandgap=7.2),
    record(7, "PoO", -1.0, mbj_bandgap=1.0),
]


@pytest.fixture
def jarvis_data(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """`jarvis.db.figshare.data` gives RECORDS; the calls."""
    calls: list[tuple[str, str]] = []

    def data(dataset: str = "dft_2d", store_dir: str | None = None) -> list[dict[str, object]]:
        print("Obtaining 3D dataset ...")
        assert store_dir is not None
        assert Path(store_dir).is_dir()
        calls.append((dataset, store_dir))
        return RECORDS

    figshare = types.ModuleType("jarvis.db.figshare")
    figshare.data = data  # type: ignore[attr-defined]
    for name, module in (("jarvis", types.ModuleType("jarvis")), ("jarvis.db", types.ModuleType("jarvis.db"))):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "jarvis.db.figshare", figshare)
    return calls


def test_jarvis_once_for_all_properties(jarvis_data: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    energies = load(DataRequest("jarvis"))
    gaps = load(DataRequest("jarvis", "band_gap_mbj"))
    assert [dataset for dataset, _ in jarvis_data] == ["dft_3d"]
    assert not Path(jarvis_data[0][1]).exists()
    assert capsys.readouterr().out == ""
    assert (energies.report.rows_in, energies.report.rows_kept, energies.report.merged) == (7, 4, 2)
    values = {
        name: value
        for part in (gaps.train, gaps.validation, gaps.test)
        for name, value in zip(part.formulas.tolist(), part.y.tolist(), strict=True)
    }
    # Of GaN's three structures the most stable has no gap, the next gives it.
    assert values == pytest.approx({"GaN": 3.2, "NaN": 0.1, "TiO2": 2.1, "MgO": 7.2})
    assert "column formation_energy" in gaps.report.merge_rule
    assert gaps.report.rejected == {"no value": 1, "element outside the 86: Po": 1}
    assert (gaps.unit, gaps.target_name) == ("eV", "band_gap_mbj")


def test_jarvis_with_too_few_values_says_so(jarvis_data: list[tuple[str, str]]) -> None:
    with pytest.raises(UserError, match="1 usable compositions in 7 rows"):
        load(DataRequest("jarvis", "shear_modulus"))


@pytest.mark.parametrize("error", [ConnectionError("refused"), OSError("disk"), ValueError("zip"), KeyError("x")])
def test_jarvis_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    figshare = types.ModuleType("jarvis.db.figshare")
    figshare.data = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jarvis.db.figshare", figshare)
    with pytest.raises(UserError, match=f"jarvis-tools failed \\({type(error).__name__}\\)"):
        load(DataRequest("jarvis"))


def test_jarvis_that_is_not_installed_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jarvis.db.figshare", None)
    with pytest.raises(UserError, match="data_dir="):
        load(DataRequest("jarvis"))


@pytest.mark.parametrize("records", [[{"jid": "x"}], ["text"], 3])
def test_jarvis_records_of_another_shape_are_told_of(records: list[dict[str, object]]) -> None:
    with pytest.raises(UnavailableError, match="not as documented"):
        table_of(records)
