"""The two files of a recording: what readers accept and what scorers count on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import wfdb

from processors.errors import SettingError
from streams.annotations import Line, RecordWriter

FS_HZ = 100.0
STEP_NS = 10_000_000


def beat(known: int, about: int, label: str | None) -> Line:
    return Line(known * STEP_NS, about * STEP_NS, "", {"kind": "beat", "label": label})


def writer(folder: Path, fs_hz: float = FS_HZ) -> RecordWriter:
    return RecordWriter("rec", folder, fs_hz, 1000 * STEP_NS)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "rec.jsonl").read_text("utf-8").splitlines()]


def test_the_last_line_of_a_beat_is_what_the_annotation_file_says(tmp_path: Path) -> None:
    record = writer(tmp_path)
    record.write([beat(60, 50, "N"), beat(70, 65, "N")], 80 * STEP_NS)
    record.write([beat(90, 50, "V"), beat(85, 65, None)], 100 * STEP_NS)
    record.close()
    found = wfdb.rdann(str(tmp_path / "rec"), "vit")
    assert (found.sample.tolist(), found.symbol, found.fs) == ([50], ["V"], 100)
    assert [line["emitted_sample"] for line in lines(tmp_path)] == [79, 79, 99, 99]
    assert [line["sample"] for line in lines(tmp_path)] == [50, 65, 65, 50]


def test_a_beat_cannot_be_withdrawn_twice(tmp_path: Path) -> None:
    record = writer(tmp_path)
    record.write([beat(60, 50, "N")], 80 * STEP_NS)
    record.write([beat(70, 50, None), beat(71, 50, None)], 90 * STEP_NS)
    record.close()
    assert len(lines(tmp_path)) == 2


def test_emission_never_goes_back_even_for_a_deadline_at_the_end_of_a_step(tmp_path: Path) -> None:
    record = writer(tmp_path)
    deadline = Line(80 * STEP_NS, 80 * STEP_NS, "onset_", {"kind": "finding"})
    record.write([deadline, beat(79, 60, "N")], 80 * STEP_NS)
    record.write([beat(80, 70, "N")], 81 * STEP_NS)
    record.close()
    emitted = [line["emitted_sample"] for line in lines(tmp_path)]
    assert emitted == [79, 80, 80]


def test_without_annotations_the_file_is_empty(tmp_path: Path) -> None:
    writer(tmp_path).close()
    assert (tmp_path / "rec.vit").read_bytes() == b""


def test_tables_carry_seconds(tmp_path: Path) -> None:
    record = RecordWriter("rec", tmp_path, 0.0, 1000 * STEP_NS, start_s=5.0)
    record.write([beat(60, 50, "N")], 80 * STEP_NS)
    record.close()
    assert lines(tmp_path) == [{"kind": "beat", "t_s": 5.5, "emitted_t_s": 5.8, "label": "N"}]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"out: .*rec\.jsonl cannot be written"):
        writer(tmp_path / "nowhere")
