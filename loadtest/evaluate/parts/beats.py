"""Beats and classes: Se and +P by record, latency, runs of V, strips of what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from loadtest.evaluate import beats, plots, strips
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table
from loadtest.evaluate.reference import CLASSES

PACED = frozenset({"102", "104", "107", "217"})  # of mitdb: left out of classes, CLINICAL 1.2
RATES = ("qrs_se", "qrs_ppv", "veb_se", "veb_ppv", "sveb_se", "sveb_ppv")
STRIPS = 24  # shown of each kind of error
_COLUMNS = {
    "beats": "beats", "qrs_se": "QRS Se", "qrs_ppv": "+P", "qrs_fn": "missed", "qrs_fp": "false",
    "veb_se": "VEB Se", "veb_ppv": "+P", "veb_fn": "missed", "veb_fp": "false",
    "sveb_se": "SVEB Se", "sveb_ppv": "+P",
}  # fmt: skip
_TIMING = {
    "detection_median_ms": "first line", "detection_p99_ms": "p99", "detection_max_ms": "max",
    "label_median_ms": "label", "label_p99_ms": "p99", "label_max_ms": "max",
    "jitter_ms": "jitter of R", "offset_ms": "offset", "withdrawn": "withdrawn",
}  # fmt: skip


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Score what has reference beats and a signal."""
    with_beats = [case for case in cases if _has_beats(case)]
    if not with_beats:
        return None
    scores = {case.name: beats.score(case.reference, case.said) for case in with_beats}
    rows: dict[str, Row] = {name: beats.figures(score) for name, score in scores.items()}
    gross_score = beats.summed(list(scores.values()))
    gross = beats.figures(gross_score)
    rows["gross"] = gross
    rows["average"] = {
        name: float(np.nanmean([_finite(row.get(name)) for row in list(rows.values())[:-1]]))
        for name in RATES
        if any(_finite(row.get(name)) == _finite(row.get(name)) for row in rows.values())
    }
    timing: dict[str, Row] = {name: beats.timing(score) for name, score in scores.items()}
    timing["gross"] = beats.timing(gross_score)
    classified = [score for name, score in scores.items() if name not in PACED]
    veb = beats.figures(beats.summed(classified)) if classified else gross
    worst, worst_name, worst_of = min(
        (rows[name][figure], name, title)
        for name in scores
        for figure, title in (("qrs_se", "Se"), ("qrs_ppv", "+P"))
    )
    t = timing["gross"]
    part = Part(
        "Beats",
        "ANSI/AAMI EC57: from 5:00 of each record, one detection for one beat, at most 150 ms "
        "apart; within ventricular flutter nothing counts as false. Latency is from R to the "
        "newest sample that had been given to the engine, the wait for the piece included.",
    )
    part.checks = [
        setting.check("qrs_se", "QRS, Se", gross["qrs_se"], "%"),
        setting.check("qrs_ppv", "QRS, +P", gross["qrs_ppv"], "%"),
        setting.check("qrs_worst", "QRS, worst record", worst, "%", f"{worst_of} of {worst_name}"),
        setting.check("veb_se", "ventricular beats, Se", veb["veb_se"], "%"),
        setting.check("veb_ppv", "ventricular beats, +P", veb["veb_ppv"], "%"),
        setting.check("sveb_se", "supraventricular beats, Se", veb["sveb_se"], "%"),
        setting.check("sveb_ppv", "supraventricular beats, +P", veb["sveb_ppv"], "%"),
        setting.check(
            "detection_median_ms", "first line, median", t["detection_median_ms"], "ms"
        ),
        setting.check("detection_p99_ms", "first line, p99", t["detection_p99_ms"], "ms",
                      f"max {t['detection_max_ms']:.0f} ms"),
        setting.check("label_median_ms", "last label, median", t["label_median_ms"], "ms",
                      f"p99 {t['label_p99_ms']:.0f} ms"),
        setting.check("jitter_ms", "jitter of R", t["jitter_ms"], "ms",
                      "median absolute deviation after the constant offset"),
        setting.check("withdrawn", "beats withdrawn", t["withdrawn"], ""),
    ]  # fmt: skip
    runs = {
        case.name: (case.reference.beats, case.said.beats,
                    round(beats.LEARNING_S * case.reference.fs_hz))
        for case in with_beats
    }  # fmt: skip
    part.tables = [
        Table("beats", "record", rows, _COLUMNS),
        Table("timing", "record, ms", timing, _TIMING),
        Table("classes", "reference \\ ours", beats.class_rows(gross_score),
              {name: name for name in (*CLASSES, "none")}),
        Table("runs", "runs of V", beats.run_rows(runs),
              {"true": "annotated", "found": "found", "se": "Se", "said": "ours",
               "right": "right", "ppv": "+P"}),
    ]  # fmt: skip
    part.pictures = [
        ("Sensitivity and positive predictivity by record; grey: the goal",
         lambda: plots.rates_by_record(rows, setting)),
        ("From R to the first line of a beat, and to its last label",
         lambda: plots.latencies(gross_score, setting.chunk_ms)),
    ]  # fmt: skip
    part.strips = [
        lambda: _error_strips(with_beats, scores, setting, "missed", "Missed beats"),
        lambda: _error_strips(with_beats, scores, setting, "extra", "False detections"),
        lambda: _error_strips(with_beats, scores, setting, "wrong", "V missed or called falsely"),
    ]
    return part


def _has_beats(case: Case) -> bool:
    return not case.is_table and case.has_signal and len(case.reference.beats.at) > 0


def _finite(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _error_strips(
    cases: Sequence[Case],
    scores: Mapping[str, beats.BeatScore],
    setting: Setting,
    kind: str,
    title: str,
) -> Iterator[str]:
    """Give strips of one kind of error: of each record in turn, the records with most first."""
    lists = sorted(
        ((case, getattr(scores[case.name], kind).tolist()) for case in cases),
        key=lambda pair: -len(pair[1]),
    )
    n_all = sum(len(errors) for _, errors in lists)
    shown = strips.spread([(case, errors) for case, errors in lists if errors], STRIPS)
    yield strips.group(
        title,
        f"{n_all} in all; {len(shown)} shown, records with most first. Above: reference, below: "
        "ours.",
        [strips.beat_strip(case, at, setting.lead or 0) for case, at in shown],
    )
