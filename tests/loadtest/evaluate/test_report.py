"""An evaluation is laid out as a page, as text and as a file of figures."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from loadtest.evaluate import html, text
from loadtest.evaluate.baselines import Goal, goal
from loadtest.evaluate.cases import Case, Setting
from loadtest.evaluate.databases import SETS, database
from loadtest.evaluate.figures import Check
from loadtest.evaluate.quality import area
from loadtest.evaluate.run import judged
from loadtest.evaluate.strips import Band, Strip, clock, drawn
from loadtest.report import plain
from processors.errors import InputError, SettingError
from tests.loadtest.evaluate.made_records import write_record


def test_every_part_is_on_the_page_and_every_figure_in_the_file(tmp_path: Path):
    write_record(tmp_path, tmp_path, "r1", 1)
    case = Case("r1", tmp_path / "r1.hea", tmp_path / "r1.jsonl")
    evaluation = judged([case], Setting("mitdb", 0, 40), "made up", "vitals evaluate r1")
    page = html.page(evaluation)
    for title in ("Beats", "Atrial fibrillation", "Life-threatening rhythms", "Alarms"):
        assert f"<h2>{title}</h2>" in page
    assert page.count("<svg") > 10
    written = json.loads(json.dumps(plain(evaluation.plain()), allow_nan=False))
    assert written["tables"]["beats"]["gross"]["beats"] > 0
    assert written["checks"]["qrs_se"]["goal"] == 99.8
    told = "\n".join(text.lines(evaluation))
    assert "QRS, Se" in told
    assert "99.69 EP Limited analyser" in told


def test_a_goal_is_met_missed_or_not_there():
    assert Check("f", "f", 5.0, "", 5.0).met is True
    assert Check("f", "f", 5.1, "", 5.0, at_most=True).met is False
    assert Check("f", "f", 5.1, "").met is None
    assert Check("f", "f", math.nan, "", 5.0).met is None
    assert goal("elsewhere", "qrs_se") == Goal()


def test_the_halves_of_mitdb_are_apart_and_make_all_with_the_paced():
    assert len(SETS["ds1"]) == len(SETS["ds2"]) == 22
    assert not SETS["ds1"] & SETS["ds2"]
    assert len(SETS["all"]) == 48


def test_a_name_that_is_nowhere_is_refused_with_those_that_are(tmp_path: Path):
    with pytest.raises(SettingError, match="mitdb"):
        database("mitbd", tmp_path, "")
    with pytest.raises(InputError, match="VITALS_SHARED"):
        database("mitdb", tmp_path, "")
    (tmp_path / "afdb").mkdir()
    assert database("afdb", tmp_path, "").beats_extension == "qrs"
    assert database(str(tmp_path), tmp_path, "").chunk_ms == 40


def test_the_area_is_the_chance_that_noise_scores_lower():
    rng = np.random.default_rng(1)
    clean, noisy = np.round(rng.random(50), 1), np.round(rng.random(40) * 0.7, 1)
    pairs = [(c > n) + 0.5 * (c == n) for c in clean for n in noisy]
    assert area(clean, noisy) == pytest.approx(np.mean(pairs))
    assert math.isnan(area(clean, np.zeros(0)))


def test_a_strip_shows_peaks_beats_and_bands_and_survives_gaps():
    mv = np.zeros(2000)
    mv[1000], mv[1500] = 1.7, np.nan
    strip = Strip("a < b", 10.0, 250.0, mv, [(14.0, "V")], [(14.0, "N")],
                  [Band(12.0, 99.0, "vf", 0)])  # fmt: skip
    svg = drawn(strip)
    assert "a &lt; b" in svg
    assert "nan" not in svg
    assert svg.count("<text") == 2
    assert "#b0413e" in svg
    heights = [float(p.split(",")[1]) for p in svg.split("points='")[1].split("'")[0].split()]
    assert max(heights) - min(heights) > 50
    assert clock(0.0) == "0:00.0"
    assert drawn(Strip("none", 0.0, 250.0, np.zeros(0)))
