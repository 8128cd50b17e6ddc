"""Noise stress: curves over the ratio of signal to noise, and what the gate of quality did."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadtest.evaluate import noise, plots, quality, strips
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table, percent, rate

_COLUMNS = {
    "se": "QRS Se", "ppv": "+P", "false_per_min": "false a min", "v_false_per_min": "false V a min",
    "af_percent": "AF, % of time", "high_per_h": "high alarms an h", "score": "mean score",
    "suppressed": "noise beats suppressed %", "false_bad": "in bad seconds %",
    "clean_lost": "clean lost %", "clean_missed": "missed %",
}  # fmt: skip
_SHOWN_DB = 0
_AT_S = 330.0


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Score records that `noise.write_records` made."""
    known = {one.name: one for one in noise.conditions(sorted({c.name[:3] for c in cases}))}
    judged = [case for case in cases if case.name in known]
    if not judged:
        return None
    scores = {case.name: noise.score(case.reference, case.said) for case in judged}
    rows: dict[str, Row] = {}
    for kind in noise.NOISES:
        for snr_db in noise.SNR_DB:
            some = [s for name, s in scores.items()
                    if (known[name].noise, known[name].snr_db) == (kind, snr_db)]  # fmt: skip
            if some:
                rows[f"{kind} {snr_db} dB"] = figures(noise.summed(some))
    low = [
        score for name, score in scores.items()
        if known[name].snr_db <= noise.LOW_DB and known[name].noise != "bw"
    ]  # fmt: skip
    every = figures(noise.summed(list(scores.values())))
    part = Part(
        "Noise stress",
        "Noise of nstdb (bw wander, em electrode motion, ma muscle) in "
        f"{', '.join(sorted({known[c.name].record for c in judged}))} of mitdb, as nst adds it: "
        "two minutes of noise and two without from 5:00. SNR: the square of the QRS, peak to "
        "peak, through 8, over the power of the noise about its mean in each second. A noise beat "
        "is a detection in noise that is no beat; it is suppressed if the gate calls it Q, for "
        "then no V, run or AF comes of it. A clean beat is one of the minutes without noise; it is "
        "lost if it is missed or called Q. Bad seconds are those with a score below 0.5.",
    )
    if low:
        pooled = noise.summed(low)
        area = quality.area(pooled.quiet_score, pooled.noisy_score)
        part.checks = [
            setting.check("auc", "seconds of noise against quiet, area under the curve", area, "",
                          "em and ma at 0 dB and below"),
            setting.check("suppressed", "noise beats suppressed",
                          percent(pooled.suppressed, pooled.false), "%",
                          f"{pooled.suppressed} of {pooled.false}, em and ma at 0 dB and below"),
            setting.check("false_bad", "noise beats in seconds with a bad score",
                          percent(pooled.false_bad, pooled.false), "%", "likewise"),
            setting.check("v_false_per_min", "false V", figures(pooled)["v_false_per_min"], "/min",
                          "likewise"),
            setting.check("clean_lost", "clean beats lost", every["clean_lost"], "%",
                          f"{every['clean_missed']:.2f} % missed; all noises and ratios"),
            setting.check("clean_bad", "clean beats in seconds with a bad score",
                          every["clean_bad"], "%", "all noises and ratios"),
        ]  # fmt: skip
        part.pictures = [
            ("By the ratio of signal to noise, in the minutes of noise", lambda: plots.noise(rows)),
            ("Score of seconds, em and ma at 0 dB and below: ROC, and both distributions",
             lambda: plots.roc({"noise": (pooled.quiet_score, pooled.noisy_score)})),
        ]  # fmt: skip
    part.tables = [Table("noise", "noise", rows, _COLUMNS)]
    shown = [case for case in judged if known[case.name].snr_db == _SHOWN_DB]
    part.strips = [
        lambda: iter([strips.group("How it looks at 0 dB", "Above: reference, below: ours.",
                                   [strips.beat_strip(case, round(_AT_S * case.reference.fs_hz), 0)
                                    for case in shown])])
    ]  # fmt: skip
    return part


def figures(score: noise.NoiseScore) -> Row:
    """Give rates of one or several conditions."""
    minutes = score.noisy_s / 60.0
    return {
        "beats": score.beats,
        "se": percent(score.found, score.beats),
        "ppv": percent(score.found, score.found + score.false),
        "false_per_min": rate(score.false, minutes),
        "v_false_per_min": rate(score.v_false, minutes),
        "af_percent": percent(score.af_samples, score.noisy_samples),
        "high_per_h": rate(60.0 * score.high, minutes),
        "score": float(np.mean(score.noisy_score)) if len(score.noisy_score) else float("nan"),
        "suppressed": percent(score.suppressed, score.false),
        "false_bad": percent(score.false_bad, score.false),
        "clean_lost": percent(score.quiet_lost, score.quiet_beats),
        "clean_missed": percent(score.quiet_missed, score.quiet_beats),
        "clean_bad": percent(score.quiet_bad, score.quiet_beats),
    }
