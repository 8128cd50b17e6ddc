"""Commands that read the past say the same, whichever stores the settings name."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from processors.records import NS_PER_S
from registry.participants import Participant
from streams.stores import FEATURES, SCALARS, SeriesRows
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import Folders
from streams.stores.waveforms.compaction import compact
from streams.stores.waveforms.log import LogWriter
from streams.stores.waveforms.shelf import Shelf
from tests.end_to_end.called import vitals
from tests.streams.stores.back_ends import BACK_ENDS
from tests.streams.stores.stories import FINDINGS, T0_NS, alarm_changes, feature_rows, strip
from tests.streams.stores.waveforms.recordings import T0_NS as ECG_NS
from tests.streams.stores.waveforms.recordings import blocks_of, chunk, cut

HOUR = ECG_NS // (3600 * NS_PER_S)


def records():
    """Give an hour of a heart rate, some minutes of a strap, and what was found."""
    n = 720
    t_ns = T0_NS + 5 * NS_PER_S * np.arange(n, dtype=np.int64)
    rates = SeriesRows(FEATURES, "heart_rate", ("rate",), ["p1"] * n, t_ns, np.full((n, 1), 80.0))
    rr_ms = np.rint(800 + 40 * np.sin(0.5 * np.arange(400)))
    beats_ns = T0_NS + 1_000_000 * np.cumsum(rr_ms).astype(np.int64)
    straps = SeriesRows(SCALARS, "rr", ("rr",), ["p2"] * 400, beats_ns, rr_ms[:, None])
    people = [Participant("p1", name="Kim", group="hikers"), Participant("p2")]
    return [*people, rates, straps, feature_rows([0, 5]), *FINDINGS, *alarm_changes(),
            strip(FINDINGS[0])]  # fmt: skip


def recorded(folder, seconds):
    """Record some seconds of an ECG into a log of its own, and give its segment."""
    folders = Folders(folder)
    folders.make()
    segment = folders.next_segment(HOUR)
    log = LogWriter(folders.log(segment))
    pieces = cut(chunk(1500), [250] * 6)
    log.append(blocks_of([pieces[second] for second in seconds]))
    log.close()
    return folders, segment


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def said(out):
    """Call all that reads the past; the paths of its files are left out."""
    alarm = alarm_changes()[0].alarm.id
    calls = {
        "screening": ("screening", "--day", "2023-11-14"),
        "burden": ("policy", "burden", "--since", "2023-11-14"),
        "explain": ("policy", "explain", alarm),
        "hrv": ("hrv", "--participant", "p2", "--window", "130", "--step", "60"),
        "export": ("export", "--participant", "p1", "--out", out),
    }
    found = {name: vitals(*call) for name, call in calls.items()}
    assert {name: (one.status, one.err) for name, one in found.items()} == dict.fromkeys(
        calls, (0, "")
    )
    return {name: one.out.replace(str(out), "OUT") for name, one in found.items()}


@pytest.fixture
def in_one_folder(tmp_path, monkeypatch):
    """Give what is said, and exported, where all of it is in one folder."""
    folder = tmp_path / "one"
    with closing(SqliteStore(folder / "vitals.sqlite")) as store:
        store.write(records())
    recorded(folder, range(6))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITALS__DATA", str(folder))
    return said(tmp_path / "a"), files_in(tmp_path / "a")


def test_all_of_it_is_there(in_one_folder):
    found, files = in_one_folder
    assert found["screening"].startswith("2023-11-14, hikers: 1 of 1 referred: 1 for arrhythmia")
    assert "0.04 person-days, 3 alarms" in found["burden"]
    assert "Asystole" in found["explain"]
    assert "heart_rate: rate 80" in found["explain"]
    assert found["hrv"].splitlines()[-1].split()[1] == "800.1"
    assert found["export"].startswith("1500 samples in 1 run, 722 values")
    assert "waveforms.csv" in files


@pytest.mark.parametrize("name", sorted(BACK_ENDS))
def test_it_is_the_same_of_other_stores_and_of_hours_on_a_shelf(
    request, tmp_path, monkeypatch, in_one_folder, name
):
    folder = tmp_path / "other"
    back_end = BACK_ENDS[name](request.getfixturevalue)
    with closing(back_end.open(folder)) as store:
        store.write(records())
    for seconds in (range(2), range(2, 4)):  # two hours of a sink that was started again
        folders, segment = recorded(folder, seconds)
        compact(folders, segment)
        Shelf(str(tmp_path / "shelf")).put(folders, segment)
    recorded(folder, range(3, 6))
    more = {"data": folder, "waveforms": tmp_path / "shelf", **back_end.settings(folder)}
    for key, value in more.items():
        monkeypatch.setenv(f"VITALS__{key.upper()}", str(value))
    found = said(tmp_path / "b"), files_in(tmp_path / "b")
    assert found == in_one_folder
