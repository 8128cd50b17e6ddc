"""What an older version published is still read: each kept golden file, of whatever version."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from alerts.policy import load_policy
from processors.errors import InputError
from streams.alarm_messages import decode_acts, decode_alarms
from streams.bus import Place, Record
from streams.bus.topics import ACTS, ALARMS, CONTROL, EVENTS, FEATURES, raw
from streams.frame import PREFIX_BYTES
from streams.messages import (
    decode_controls,
    decode_dead_letter,
    decode_findings,
    decode_people,
    decode_progress,
    decode_series,
)
from streams.sink.records import RecordsWork
from streams.sink.series import SILENT_S, SeriesWork
from streams.stores import FEATURES as KIND
from streams.stores import SCALARS
from streams.stores.sqlite import SqliteStore
from streams.wire import decode
from streams.worker.journal import decode_turn
from streams.worker.partition import Partition

KEPT = sorted((Path(__file__).parents[1] / "data").glob("*_v*.bin"))
READERS = {
    "acts": decode_acts,
    "alarms": decode_alarms,
    "block": decode,
    "controls": decode_controls,
    "dead_letter": decode_dead_letter,
    "findings": decode_findings,
    "people": decode_people,
    "progress": decode_progress,
    "series": decode_series,
    "turn": decode_turn,
}
# What a sink keeps, on which topic it comes, and what the store then has.
KEEPERS = {
    "series": (SeriesWork, FEATURES, lambda store: store.names(KIND) + store.names(SCALARS)),
    "findings": (RecordsWork, EVENTS, lambda store: store.findings()),
    "alarms": (RecordsWork, ALARMS, lambda store: store.alarms()),
    "people": (RecordsWork, CONTROL, lambda store: store.participants()),
}
# What workers read, and on which topic it comes.
INPUTS = {"block": raw("ecg"), "controls": CONTROL, "people": CONTROL, "acts": ACTS}


def name_and_version(path: Path) -> tuple[str, int]:
    name, _, version = path.stem.rpartition("_v")
    return name, int(version)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_every_kept_version_is_read(path):
    name, version = name_and_version(path)
    data = path.read_bytes()
    assert int.from_bytes(data[4:6], "little") == version
    assert len(data) > PREFIX_BYTES
    assert READERS[name](data)


def test_of_every_form_all_versions_from_the_first_are_kept():
    found: dict[str, list[int]] = {}
    for path in KEPT:
        name, version = name_and_version(path)
        found.setdefault(name, []).append(version)
    assert found.keys() == READERS.keys()
    assert all(sorted(some) == list(range(1, len(some) + 1)) for some in found.values())


@pytest.mark.parametrize("path", [p for p in KEPT if name_and_version(p)[0] in INPUTS],
                         ids=lambda path: path.stem)  # fmt: skip
def test_a_worker_takes_every_kept_version_of_its_input(path):
    topic = INPUTS[name_and_version(path)[0]]
    partition = Partition(0, load_policy())
    partition.order.put(Record(Place(topic, 0), 0, 10**12, path.read_bytes()))
    said = partition.process(partition.take({}))
    assert said.dead == []
    assert partition.order.offsets[topic] == 1


@pytest.mark.parametrize("path", [p for p in KEPT if name_and_version(p)[0] in KEEPERS],
                         ids=lambda path: path.stem)  # fmt: skip
def test_a_sink_keeps_every_kept_version_beside_what_cannot_be_read(path, tmp_path, monkeypatch):
    make, topic, found = KEEPERS[name_and_version(path)[0]]
    with contextlib.closing(SqliteStore(tmp_path / "vitals.sqlite")) as store:
        work = make(store)
        with pytest.raises(InputError):
            work.take(Record(Place(topic, 0), 0, 10**12, path.read_bytes()[:-1]))
        work.take(Record(Place(topic, 0), 1, 10**12, path.read_bytes()))
        monkeypatch.setattr(work, "_monotonic", lambda: 2 * 10**9 * SILENT_S, raising=False)
        assert work.keep() == []
        assert found(store)
