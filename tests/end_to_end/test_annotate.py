"""``vitals annotate``: what it reads, what it writes, and what its files promise (DESIGN 7)."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from tests.end_to_end.called import vitals
from tests.end_to_end.conftest import SHARED
from tests.end_to_end.program import COMMAND, environment
from tests.end_to_end.recordings import (
    cut,
    heart_rates,
    millivolts,
    resampled,
    table,
    write,
)

SECONDS = 60
BEATS = set("NSVFQ")


def lines(out: Path, name: str, kind: str = "") -> list[dict[str, Any]]:
    text = (out / f"{name}.jsonl").read_text("utf-8")
    return [line for line in map(json.loads, text.splitlines()) if kind in {"", line["kind"]}]


def beats_written(out: Path, name: str) -> dict[int, str]:
    annotations = wfdb.rdann(str(out / name), "vit")
    samples = np.asarray(annotations.sample).tolist()
    return {at: s for at, s in zip(samples, annotations.symbol, strict=True) if s in BEATS}


def beats_standing(out: Path, name: str, about: str = "sample") -> dict[int, str]:
    standing: dict[int, str] = {}
    for line in lines(out, name, "beat"):
        if line["label"] is None:
            del standing[line[about]]
        else:
            standing[line[about]] = line["label"]
    return standing


def without_emission(out: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    """Give the lines by kind, less the moment they were said."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for line in lines(out, name):
        kept = {key: value for key, value in line.items() if not key.startswith("emitted_")}
        by_kind.setdefault(line["kind"], []).append(kept)
    return by_kind


@pytest.fixture(scope="module")
def vitscore(shared_data):
    """The reader of whoever scores the files."""
    sys.path.insert(0, str(SHARED / "tools"))
    try:
        yield importlib.import_module("vitscore.files")
    finally:
        sys.path.remove(str(SHARED / "tools"))


@pytest.fixture(scope="module")
def records(shared_data, tmp_path_factory) -> Path:
    """A folder of cut and odd records; the reference annotations in it cannot be read."""
    folder = tmp_path_factory.mktemp("records")
    for name in ("208", "106"):
        cut(shared_data / "mitdb" / name, folder, name, SECONDS)
    ecg = millivolts(shared_data / "mitdb" / "208", SECONDS)
    for fs_hz in (100, 1000):
        write(folder, f"at_{fs_hz}", fs_hz, resampled(ecg, fs_hz), ["MLII"])
    leads = ["I", "II", "III", "aVR", "aVL", "aVF", *(f"V{k}" for k in range(1, 7))]
    write(folder, "twelve", 360, ecg[:, None] * np.linspace(-1, 1.2, 12), leads)
    cut(shared_data / "mitdb" / "208", folder, "one_second", 1)
    write(folder, "flat", 360, np.zeros((20 * 360, 1)), ["II"])
    write(folder, "missing", 360, np.full((20 * 360, 1), np.nan), ["II"])
    # Whoever opens a pipe that nobody writes to waits for ever.
    os.mkfifo(folder / "208.atr")
    (folder / "106.atr").write_bytes(os.urandom(999))
    return folder


