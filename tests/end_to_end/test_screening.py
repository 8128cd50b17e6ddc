"""``vitals screening`` on the store of a day on a mountain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from processors.records import NS_PER_S
from registry.participants import Participant
from streams.stores import FEATURES, SeriesRows
from streams.stores.sqlite import SqliteStore
from tests.alerts.stories import offset, point, seconds
from tests.end_to_end.called import vitals

BEGAN_S = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Give four hikers: one recovers late, one fibrillates, one is well, one hardly watched."""
    folder = tmp_path_factory.mktemp("screening")
    store = SqliteStore(folder / "vitals.sqlite")
    people = [Participant(name, name="김서연" if name == "p1" else "", group="hikers")
              for name in ("p1", "p2", "p3", "p4")]  # fmt: skip
    rows = []
    for person, minutes in zip(people, (60, 60, 60, 5), strict=True):
        n = minutes * 12
        t_ns = seconds(BEGAN_S) + 5 * NS_PER_S * np.arange(n, dtype=np.int64)
        whose, rate = [person.id] * n, np.full((n, 1), 80.0)
        rows.append(SeriesRows(FEATURES, "heart_rate", ("rate",), whose, t_ns, rate))
    findings = [
        point("heart_rate_recovery_delayed", BEGAN_S + 900, value=8.0, who="p1", hrr60=8.0),
        offset("af", BEGAN_S + 60, BEGAN_S + 360, value=130.0, who="p2", rate=130.0),  # 5 min
        offset("af", BEGAN_S - 86_400, BEGAN_S - 80_000, who="p3"),  # of the day before
    ]
    store.write([*people, *rows, *findings])
    store.close()
    return folder


def test_it_says_how_many_are_referred_and_why(data: Path):
    said = vitals("screening", "--data", str(data))
    lines = said.out.splitlines()
    assert said.status == 0
    assert lines[0] == (
        "2026-09-21, hikers: 2 of 4 referred: 1 for recovery (1 for it alone), "
        "1 for arrhythmia (1 for it alone); 1 not assessed, watched too little"
    )
    assert "p1 (김서연), hikers: refer; watched 60 min" in lines
    assert "    14:14:20 Atrial fibrillation for 5 min" in lines
    assert not any(line.startswith("p3") for line in lines)


def test_another_day_and_a_file_of_all_of_it(data: Path, tmp_path: Path):
    file = tmp_path / "day.json"
    said = vitals("screening", "--data", str(data), "--day", "2026-09-20", "--json", str(file))
    assert said.out.startswith("2026-09-20, hikers: 1 of 1 referred")
    (person,) = json.loads(file.read_text())["people"]
    assert person["participant"] == "p3"
    assert person["reasons"][0]["evidence"][0]["lasted_s"] == 6400.0


def test_what_is_wrong_is_one_sentence(data: Path, tmp_path: Path):
    for arguments, problem in (
        (("--day", "yesterday"), "--day: expected a date as 2026-11-25"),
        (("--data", str(tmp_path)), "there is no store in"),
    ):
        said = vitals(
            "screening", *(("--data", str(data)) if "--data" not in arguments else ()), *arguments
        )
        assert said.status == 2
        assert problem in said.err
