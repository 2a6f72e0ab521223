"""What every benchmark takes: a file that cannot be written is told before hours of measuring, not after."""

from pathlib import Path

import pytest

from benchmarks.report import arguments


def test_a_file_in_no_folder_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments("").parse_args(["--json", str(tmp_path / "rows.json")]).json == tmp_path / "rows.json"
    with pytest.raises(SystemExit) as end:
        arguments("").parse_args(["--json", str(tmp_path / "none" / "rows.json")])
    assert end.value.code == 2
    assert f"there is no folder {tmp_path / 'none'} for rows.json: make it first" in capsys.readouterr().err
