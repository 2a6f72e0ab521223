"""The journal: whole lines or none, one driver at a time, and the time that was spent."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from search.errors import UserError
from search.journal import JOURNAL_FILE, Journal, alone_in
from search.results import TrialResult

RESULT = TrialResult("a", Candidate(BRNET, FAST), 0, 10, 9, 0.1 + 0.2, 90.0, "all epochs", None, 5.0)
FAILED = TrialResult("b", Candidate(BRNET, FAST), 1, failure="loss not finite in epoch 1")


def test_results_come_back_bit_for_bit(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.ended(RESULT, again=False)
    journal.ended(FAILED, again=True)
    assert journal.results() == ({"a": RESULT}, {"b": FAILED})
    assert journal.results()[1]["b"].best_error == math.inf
    journal.ended(FAILED, again=False)
    assert journal.results() == ({"a": RESULT, "b": FAILED}, {})


@pytest.mark.parametrize("lost", [1, 2, 30, 200])
def test_a_line_cut_short_never_happened(lost: int, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin_session()
    journal.ended(RESULT, again=False)
    journal.ended(FAILED, again=False)
    path = tmp_path / JOURNAL_FILE
    os.truncate(path, path.stat().st_size - lost)
    assert journal.results()[0] == {"a": RESULT}
    journal.begin_session()
    journal.ended(FAILED, again=False)
    assert journal.results()[0] == {"a": RESULT, "b": FAILED}
    assert [event["event"] for event in journal.events()] == ["session", "ended", "session", "ended"]


def test_time_is_spent_while_a_driver_lives_and_not_between(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.begin_session() == 0.0
    path = tmp_path / JOURNAL_FILE
    os.utime(path, (time.time() + 100, time.time() + 100))
    assert Journal(tmp_path).seconds_spent() == pytest.approx(100, abs=2)
    assert Journal(tmp_path).begin_session() == pytest.approx(100, abs=2)
    os.utime(path, (time.time() + 30, time.time() + 30))
    assert Journal(tmp_path).seconds_spent() == pytest.approx(130, abs=4)


def test_time_counts_from_the_last_session_and_never_backwards(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    sessions = ({"event": "session", "at": 100.0, "spent": 0.0}, {"event": "session", "at": 1000.0, "spent": 50.0})
    path.write_text("".join(json.dumps(session) + "\n" for session in sessions))
    for seen, spent in ((1030, 80), (900, 50)):  # the clock was put back
        os.utime(path, (seen, seen))
        assert Journal(tmp_path).seconds_spent() == spent


def test_what_a_candidate_was_drawn_as_is_known_at_once_and_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.parameters == {}
    journal.asked(0, {"width": 8}, "a")
    assert journal.parameters == Journal(tmp_path).parameters == {"a": {"width": 8}}


def test_a_sign_of_life_is_left_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.begin_session()
    seen = []
    for now in (1000.0, 1000.5, 1003.0):
        os.utime(journal.path, (0, 0))
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        journal.is_alive()
        seen.append(journal.path.stat().st_mtime > 0)
    assert seen == [True, False, True]


def test_a_line_is_json_and_on_the_disk_once_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, on_disk = Journal(tmp_path), list[int]()
    monkeypatch.setattr(os, "fsync", lambda handle: on_disk.append(os.fstat(handle).st_size))
    journal.ended(FAILED, again=False)
    assert on_disk == [journal.path.stat().st_size]
    assert "Infinity" not in journal.path.read_text()


def test_one_driver_at_a_time_until_its_process_ends(tmp_path: Path) -> None:
    code = f"""
import pathlib, time
from search.journal import alone_in
with alone_in(pathlib.Path({str(tmp_path)!r})):
    print("in", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(UserError, match="under way"), alone_in(tmp_path):
            pass
        other.kill()
        other.wait()
    with alone_in(tmp_path):
        pass


FULL = """
import json, pathlib, resource, signal, sys
from search.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(pathlib.Path(sys.argv[1]))
journal.write("first", text="a")
size = journal.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
for _ in range(3):
    try:
        journal.write("refused", text="b" * 90)
    except OSError:
        print(journal.path.stat().st_size - size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.write("last", text="c")
print([event["event"] for event in journal.events()])
"""


def test_what_a_full_disk_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    """The disk is full in the middle of a line, and has room again later."""
    run = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["0", "0", "0", "['first', 'last']"]
