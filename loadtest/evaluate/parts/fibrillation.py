"""Atrial fibrillation: by beat and by episode, with a line of time for each record."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadtest.evaluate import af, plots
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table, upper_bound

DOUBTFUL = "04936"  # of afdb: mis-annotated, reported with and without (CLINICAL 1.3)
_BEATS = {
    "live_se": "live Se", "live_sp": "Sp", "live_ppv": "PPV", "live_acc": "accuracy",
    "claimed_se": "claimed Se", "claimed_sp": "Sp", "claimed_ppv": "PPV",
    "claimed_acc": "accuracy",
}  # fmt: skip
_EPISODES = {
    "episodes": "episodes", "running": "on at start", "early": "already on", "missed": "missed",
    "delay_median_s": "delay s", "delay_p90_s": "p90", "false_runs": "false runs",
    "non_af_h": "hours not AF", "false_runs_per_24_h": "in 24 h",
}  # fmt: skip


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Score records with marks of rhythm, or of normal beats alone."""
    judged = [case for case in cases if _has_rhythm(case)]
    if not judged:
        return None
    scores = {case.name: af.score(case.reference, case.said) for case in judged}
    pooled = {"gross": list(scores.values())}
    if DOUBTFUL in scores:
        pooled[f"without {DOUBTFUL}"] = [s for name, s in scores.items() if name != DOUBTFUL]
    every = scores | {name: af.summed(some) for name, some in pooled.items()}
    by_beat: dict[str, Row] = {name: af.beat_figures(score) for name, score in every.items()}
    by_episode: dict[str, Row] = {name: af.episode_figures(s) for name, s in every.items()}
    gross, episodes = by_beat["gross"], by_episode["gross"]
    part = Part(
        "Atrial fibrillation",
        "By beat, flutter as not AF. Live: the state when the beat was told, at most 1 s after "
        "it. Claimed: where findings say afterwards that it was, at most 64 beats back. A false "
        "run is claimed for 30 s or more and touches neither fibrillation nor flutter; delays "
        "are of episodes of 60 s or more.",
    )
    has_af = gross["live_tp"] + gross["live_fn"] > 0
    if has_af:
        for name in ("live", "claimed"):
            part.checks.append(
                setting.check(f"{name}_acc", f"AF by beat, {name}, accuracy",
                              gross[f"{name}_acc"], "%",
                              f"Se {gross[f'{name}_se']:.2f}, Sp {gross[f'{name}_sp']:.2f}")
            )  # fmt: skip
            if DOUBTFUL in scores:
                without = by_beat[f"without {DOUBTFUL}"]
                part.checks.append(
                    setting.check(f"{name}_acc_without", f"... without {DOUBTFUL}",
                                  without[f"{name}_acc"], "%")
                )  # fmt: skip
        part.checks.append(setting.check("af_ppv", "AF by beat, live, PPV", gross["live_ppv"], "%"))
    if math.isfinite(episodes["delay_median_s"]):
        part.checks.append(
            setting.check("delay_median_s", "onset of AF to its finding, median",
                          episodes["delay_median_s"], "s",
                          f"90 % within {episodes['delay_p90_s']:.1f} s, {episodes['missed']:.0f} "
                          f"of {episodes['episodes']:.0f} missed, {episodes['early']:.0f} already "
                          f"on, {episodes['running']:.0f} from the first beat")
        )  # fmt: skip
    false, hours = episodes["false_runs"], episodes["non_af_h"]
    part.checks.append(
        setting.check(
            "false_runs_per_24_h", "false AF of 30 s or more, in 24 h",
            episodes["false_runs_per_24_h"], "",
            f"{false:.0f} in {hours:.1f} h; 95 % below {24 * upper_bound(int(false), hours):.2g}",
        )
    )  # fmt: skip
    part.tables = [
        Table("af_beats", "record", by_beat, _BEATS),
        Table("af_episodes", "record", by_episode, _EPISODES),
    ]
    part.pictures = [
        ("Each record from begin to end; upper line: annotated, lower line: claimed",
         lambda: plots.timelines([(case.name, case.reference.hours,
                                   plots.spans_in_hours(case, {"AFIB": ("AFIB",),
                                                               "AFL": ("AFL",)}),
                                   plots.claims_in_hours(case, (af.CODE,)))
                                  for case in judged])),
    ]  # fmt: skip
    return part


def _has_rhythm(case: Case) -> bool:
    """Tell whether a record has marks of atrial rhythm, or is of beats alone."""
    if case.is_table or not case.reference.stem.with_suffix(".atr").is_file():
        return False
    return len(case.reference.beats.at) > 0 or case.reference.stem.with_suffix(".qrs").is_file()
