"""Variability of a recording, from its file to the rows of the command."""

import contextlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from device_bridges.replay.link import find_recordings, read_recording
from processors.records import NS_PER_S, pack
from registry.participants import Participant
from streams.cli import build
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import Folders, Segment
from streams.stores.waveforms.log import LogWriter
from streams.thinning import Thinner
from tests.needs import recordings
from tests.streams.stores.waveforms.recordings import T0_NS, blocks_of


def strap(tmp_path, rr_ms):
    path = tmp_path / "rest.csv"
    at_s = np.cumsum(rr_ms) / 1000
    lines = [f"{t:.3f},{rr:.0f}" for t, rr in zip(at_s, rr_ms, strict=True)]
    path.write_text("\n".join(["t_s,rr", *lines]) + "\n")
    return path


def rows(*arguments):
    done = CliRunner().invoke(build(), ["hrv", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_intervals_of_a_strap_give_a_row_every_30_s_from_the_end_of_the_first_window(tmp_path):
    k = np.arange(500)
    rr_ms = np.rint(800 + 40 * np.sin(2 * np.pi * 0.1 * 0.8 * k))
    found = rows(strap(tmp_path, rr_ms))
    assert [row["until_s"] for row in found] == [300.0, 330.0, 360.0, 390.0]
    for row in found:
        assert row["lf_ms2"] == pytest.approx(800, rel=0.1)
        assert row["hf_ms2"] < 20
        assert row["accepted_percent"] == 100


def test_a_row_of_a_short_stretch_without_intervals_has_counts_only(tmp_path):
    rr_ms = np.full(700, 800.0)
    rr_ms[200] = 90_000.0
    found = rows(strap(tmp_path, rr_ms))
    assert found[0]["mean_nn_ms"] is None
    assert found[0]["coverage_percent"] < 80
    assert found[-1]["mean_nn_ms"] == 800.0


def test_ventricular_beats_of_a_record_are_interpolated():
    # 119 holds bigeminy and trigeminy: 80 V among 327 beats of the first 5 min.
    first, *_ = rows(recordings("mitdb") / "119", "--step", 600)
    assert first["mean_nn_ms"] is None
    assert first["accepted_percent"] == pytest.approx(100 * (1 - 160 / 327), abs=4)


def test_the_table_says_until_when_and_what(tmp_path):
    path = strap(tmp_path, np.full(400, 800.0))
    done = CliRunner().invoke(build(), ["hrv", str(path)])
    name, head, first, *_ = done.stdout.splitlines()
    assert (name, head.split()[-3:]) == ("rest", ["n", "accepted", "covered"])
    assert first.split()[:2] == ["300", "800"]
    assert math.isclose(float(first.split()[-1]), 100, abs_tol=1)


def stored(folder, *chunks):
    folders = Folders(folder)
    folders.make()
    log = LogWriter(folders.log(Segment(T0_NS // (3600 * NS_PER_S), 1)))
    log.append(blocks_of(chunks))
    log.close()
    return folder


def test_what_is_stored_of_an_ecg_gives_the_rows_of_its_recording(tmp_path):
    path = recordings("mitdb") / "101"
    (source,) = find_recordings([path]).sources
    record = read_recording(source).with_lead(0)
    pieces = record.chunks(0, 150 * NS_PER_S, base_ns=T0_NS)
    data = stored(tmp_path / "data", *(replace(one, participant="p1") for one in pieces))
    options = "--window", 130, "--step", 20
    found = rows("--participant", "p1", "--data", data, *options)
    assert [row["until_s"] for row in found] == [130.0, 150.0]
    assert found[0]["until"] == "2026-01-05T08:02:10+00:00"
    expected, *_ = rows(path, "--window", 130, "--step", 5000)
    for name in expected.keys() - {"recording"}:
        assert found[0][name] == pytest.approx(expected[name], rel=1e-9), name
    later = rows("--participant", "p1", "--data", data, *options, "--from", "2026-01-05T08:00:15")
    assert len(later) == 1


def test_without_an_ecg_the_stored_intervals_of_a_strap_give_the_rows_of_their_recording(tmp_path):
    rng = np.random.default_rng(5)
    rr_ms = np.rint(800 + 40 * np.sin(0.5 * np.arange(500)) + rng.normal(0, 10, 500))
    path = strap(tmp_path, rr_ms)
    (source,) = find_recordings([path]).sources
    record = read_recording(source)
    base_ns = T0_NS + record.start_ns  # by which it is as long as what is stored of it
    thinner, kept = Thinner(), []
    for from_s in range(0, 400, 10):
        pieces = record.chunks(from_s * NS_PER_S, (from_s + 10) * NS_PER_S, base_ns=base_ns)
        blocks = [pack([replace(one, participant="p1")]) for one in pieces]
        kept += thinner.keep(base_ns + from_s * NS_PER_S, (), blocks)
    with contextlib.closing(SqliteStore(tmp_path / "data" / "vitals.sqlite")) as store:
        store.write([Participant("p1"), *kept])
    options = "--window", 130, "--step", 60
    found = rows("--participant", "p1", "--data", tmp_path / "data", *options)
    expected = rows(path, *options)
    assert found[0]["until"] == "2026-01-05T08:02:10+00:00"
    assert len(found) == len(expected) > 3
    for one, other in zip(found, expected, strict=True):
        for name in other.keys() - {"recording"}:
            assert one[name] == pytest.approx(other[name], rel=1e-6), name


def test_who_has_nothing_stored_is_said_so(tmp_path):
    asked = ["hrv", "--participant", "p9", "--data", str(tmp_path)]
    assert "there is no store in" in str(CliRunner().invoke(build(), asked).exception)
    SqliteStore(tmp_path / "vitals.sqlite").close()
    said = str(CliRunner().invoke(build(), asked).exception)
    assert "no ECG and no RR are stored of 'p9'" in said


def test_a_recording_that_cannot_be_used_is_left_out(tmp_path):
    path = strap(tmp_path, np.full(400, 800.0))
    (tmp_path / "odd.csv").write_text("t_s,rr\nx,y\n")
    done = CliRunner().invoke(build(), ["hrv", str(path), str(tmp_path / "odd.csv"), "--json"])
    assert done.exit_code == 1
    assert {json.loads(line)["recording"] for line in done.stdout.splitlines()} == {"rest"}
