"""What follows by itself from the examples of CONTRIBUTING.md.

Not collected in this tree: `tests/test_contributing.py` runs it in a copy that has the examples.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

import processors
from alerts.alarm import AlarmChange
from alerts.policy import load_policy
from device_bridges.pacing import pack_all
from device_bridges.replay.columns import parse_mapping
from device_bridges.replay.link import find_recordings, read_recording
from processors.records import NS_PER_S, Block, Chunk, pack, row_chunk
from processors.registry import discover, order
from processors.signals import SIGNALS
from streams.cli import build
from streams.live import LiveCore
from streams.stores import SCALARS
from streams.stores.sqlite import SqliteStore
from streams.thinning import Thinner
from streams.wire import decode, encode

SIGNAL = "end_tidal_co2"
MADE = {make.name: make for make in discover()}  # type: ignore[attr-defined]


def test_it_is_the_copy_that_runs() -> None:
    assert Path(processors.__file__).is_relative_to(Path.cwd())


def test_the_new_signal_is_listed_by_the_command() -> None:
    done = CliRunner().invoke(build(), ["signals", "--json"])
    rows = {row["signal"]: row for row in json.loads(done.output)}
    assert rows[SIGNAL]["unit"] == "mm[Hg]"
    assert rows[SIGNAL]["plausible"] == "0 ... 150"


def blocks_of(table: Path, *mapping: str) -> list[Block]:
    found = find_recordings([table], mapping=parse_mapping(mapping))
    recording = read_recording(found.sources[0])
    return pack_all(list(recording.chunks(0, recording.duration_ns)))


def table(folder: Path, header: str, value: float) -> Path:
    path = folder / "capnograph.csv"
    path.write_text(header + "\n" + "".join(f"{t},{value}\n" for t in range(20)), "utf-8")
    return path


def test_the_new_signal_goes_from_a_table_over_the_wire_through_the_engine_into_the_store(
    tmp_path: Path,
) -> None:
    (block,) = blocks_of(table(tmp_path, f"t_s,{SIGNAL}", 38.0))
    received = row_chunk(decode(encode(block)), 0)
    assert (received.signal, len(received.samples)) == (SIGNAL, 20)
    core = LiveCore(load_policy(), [MADE["link"]()], thinner=Thinner())
    told = core.step(20 * NS_PER_S, [pack([received])])
    store = SqliteStore(tmp_path / "store.sqlite")
    store.write(told.records)
    series = store.series(SCALARS, SIGNAL, "capnograph", 0, 100 * NS_PER_S)
    store.close()
    assert series.columns == (SIGNAL,)
    assert set(series.values.ravel().tolist()) == {38.0}


def test_the_new_signal_is_read_under_any_name_and_known_unit(tmp_path: Path) -> None:
    path = table(tmp_path, "t_s,etCO2", 5.0)
    (block,) = blocks_of(path, f"etCO2={SIGNAL}:kPa")
    assert np.allclose(block.samples * block.scale[0], 37.5031)


def test_silence_of_the_new_signal_is_noticed() -> None:
    core = LiveCore(load_policy(), [MADE["link"]()])
    t_ns = np.arange(1, 10, dtype=np.int64) * NS_PER_S
    samples = np.full((9, 1), 38.0, np.float32)
    core.step(9 * NS_PER_S, [pack([Chunk("p1", "nose", SIGNAL, NS_PER_S, samples, t_ns=t_ns)])])
    (finding,) = core.step(40 * NS_PER_S, []).findings
    assert (finding.code, finding.t_ns) == ("device_silent", (9 + 15) * NS_PER_S)
    assert list(SIGNALS)[int(finding.evidence["signal"])] == SIGNAL


def test_the_new_detector_is_discovered_and_fits_among_the_others() -> None:
    names = [processor.name for processor in order([make() for make in discover()])]
    assert "hypercapnia" in names


def test_its_findings_are_listed_by_the_command() -> None:
    done = CliRunner().invoke(build(), ["signals", "--features", "--json"])
    assert "end_tidal_co2_high" in {row["name"] for row in json.loads(done.output)}


def test_its_finding_becomes_an_alarm_after_the_delay_of_the_new_rule() -> None:
    core = LiveCore(load_policy(), [MADE["hypercapnia"]()])
    changes: list[AlarmChange] = []
    for second in range(1, 75):
        t_ns = np.array([second * NS_PER_S], np.int64)
        pressure = np.array([[65.0 if second < 70 else 85.0]], np.float32)
        chunk = Chunk("p1", "nose", SIGNAL, int(t_ns[0]), pressure, 0.0, second, t_ns=t_ns)
        changes += core.step(int(t_ns[0]), [pack([chunk])]).alarms
    alarms = [(change.alarm.code, change.alarm.priority) for change in changes]
    assert alarms[0] == ("end_tidal_co2_high", "medium")
    assert alarms[-1] == ("end_tidal_co2_high", "high")


def test_the_new_rule_is_read() -> None:
    rule = load_policy().rule("end_tidal_co2_high")
    assert (rule.priority, rule.chain, rule.rank) == ("medium", "respiration", 4)
