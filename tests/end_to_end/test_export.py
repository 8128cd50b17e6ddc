"""``vitals export`` as a person meets it."""

from __future__ import annotations

import csv
from contextlib import closing

import pytest

from registry.participants import Participant
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import Folders, Segment
from streams.stores.waveforms.log import LogWriter
from tests.end_to_end.called import vitals
from tests.streams.stores.stories import FINDINGS, feature_rows
from tests.streams.stores.waveforms.recordings import T0_NS, blocks_of, chunk


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    with closing(SqliteStore(folder / "vitals.sqlite")) as store:
        store.write([Participant("p1"), feature_rows([0, 5], people=("p1",)), *FINDINGS])
    folders = Folders(folder)
    folders.make()
    log = LogWriter(folders.log(Segment(T0_NS // (3600 * 10**9), 1)))
    log.append(blocks_of([chunk(1000)]))
    log.close()
    return folder


def test_everything_of_one_is_written_and_summed_up(tmp_path, data):
    out = tmp_path / "out"
    said = vitals("export", "--participant", "p1", "--out", out, "--data", data)
    assert (said.status, said.err) == (0, "")
    assert said.out == f"1000 samples in 1 run, 2 values, 2 findings and 0 alarms are in {out}\n"
    with (out / "waveforms.csv").open() as file:
        (run,) = csv.DictReader(file)
    assert (run["signal"], run["n"]) == ("ecg", "1000")


def test_a_span_is_given_in_iso_times_of_any_zone(tmp_path, data):
    said = vitals("export", "--participant", "p1", "--out", tmp_path / "out", "--data", data,
                  "--from", "2026-01-05T17:00:01+09:00", "--to", "2026-01-05T08:00:02")  # fmt: skip
    assert said.out.startswith("250 samples in 1 run, 0 values")


def test_a_format_that_cannot_hold_everything_says_so(tmp_path, data):
    said = vitals("export", "--participant", "p1", "--out", tmp_path / "out", "--data", data,
                  "--format", "edf")  # fmt: skip
    assert said.status == 0
    assert "CSV" in said.err
    assert list((tmp_path / "out").glob("*.edf"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"--participant": "p9"}, "--participant: nothing is stored of 'p9'"),
        ({"--format": "xml"}, "--format: expected csv, parquet, wfdb, edf, found 'xml'"),
        ({"--from": "yesterday"}, "--from: expected a time as"),
        ({"--from": "2026-01-02", "--to": "2026-01-01"}, "--to: expected a time after"),
        ({"--data": "nowhere"}, "--data: there is no store in nowhere"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(tmp_path, data, options, sentence):
    out = tmp_path / "out"
    given = {"--participant": "p1", "--out": out, "--data": data, **options}
    said = vitals("export", *(word for pair in given.items() for word in pair))
    assert said.status == 2
    assert sentence in said.err
    assert not out.exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, data):
    said = vitals("export", "--participant", "p1", "--out", data, "--data", data)
    assert said.status == 2
    assert "is not empty" in said.err
