"""What was stored comes back equal through every format, within what the format can hold."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pyarrow.parquet as pq
import pytest
import wfdb
from hypothesis import HealthCheck, given, settings

from alerts.audit import Audit
from processors.errors import SettingError
from processors.records import Chunk, Finding, finding_id
from registry.participants import Participant
from streams.export import FORMATS
from streams.export.content import Content, gather
from streams.stores import FEATURES
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import Folders, Segment
from streams.stores.waveforms.archive import Archive
from streams.stores.waveforms.log import LogWriter
from streams.stores.waveforms.tables import read_runs
from tests.streams.stores.stories import (
    FINDINGS,
    alarm_changes,
    feature_rows,
    scalar_rows,
    strip,
)
from tests.streams.stores.waveforms.recordings import T0_NS, blocks_of, chunk, runs, same

ALWAYS = (-(2**62), 2**62)


def only_waveforms(waveforms) -> Content:
    return Content("p1", *ALWAYS, waveforms, {}, [], [], [], [], [])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def from_csv(out: Path) -> list[Chunk]:
    found = []
    if not (out / "waveforms.csv").exists():
        return []
    for run in rows(out / "waveforms.csv"):
        samples = [row for row in rows(out / run["file"]) if row["run"] == run["run"]]
        names = run["channels"].split(" ")
        gone = np.array([[row[name] == "" for name in names] for row in samples])
        kind = np.dtype(run["type"])
        none = np.nan if kind.kind == "f" else 0
        read: Callable[[str], float] = float if kind.kind == "f" else int
        values = [[read(row[name]) if row[name] else none for name in names] for row in samples]
        assert int(samples[0]["t_ns"]) == int(run["t0_ns"])
        found.append(Chunk(
            "p1", run["device"], run["signal"], int(run["t0_ns"]), np.array(values).astype(kind),
            float(run["fs_hz"]), int(run["seq"]), run["variant"], (), float(run["scale"]),
            float(run["offset"]), missing=gone if gone.any() else None,
        ))  # fmt: skip
    return found


def from_parquet(out: Path) -> list[Chunk]:
    return [run for path in out.glob("waveform-*.parquet") for run in read_runs(path)]


def from_wfdb(out: Path) -> list[Chunk]:
    found = []
    for path in out.glob("*.hea"):
        record = wfdb.rdrecord(str(path.with_suffix("")), physical=False)
        told = dict(line.split(": ", 1) for line in record.comments)
        none = {"16": -(2**15), "32": -(2**31)}[record.fmt[0]]
        samples = record.d_signal
        gone = samples == none
        found.append(Chunk(
            "p1", told["device"], path.stem.rsplit("-", 2)[0], int(told["t0_ns"]), samples,
            float(told["fs_hz"]), int(told["seq"]), "", (), float(told["scale"]),
            float(told["offset"]), missing=gone if gone.any() else None,
        ))  # fmt: skip
    return found + from_csv(out)


def from_edf(out: Path) -> list[Chunk]:
    found = []
    for path in out.glob("*.edf"):
        edf = edfio.read_edf(path)  # another's reader
        exact = dict(part.split("=") for part in edf.signals[0].prefiltering.split(" "))
        samples = np.stack([signal.digital for signal in edf.signals], axis=1)
        at, size = 0, edf.signals[0].samples_per_data_record
        for note in edf.annotations:
            about = re.fullmatch(r"run t0_ns=(-?\d+) seq=(\d+) n=(\d+)", note.text)
            if about:
                t0_ns, seq, n = map(int, about.groups())
                values = samples[at : at + n]
                gone = values == -(2**15)
                found.append(Chunk(
                    "p1", edf.signals[0].transducer_type, path.stem.rsplit("-", 1)[0], t0_ns,
                    values, float(exact["fs"]), seq, "", (), float(exact["scale"]),
                    float(exact["offset"]), missing=gone if gone.any() else None,
                ))  # fmt: skip
                at += -(-n // size) * size
        assert at == len(samples)
    return found + from_csv(out)


READERS = {"csv": from_csv, "parquet": from_parquet, "wfdb": from_wfdb, "edf": from_edf}


def plain(run: Chunk) -> Chunk:
    """Take off what files leave open: names of channels, what stands where nothing is, width."""
    gone = run.missing if run.missing is not None else np.zeros(run.samples.shape, bool)
    kind = np.float32 if run.samples.dtype.kind == "f" else np.int64
    samples = np.where(gone, 0, run.samples).astype(kind)
    return Chunk("p1", run.device, run.signal, run.t0_ns, samples, run.fs_hz, run.seq, run.variant,
                 (), run.scale, run.offset, missing=run.missing)  # fmt: skip


def key(run: Chunk):
    return run.signal, run.device, run.t0_ns, run.fs_hz, run.samples.dtype.kind


def assert_same(found, expected):
    assert len(found) == len(expected)
    pairs = zip(sorted(map(plain, found), key=key), sorted(map(plain, expected), key=key),
                strict=True)  # fmt: skip
    for a, b in pairs:
        assert same(a, b)


def of_one(whole) -> list[Chunk]:
    """Take the runs of the first person drawn."""
    return [run for run in whole if run.participant == whole[0].participant]


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole=runs())
def test_waveforms_come_back_equal_to_the_bit(tmp_path_factory, name, whole):
    out = tmp_path_factory.mktemp(name)
    FORMATS[name](only_waveforms(of_one(whole)), out)
    assert_same(READERS[name](out), of_one(whole))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_lowest_and_highest_integers_come_back(tmp_path, name):
    full = chunk(300)
    full.samples[:4, 0] = [-32768, 32767, -32767, 0]
    wide = chunk(300, signal="ppg", dtype=np.int32)
    wide.samples[:4, 0] = [-(2**31), 2**31 - 1, 2**20, 0]
    FORMATS[name](only_waveforms([full, wide]), tmp_path)
    assert_same(READERS[name](tmp_path), [full, wide])


def test_what_a_format_cannot_hold_is_said(tmp_path):
    floats = only_waveforms([chunk(10, dtype=np.float32)])
    for name in ("wfdb", "edf"):
        (tmp_path / name).mkdir()
        assert any("ecg" in note for note in FORMATS[name](floats, tmp_path / name))
    for name in ("csv", "parquet"):
        (tmp_path / name).mkdir()
        assert FORMATS[name](floats, tmp_path / name) == []


def test_gaps_are_gaps_to_a_reader_of_edf(tmp_path):
    whole = [chunk(500), chunk(300, seq=1000, t0_ns=T0_NS + 10_250_000_000)]
    FORMATS["edf"](only_waveforms(whole), tmp_path)
    (path,) = tmp_path.glob("*.edf")
    edf = edfio.read_edf(path)
    assert not edf.is_continuous
    assert edf.startdatetime.timestamp() is not None
    onsets = [note.onset for note in edf.annotations if note.text.startswith("run ")]
    assert onsets == [0.0, 10.25]
    assert edf.signals[0].physical_max == pytest.approx(32767 * 0.005, rel=1e-5)


def test_findings_are_annotations_where_they_lie(tmp_path):
    onset_ns = T0_NS + 3_000_000_000
    pause = Finding(finding_id("p1", "pause", onset_ns), 0, "p1", "pause", "point", onset_ns,
                    onset_ns, onset_ns, 3.2)  # fmt: skip
    content = Content("p1", *ALWAYS, [chunk(2000)], {}, [pause], [], [], [], [])
    for name in ("wfdb", "edf"):
        (tmp_path / name).mkdir()
        FORMATS[name](content, tmp_path / name)
    (record,) = (tmp_path / "wfdb").glob("*.hea")
    notes = wfdb.rdann(str(record.with_suffix("")), "vit")
    assert (notes.sample.tolist(), notes.aux_note) == ([750], ["pause point"])
    (path,) = (tmp_path / "edf").glob("*.edf")
    assert [n.onset for n in edfio.read_edf(path).annotations if n.text == "pause point"] == [3.0]


@pytest.fixture
def stored(tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    folders = Folders(tmp_path)
    folders.make()
    log = LogWriter(folders.log(Segment(T0_NS // (3600 * 10**9), 1)))
    log.append(blocks_of([chunk(1000), chunk(10, who="p2")]))
    log.close()
    store.write([Participant("p1"), Participant("p2"), feature_rows([0, 5]), scalar_rows([1]),
                 *FINDINGS, *alarm_changes(), strip(FINDINGS[0]),
                 Audit(1, "kim", "limits", "p1", "", "why", {"high": "180"})])  # fmt: skip
    yield store, Archive(folders)
    store.close()


def table(out: Path, name: str, kind: str) -> list[dict[str, str]]:
    """Read a table as text, whichever kind of file it is."""
    if kind != "parquet":
        return rows(out / f"{name}.csv")
    found = pq.read_table(out / f"{name}.parquet").to_pylist()
    text = {True: "true", False: "false", None: ""}
    return [
        {k: text[v] if v is None or isinstance(v, bool) else str(v) for k, v in row.items()}
        for row in found
    ]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_all_that_is_stored_of_one_comes_back_and_nothing_of_another(tmp_path, stored, name):
    store, archive = stored
    content = gather(store, archive, "p1", *ALWAYS)
    out = tmp_path / "out"
    out.mkdir()
    FORMATS[name](content, out)
    assert_same(READERS[name](out), [chunk(1000)])

    values = {(v["kind"], v["name"], int(v["t_ns"]), v["column"]): float(v["value"])
              for v in table(out, "values", name)}  # fmt: skip
    hrv = store.series(FEATURES, "hrv", "p1", *ALWAYS)
    for t_ns, row in zip(hrv.t_ns.tolist(), hrv.values.tolist(), strict=True):
        for column, value in zip(hrv.columns, row, strict=True):
            assert values[FEATURES, "hrv", t_ns, column] == value
    assert len(values) == hrv.values.size + 1

    findings = table(out, "findings", name)
    own = [f for f in FINDINGS if f.participant == "p1"]
    assert [(f["id"], f["state"], f["revision"]) for f in findings] == [
        (f.id, f.state, str(f.revision)) for f in own
    ]
    assert json.loads(findings[-1]["evidence"]) == {"rr_s": 3.2}
    changes = [c for c in alarm_changes() if c.alarm.participant == "p1"]
    told = {(a["id"], a["kind"], a["changed_ns"], a["reason_ko"])
            for a in table(out, "alarms", name)}  # fmt: skip
    assert told == {(c.alarm.id, c.kind, str(c.t_ns), c.alarm.reason.ko) for c in changes}
    (seen,) = table(out, "acknowledgements", name)
    assert seen["by"] == "kim"
    (audit,) = table(out, "audit", name)
    assert json.loads(audit["details"]) == {"high": "180"}
    (kept,) = table(out, "strips", name)
    assert kept["samples"] == "0 5 -32768 32767"


def test_a_span_leaves_out_what_lies_outside(stored):
    store, archive = stored
    content = gather(store, archive, "p1", T0_NS + 10**9, T0_NS + 2 * 10**9)
    (run,) = content.waveforms
    assert (run.seq, len(run.samples)) == (250, 250)
    assert content.findings == []


def test_somebody_of_whom_nothing_is_stored_is_said(stored):
    with pytest.raises(SettingError, match="nothing is stored of 'p9'"):
        gather(*stored, "p9", *ALWAYS)
