"""A Windows-1252 file's last letter, where no newline follows it."""

from pathlib import Path

from search.inference.rows import open_input


def test_a_letter_that_ends_a_windows_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("formula,note\nNaCl,a\nKCl,café".encode("cp1252"))
    (chunk,) = open_input(tmp_path / "in.csv", None).chunks()
    assert chunk.columns[1] == ["a", "café"]


def test_a_letter_of_two_bytes_that_a_block_cuts_is_utf_8(tmp_path: Path) -> None:
    blank = "\n" * ((1 << 20) - len("formula,note\nNaCl,") - 1)
    (tmp_path / "in.csv").write_text(f"formula,note\n{blank}NaCl,é\nKCl,é", encoding="utf-8")
    (chunk,) = open_input(tmp_path / "in.csv", None).chunks()
    assert chunk.columns[1] == ["é", "é"]
