"""The databases' own tables: a server of our own stands in for OQMD's API, a client for the Materials Project's."""

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search.data import DataRequest, load
from search.errors import UserError

ENTRIES = 250


def entry(number: int) -> dict[str, Any]:
    """Two structures of every composition; the second is the more stable one."""
    return {
        "entry_id": number,
        "name": f"Fe{number // 2 + 1}O",
        "delta_e": -0.5 - 0.1 * (number % 2),
        "stability": 0.1 * (number % 2),
        "volume": 20.0 + number,
        "band_gap": None,
    }


class Api(http.server.BaseHTTPRequestHandler):
    """Answers as OQMD's documentation says, but for good not at `fails_at`: `strange` comes there, or an error."""

    fails_at: int | None = None
    strange: object = None
    asked: list[int]

    def do_GET(self) -> None:
        query = {
            key: values[0] for key, values in urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).items()
        }
        first, limit = int(query["offset"]), int(query["limit"])
        type(self).asked.append(first)
        if first == type(self).fails_at and type(self).strange is None:
            self.send_error(404)
            return
        known = [entry(number) for number in range(first, min(first + limit, ENTRIES))]
        rows = [{field: row.get(field) for field in query["fields"].split(",")} for row in known]
        answer: object = {"data": rows, "meta": {"data_available": ENTRIES}}
        body = json.dumps(type(self).strange if first == type(self).fails_at else answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Api]]:
    handler = type("Handler", (Api,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr("search.data.oqmd.API", f"http://127.0.0.1:{server.server_port}/oqmdapi")
    monkeypatch.setattr("search.data.oqmd.ROWS_A_PAGE", 100)
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_oqmd_comes_page_by_page_and_goes_on_after_a_break(api: type[Api], cache: Path) -> None:
    api.fails_at = 200
    with pytest.raises(UserError, match="a later try goes on"):
        load(DataRequest("oqmd", "volume"))
    api.fails_at = None
    split = load(DataRequest("oqmd", "volume"))
    assert api.asked == [0, 100, 200, 200]
    assert (split.report.rows_in, split.report.rows_kept, split.unit) == (ENTRIES, ENTRIES // 2, "Å³")
    values = {
        str(f): float(y) for part in (split.train, split.test) for f, y in zip(part.formulas, part.y, strict=True)
    }
    formula, value = next(iter(values.items()))
    number = 2 * (int(formula.removeprefix("Fe").removesuffix("O") or 1) - 1) + 1
    assert value == 20.0 + number  # of the structure with the lowest formation energy
    load(DataRequest("oqmd", "stability"))
    assert len(api.asked) == 4  # one table for all properties
    kept = [path.name for path in (cache / "sources").iterdir() if path.suffix != ".lock"]
    assert [name.split(".")[0] for name in kept] == ["oqmd-entries"]


@pytest.mark.parametrize(
    ("strange", "sentence"),
    [
        ({"error": "moved"}, r'a list "data" of page 2 was asked for, \{"error": "moved"\} came'),
        ([], r'a list "data" of page 2 was asked for, \[\] came'),
        ({"data": None}, "a list"),
        ({"data": [{"entry_id": 3, "name": None}]}, r'its "name" was asked for, \{"entry_id": 3, "name": null\} came'),
        ({"data": [[3, "FeO"]]}, r'a record of page 2 .* \[3, "FeO"\] came'),
    ],
)
def test_an_answer_of_oqmd_that_is_not_as_documented_is_shown_and_not_kept(
    api: type[Api], strange: object, sentence: str
) -> None:
    api.fails_at, api.strange = 100, strange
    with pytest.raises(UserError, match=f"{sentence}.*a later try goes on.*data_dir="):
        load(DataRequest("oqmd", "volume"))
    api.fails_at = None
    assert load(DataRequest("oqmd", "volume")).report.rows_in == ENTRIES
    assert api.asked == [0, 100, 100, 200]


class Client:
    """What pymatgen's client does with a key, without a network."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    def get_summary(self, criteria: dict[str, Any], fields: list[str]) -> list[dict[str, Any]]:
        assert criteria == {}
        if self.key != "good":
            raise RuntimeError(f"401 for {self.key}")
        known = {"formation_energy_per_atom": -1.0, "band_gap": 0.0, "volume": 40.0, "density": 5.0}
        return [
            {"material_id": f"mp-{n}", "formula_pretty": f"Fe{n}O", **{f: known.get(f) for f in fields[2:]}}
            for n in range(1, 41)
        ]


def test_the_materials_project_asks_for_a_key(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr("pymatgen.ext.matproj.MPRester", Client)
    monkeypatch.delenv("MP_API_KEY", raising=False)
    with pytest.raises(UserError, match="MP_API_KEY is not set"):
        load(DataRequest("mp", "density"))
    monkeypatch.setenv("MP_API_KEY", "secret")
    with pytest.raises(UserError, match="401 for <key>") as caught:
        load(DataRequest("mp", "density"))
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("MP_API_KEY", "good")
    split = load(DataRequest("mp", "density"))
    assert (split.report.rows_kept, split.unit, split.report.source) == (
        40,
        "g/cm³",
        "mp density from pymatgen's MPRester",
    )