@pytest.fixture(scope="module")
def annotated(records, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The real command, once, on the whole folder."""
    out = tmp_path_factory.mktemp("out") / "deep" / "er"
    done = subprocess.run(
        [*COMMAND, "annotate", records, "--out", out, "--features"],
        env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    return out, done


def names_in(records: Path) -> list[str]:
    return sorted(path.stem for path in records.glob("*.hea"))


def test_a_folder_is_annotated_whole_without_its_reference(records, annotated):
    out, done = annotated
    assert done.returncode == 0, done.stderr
    assert sorted(path.stem for path in out.glob("*.vit")) == names_in(records)
    assert sorted(path.stem for path in out.glob("*.jsonl")) == names_in(records)
    assert done.stdout.startswith("8 recordings, 0.09 h of signal in ")
    assert done.stderr.strip().endswith("missing.hea: ecg has no valid sample")


def test_whoever_scores_can_read_every_record(records, annotated, vitscore):
    out, _ = annotated
    for name in names_in(records):
        fs_hz = vitscore.read_header(records, name).fs
        log = vitscore.read_events(out, name)  # emission: never before the sample, never falling
        standing = {at: last.label for at, (_, last) in log.standing_beats().items()}
        found = vitscore.read_annotations(out, name, "vit", fs_hz)
        marks = zip(found.samples.tolist(), found.symbols.tolist(), strict=True)
        assert {at: symbol for at, symbol in marks if symbol in BEATS} == standing, name


def test_samples_are_whole_and_lie_in_the_record(records, annotated):
    out, _ = annotated
    for name in names_in(records):
        length = wfdb.rdheader(str(records / name)).sig_len
        for line in lines(out, name):
            about = line["onset_sample" if line["kind"] == "finding" else "sample"]
            assert type(about) is type(line["emitted_sample"]) is int
            assert 0 <= about <= line["emitted_sample"] < length


def test_a_record_is_the_same_at_every_rate_and_lead_count(annotated):
    out, _ = annotated
    counts = {n: Counter(beats_written(out, n).values()) for n in ("208", "at_100", "at_1000")}
    whole = counts["208"]
    assert abs(whole.total() - 106) <= 2  # the reference annotations have 64 N, 30 V and 12 F
    for name, found in counts.items():
        assert abs(found.total() - whole.total()) <= 1, name
        assert abs(found["V"] - whole["V"]) <= 4, name  # found: 29, 32 at 100 Hz, 28 at 1000 Hz
    assert len(beats_written(out, "twelve")) >= 100


def test_records_without_beats_have_empty_annotations_or_marks_only(annotated):
    out, _ = annotated
    assert (out / "one_second.vit").read_bytes() == b""
    assert wfdb.rdann(str(out / "flat"), "vit").symbol == ["~"]
    assert [line["code"] for line in lines(out, "flat", "finding")] == ["lead_off"]
    assert [line["code"] for line in lines(out, "missing", "finding")] == ["poor_signal"]


def test_lines_have_the_fields_of_the_contract(annotated):
    out, _ = annotated
    fields = {
        "beat": {"sample", "label"},
        "finding": {"id", "revision", "code", "state", "onset_sample", "evidence"},
        "feature": {"name", "sample", "values"},
        "alarm": {"id", "code", "priority", "state", "sample"},
    }
    for kind, wanted in fields.items():
        found = lines(out, "208", kind)
        assert found, kind
        assert all(wanted <= line.keys() for line in found), kind
    assert "heart_rate" in {line["name"] for line in lines(out, "208", "feature")}


def test_the_length_of_pieces_changes_only_when_things_are_said(records, annotated, tmp_path):
    out, _ = annotated
    paths = [records / name for name in ("208", "106", "at_100", "twelve")]
    said = vitals("annotate", *paths, "--out", tmp_path, "--features", "--chunk-ms", 1000)
    assert said.status == 0
    for path in paths:
        assert without_emission(tmp_path, path.name) == without_emission(out, path.name)
        vit = f"{path.name}.vit"
        assert (tmp_path / vit).read_bytes() == (out / vit).read_bytes()
    emitted = [line["emitted_sample"] for line in lines(tmp_path, "208")]
    assert {(at + 1) % 360 for at in emitted} == {0}  # each at the end of a second
    early = [line["emitted_sample"] for line in lines(out, "208", "beat")]
    late = [line["emitted_sample"] for line in lines(tmp_path, "208", "beat")]
    assert all(a <= b for a, b in zip(early, late, strict=True))


def test_without_the_option_there_are_no_features(records, tmp_path):
    assert vitals("annotate", records / "208", "--out", tmp_path).status == 0
    assert lines(tmp_path, "208", "feature") == []
    assert lines(tmp_path, "208", "beat")


def test_another_lead_or_all_of_them(shared_data, tmp_path):
    ecg = millivolts(shared_data / "mitdb" / "106", SECONDS)
    loose = np.where(np.arange(len(ecg)) < len(ecg) / 2, ecg, 0.0)
    path = write(tmp_path, "loose", 360, np.stack([loose, ecg], axis=1), ["II", "V5"])
    for lead, expected in (("0", 34), ("1", 67), ("all", 67)):
        said = vitals("annotate", path, "--out", tmp_path / lead, "--lead", lead)
        assert said.status == 0
        assert abs(len(beats_written(tmp_path / lead, "loose")) - expected) <= 1, lead


def test_beats_are_read_from_the_named_annotations_only(tmp_path):
    beats = np.cumsum(np.full(200, 200))
    symbols = ["V" if k % 7 == 3 else "N" for k in range(200)]
    wfdb.wrann("strap", "qrs", beats, symbol=symbols, fs=250, write_dir=str(tmp_path))
    (tmp_path / "strap.hea").write_text("strap 0 250 41000\n")
    os.mkfifo(tmp_path / "strap.atr")
    said = vitals("annotate", tmp_path / "strap", "--out", tmp_path / "o", "--beats", "qrs")
    assert said.status == 0, said.err
    written = beats_written(tmp_path / "o", "strap")
    assert sorted(written) == beats.tolist()
    assert set(written.values()) == {"N"}  # labels are not read
    assert written == beats_standing(tmp_path / "o", "strap")


def test_real_beats_of_af_are_annotated(shared_data, vitscore, tmp_path):
    source = shared_data / "afdb"
    beats = wfdb.rdann(str(source / "04015"), "qrs", sampto=600 * 250)
    wfdb.wrann("04015", "qrs", beats.sample, symbol=beats.symbol, fs=250, write_dir=str(tmp_path))
    (tmp_path / "04015.hea").write_text("04015 0 250 150000\n")
    out = tmp_path / "o"
    assert vitals("annotate", tmp_path / "04015", "--out", out, "--beats", "qrs").status == 0
    assert len(vitscore.read_events(out, "04015").standing_beats()) == len(beats.sample)


def test_tables_of_every_kind_in_one_call(shared_data, tmp_path):
    rr = shared_data / "hrr" / "rr" / "activity_rr_001.csv"
    hr = sorted((shared_data / "hrr" / "hr").glob("*.csv"))[0]
    mat = shared_data / "cinc2017" / "A00001.mat"
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    table(mixed / "walk.csv", heart_rates())
    table(mixed / "REFERENCE.csv", ["A00001,N"])
    cut(shared_data / "mitdb" / "208", mixed, "208", 10)
    said = vitals("annotate", rr, hr, mat, mixed, "--out", tmp_path / "o", "--features")
    assert said.status == 0, said.err
    assert said.warnings[0].startswith("REFERENCE.csv:1: expected one column t_s")
    assert {warning.split(":")[0] for warning in said.warnings[1:]} <= {rr.name, hr.name}
    names = {path.stem for path in (tmp_path / "o").glob("*.vit")}
    assert names == {rr.stem, hr.stem, "A00001", "walk", "208"}
    assert len(beats_written(tmp_path / "o", "A00001")) > 20
    rates = [line["values"]["rate"] for line in lines(tmp_path / "o", "walk", "feature")]
    assert {70, 71, 72} <= set(rates)


def test_tables_carry_seconds_of_their_own_clock(shared_data, tmp_path):
    source = shared_data / "hrr" / "rr" / "activity_rr_001.csv"
    rr = table(tmp_path / source.name, source.read_text().splitlines()[:600])
    assert vitals("annotate", rr, "--out", tmp_path).status == 0
    beats = lines(tmp_path, rr.stem, "beat")
    assert len(beats) > 100
    assert all(line["t_s"] <= line["emitted_t_s"] for line in beats)
    emitted = [line["emitted_t_s"] for line in lines(tmp_path, rr.stem)]
    assert emitted == sorted(emitted)
    assert wfdb.rdann(str(tmp_path / rr.stem), "vit").fs == 1000
    standing = {round(at * 1000): label for at, label in beats_standing(
        tmp_path, rr.stem, "t_s").items()}  # fmt: skip
    assert beats_written(tmp_path, rr.stem) == standing


def test_a_table_with_other_names_is_read_by_its_map(shared_data, tmp_path):
    with gzip.open(shared_data / "bidmc" / "bidmc_01_Signals.csv.gz", "rb") as whole:
        start = b"".join(islice(whole, 125 * SECONDS))
    source = tmp_path / "bidmc_01_Signals.csv.gz"
    source.write_bytes(gzip.compress(start))
    mapping = ("--map", "II=ecg.II:mV", "--map", "PLETH=ppg")
    said = vitals("annotate", source, "--out", tmp_path, *mapping)
    assert (said.status, said.errors) == (0, [])
    name = "bidmc_01_Signals"
    found = beats_written(tmp_path, name)
    assert 85 < len(found) < 100
    standing = beats_standing(tmp_path, name, "t_s")
    assert found == {round(at * 1000): label for at, label in standing.items()}


def test_a_record_named_in_many_ways_is_annotated_once(records, tmp_path):
    one = records / "one_second"
    said = vitals("annotate", one, f"{one}.hea", f"{one}.dat", one, "--out", tmp_path)
    assert said.out.startswith("1 recording, ")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "one_second.jsonl",
        "one_second.vit",
    ]


def test_records_of_the_same_name_get_files_of_their_own(tmp_path):
    for folder, name in (("a", "walk"), ("b", "walk"), ("b", "wa lk"), ("b", "wa_lk")):
        (tmp_path / folder).mkdir(exist_ok=True)
        table(tmp_path / folder / f"{name}.csv", heart_rates())
    said = vitals("annotate", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "o")
    assert said.status == 0
    stems = sorted(path.stem for path in (tmp_path / "o").glob("*.vit"))
    assert stems == ["wa_lk", "wa_lk-2", "walk", "walk-2"]


def test_a_profile_changes_what_is_reported(tmp_path):
    (tmp_path / "hike.toml").write_text("age_years = 25\nevent = 1\n")
    walk = table(tmp_path / "walk.csv", ["t_s,heart_rate", *(f"{i},130" for i in range(120))])
    for name, options in {"hike": ("--profile", tmp_path / "hike.toml"), "rest": ()}.items():
        assert vitals("annotate", walk, "--out", tmp_path / name, *options).status == 0
    assert [line["code"] for line in lines(tmp_path / "rest", "walk", "finding")] == ["tachycardia"]
    assert lines(tmp_path / "hike", "walk", "finding") == []


def test_a_profile_may_name_rules_and_change_them(tmp_path):
    (tmp_path / "slow.toml").write_text('rules = "cinc2015"\n[rate_limits]\nfast_per_min = 140\n')
    walk = table(tmp_path / "walk.csv", ["t_s,heart_rate", *(f"{i},130" for i in range(120))])
    for name in ("cinc2015", tmp_path / "slow.toml"):
        out = tmp_path / Path(name).stem
        assert vitals("annotate", walk, "--out", out, "--profile", name).status == 0
    assert len(lines(tmp_path / "cinc2015", "walk", "finding")) == 1
    assert lines(tmp_path / "slow", "walk", "finding") == []


def test_a_silence_of_thirty_years_is_crossed_at_once(tmp_path):
    rows = [*heart_rates(60), *(f"{10**9 + i},80" for i in range(60))]
    table(tmp_path / "clock.csv", rows)
    assert vitals("annotate", tmp_path / "clock.csv", "--out", tmp_path / "o").status == 0
    silent = lines(tmp_path / "o", "clock", "finding")
    assert [line["state"] for line in silent if line["code"] == "device_silent"] == [
        "onset",
        "offset",
    ]
    onset = next(line for line in silent if line["code"] == "device_silent")
    assert onset["onset_t_s"] == pytest.approx(69)  # 10 s after the last value
    assert onset["emitted_t_s"] < 75
