"""What the engine said is read as it was told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from loadtest.evaluate.alarms import figures, fulfilling, score
from loadtest.evaluate.figures import upper_bound
from loadtest.evaluate.reference import N, Reference
from loadtest.evaluate.said import claimed, live, read_said
from loadtest.evaluate.spans import joined, meets, where, within
from processors.errors import InputError

FS_HZ = 100.0


def log(folder: Path, *lines: dict[str, object]) -> Path:
    path = folder / "r.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def finding(code: str, state: str, at: int, told: int, number: str = "1") -> dict[str, object]:
    return {"kind": "finding", "id": number, "code": code, "state": state, "onset_sample": at,
            "emitted_sample": told, "value": None, "evidence": {}}  # fmt: skip


def beat(at: int, label: str | None, told: int) -> dict[str, object]:
    return {"kind": "beat", "sample": at, "label": label, "emitted_sample": told}


def test_a_beat_stands_with_its_last_label_since_it_was_withdrawn(tmp_path: Path):
    said = read_said(
        log(tmp_path, beat(10, "N", 20), beat(10, None, 25), beat(10, "N", 30), beat(10, "V", 70),
            beat(90, "N", 95), beat(90, None, 99))
    )  # fmt: skip
    assert said.beats.at.tolist() == [10]
    assert (said.first_told.tolist(), said.last_told.tolist()) == ([30], [70])
    assert said.withdrawn.tolist() == [10, 90]


def test_a_claim_is_amended_and_live_is_what_was_known(tmp_path: Path):
    said = read_said(
        log(tmp_path, finding("af", "onset", 200, 500), finding("af", "onset", 150, 600),
            finding("af", "offset", 900, 1000), finding("vt", "onset", 950, 1100, "2"),
            finding("af", "onset", 2000, 2500, "3"))
    )  # fmt: skip
    episodes = said.episodes(["af"], 3000)
    assert claimed(episodes).tolist() == [[150, 900], [2000, 3000]]
    assert live(episodes).tolist() == [[500, 1000], [2500, 3000]]


def test_what_is_no_log_is_refused_by_name(tmp_path: Path):
    with pytest.raises(InputError, match=r"r\.jsonl"):
        read_said(log(tmp_path, {"kind": "beat"}))
    with pytest.raises(InputError, match="none"):
        read_said(tmp_path / "none.jsonl")


def test_a_span_ends_before_its_end():
    spans = joined([(1, 3), (4, 9)])
    assert within(spans, np.arange(5)).tolist() == [False, True, True, False, True]
    assert meets(spans, 0, 2)
    assert not meets(spans, 3, 4)
    assert where(np.array([True, True, False, True])).tolist() == [[0, 2], [3, 4]]


def reference(folder: Path, *rr_s: float) -> Reference:
    at = np.round(np.cumsum(rr_s) * FS_HZ).astype(np.int64)
    return Reference(folder / "r", FS_HZ, int(at[-1]) + 100, at, np.full(len(at), "N"),
                     np.full(len(at), ""))  # fmt: skip


def test_an_alarm_that_the_reference_fulfils_is_counted_apart(tmp_path: Path):
    slow = reference(tmp_path, *[1.0] * 20, *[1.6] * 6, *[1.0] * 200)
    assert fulfilling("extreme_bradycardia", slow).tolist() == [[2000, 2961]]
    assert not len(fulfilling("extreme_tachycardia", slow))
    lines = []
    for number, at in (("1", 2600), ("2", 9000)):
        lines.append(finding("extreme_bradycardia", "onset", at, at + 400, number))
        lines.append({"kind": "alarm", "id": f"a{number}", "code": "extreme_bradycardia",
                      "priority": "high", "state": "active", "sample": at + 400,
                      "emitted_sample": at + 400})  # fmt: skip
    row = figures(score(slow, read_said(log(tmp_path, *lines))))
    assert (row["high"], row["high_fulfilled"], row["high_false"]) == (2, 1, 1)
    # The slow beats with a minute on both sides are no calm time; 9,400 lies beyond it.
    end = slow.n_samples
    assert row["calm_days"] == pytest.approx((end - min(end, 2961 + 6000)) / FS_HZ / 86_400)
    assert row["calm_false"] == 1


def test_of_none_in_some_days_the_bound_is_three_over_the_days():
    assert upper_bound(0, 7.8) == pytest.approx(3.0 / 7.8, abs=0.001)
    assert upper_bound(2, 1.0) > upper_bound(1, 1.0) > 3.0


def test_records_of_normal_beats_keep_their_class(tmp_path: Path):
    assert (reference(tmp_path, 1.0, 1.0).beats.kind == N).all()
