"""``vitals evaluate`` from a record to a page, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from typer.testing import CliRunner

from loadtest.evaluate import documents
from loadtest.evaluate.cases import Case, Setting
from loadtest.evaluate.parts import quality, recovery, rhythms
from loadtest.evaluate.run import judged
from processors.errors import SettingError
from streams.cli import build
from tests.loadtest.evaluate.made_records import FS_HZ, write_record


def record(folder: Path, seconds: int = 20) -> None:
    """Write a record of clear beats, 75/min, with annotations."""
    at = np.arange(100, seconds * FS_HZ - 100, 200)
    mv = 0.02 * np.random.default_rng(1).standard_normal(seconds * FS_HZ)
    shape = np.exp(-0.5 * (np.arange(-20, 21) / 4.0) ** 2)
    for r in at:
        mv[r - 20 : r + 21] += shape
    wfdb.wrsamp("r1", fs=FS_HZ, units=["mV"], sig_name=["ECG"], p_signal=mv[:, None],
                fmt=["16"], write_dir=str(folder))  # fmt: skip
    wfdb.wrann("r1", "atr", at, ["N"] * len(at), fs=FS_HZ, write_dir=str(folder))


def test_a_record_is_played_scored_and_shown(tmp_path: Path) -> None:
    record(tmp_path)
    given = ["evaluate", str(tmp_path / "r1"), "--out", str(tmp_path / "out"), "--chunk-ms", "200"]
    done = CliRunner().invoke(build(), given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" / "r1"
    assert "QRS, Se" in done.output
    assert "<h2>Beats</h2>" in (folder / "evaluate.html").read_text("utf-8")
    written = json.loads((folder / "evaluate.json").read_text("utf-8"))
    assert written["records"] == ["r1"]
    assert written["chunk_ms"] == 200
    # The first five minutes do not count, and there are no more.
    assert written["tables"]["beats"]["gross"]["beats"] == 0


@pytest.mark.parametrize(
    "wrong", [["nowhere"], ["mitdb", "--set", "ds9"], ["mitdb", "--shared", "nowhere"]]
)
def test_what_is_not_there_is_refused(wrong: list[str]) -> None:
    assert CliRunner().invoke(build(), ["evaluate", *wrong]).exit_code != 0


def test_a_document_gets_its_block_and_keeps_all_else(tmp_path: Path) -> None:
    write_record(tmp_path, tmp_path, "r1", 1)
    case = Case("r1", tmp_path / "r1.hea", tmp_path / "r1.jsonl")
    found = judged([case], Setting("mitdb", 0, 40), "", "vitals evaluate mitdb")
    text = "# A\n<!-- evaluate mitdb: begin -->\nold\n<!-- end -->\nB <!-- end -->\n"
    inside = documents.block(found)
    new = documents.rewritten(text, "mitdb", inside)
    assert new.startswith("# A\n<!-- evaluate mitdb: begin -->\n`vitals evaluate mitdb` at commit")
    assert new.endswith("<!-- end -->\nB <!-- end -->\n")
    assert "old" not in new
    assert "| QRS, Se |" in new
    assert documents.rewritten(new, "mitdb", inside) == new
    with pytest.raises(LookupError):
        documents.rewritten(text, "afdb", inside)


def test_a_document_without_marks_is_refused_by_name(tmp_path: Path) -> None:
    found = replace(judged([], Setting("mitdb", 0, 40), "", ""), commit="1234567")
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(SettingError, match="evaluate mitdb: begin"):
        documents.update(page, found)
    with pytest.raises(SettingError, match="commit"):
        documents.update(page, replace(found, commit="1234567+"))


def finding(at: float, **evidence: float) -> str:
    line = {"kind": "finding", "onset_t_s": at, "emitted_t_s": at + 70, "id": "1", "revision": 0,
            "code": "heart_rate_recovery", "state": "point", "value": None,
            "evidence": evidence}  # fmt: skip
    return json.dumps(line) + "\n"


def test_a_stop_becomes_a_curve_around_it(tmp_path: Path) -> None:
    rows = [f"{t},{150 if t < 300 else 150 - min((t - 300) / 3, 40):.1f}" for t in range(600)]
    (tmp_path / "a.csv").write_text("t_s,heart_rate\n" + "\n".join(rows) + "\n")
    (tmp_path / "a.jsonl").write_text(
        finding(300.0, hr_peak=150.0, hr60=130.0, hrr60=20.0, grade=1.0, confirmed=0.0)
    )
    case = Case("a", tmp_path / "a.csv", tmp_path / "a.jsonl")
    part = recovery.judge([case], Setting("hrr", None, 40))
    assert part is not None
    assert [check.value for check in part.checks] == [1, 0, 0, 0]
    assert part.tables[0].rows["A (85 % HRmax)"]["hrr60"] == 20.0
    figure = part.pictures[0][1]()
    line = figure.axes[0].lines[0].get_xydata()
    assert line[:, 0].min() == -120.0
    assert line[:, 0].max() == 180.0
    assert recovery.judge([], Setting("hrr", None, 40)) is None


def test_recordings_with_a_class_are_scored_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "REFERENCE.csv").write_text("r1,N\nr2,~\nr3,A\n")
    cases = []
    for name, score in (("r1", 0.9), ("r2", 0.2), ("r3", 0.8)):
        (tmp_path / f"{name}.hea").write_text(f"{name} 0 250 7500\n")
        seconds = [
            {"kind": "feature", "name": "ecg_quality", "sample": 250 * k,
             "values": {"score": score}, "emitted_sample": 250 * k}
            for k in range(1, 31)
        ]  # fmt: skip
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(s) + "\n" for s in seconds))
        cases.append(Case(name, tmp_path / f"{name}.hea", tmp_path / f"{name}.jsonl"))
    part = quality.judge(cases, Setting("cinc2017", 0, 40))
    assert part is not None
    assert part.checks[0].value == 1.0
    assert part.checks[0].met is True
    assert part.tables[0].rows["~ noisy"]["below_fair"] == 1
    assert quality.judge(cases[:0], Setting("cinc2017", 0, 40)) is None


def test_every_annotated_episode_has_a_strip(tmp_path: Path) -> None:
    record(tmp_path, seconds=180)
    notes = ["(VF\0", "(N\0"] * 68 + ["(ASYS\0", "(N\0"] * 2
    wfdb.wrann("r1", "atr", 1 + np.arange(140) * FS_HZ, ["+"] * 140, aux_note=notes, fs=FS_HZ,
               write_dir=str(tmp_path))  # fmt: skip
    (tmp_path / "r1.jsonl").write_text("")
    case = Case("r1", tmp_path / "r1.hea", tmp_path / "r1.jsonl")
    part = rhythms.judge([case], Setting("vfdb", 0, 40))
    assert part is not None
    drawn = ["".join(strips()).count("<figure>") for strips in part.strips]
    assert drawn == [68, 2, 0, 0]  # VF, asystole, VT, false
