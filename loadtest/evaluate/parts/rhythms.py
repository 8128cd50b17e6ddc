"""VF, VT and asystole: by second and by episode, with a strip of each episode and false finding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from loadtest.evaluate import plots, rhythm, strips
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table
from loadtest.evaluate.said import claimed, live
from loadtest.evaluate.spans import meets

_COLUMNS = {
    "present_s": "seconds", "se": "Se", "sp": "Sp", "ppv": "PPV", "live_se": "live Se",
    "episodes": "episodes", "found": "found", "delay_median_s": "delay s", "delay_max_s": "max",
    "false": "false", "false_per_h": "an hour", "noise_claimed_s": "in noise",
}  # fmt: skip
_STRIPPED = ("vf", "asystole", "vt")
_BEFORE_S, _LONG_S = 3.0, 20.0  # of a strip: before the onset, and all of it
_MOST = 60  # strips of false findings


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Score records in which one of the rhythms is annotated, and their neighbours."""
    judged = [case for case in cases if not case.is_table and case.has_signal]
    targets = rhythm.TARGETS
    if not any(
        len(rhythm.spans_of(case.reference, target))
        for case in judged
        for target in targets.values()
    ):
        return None
    scores = {
        key: {case.name: rhythm.score(case.reference, case.said, target) for case in judged}
        for key, target in targets.items()
    }
    rows: dict[str, dict[str, Row]] = {}
    for key, by_record in scores.items():
        rows[key] = {name: rhythm.figures(score) for name, score in by_record.items()}
        rows[key]["gross"] = rhythm.figures(rhythm.summed(list(by_record.values())))
    gross = {key: of["gross"] for key, of in rows.items()}
    part = Part(
        "Life-threatening rhythms",
        "By whole second, at its midpoint: Se, Sp and PPV of where findings say afterwards that "
        "it was (live: of when it was shown). Delays are of annotated episodes of 4 s or more; a "
        "finding is false if it touches neither the rhythm nor what is annotated as noise. "
        "Seconds of noise are left out of all rates; those claimed there stand in the last column.",
    )
    part.tables = [
        Table("rhythms", "all records", {targets[key].title: row for key, row in gross.items()},
              _COLUMNS),
        *(Table(f"rhythm_{key}", targets[key].title, rows[key], _COLUMNS) for key in targets),
    ]  # fmt: skip
    for key in ("vf_or_vt", "vf", "vt", "asystole"):
        row, title = gross[key], targets[key].title
        if not row["present_s"]:
            continue
        found = f"{row['found']:.0f} of {row['episodes']:.0f} episodes of 4 s or more"
        part.checks += [
            setting.check(f"{key}_se", f"{title}, Se by second", row["se"], "%", found),
            setting.check(f"{key}_sp", f"{title}, Sp by second", row["sp"], "%",
                          f"{row['false']:.0f} false findings, {row['false_per_h']:.1f} an hour"),
        ]  # fmt: skip
        if math.isfinite(row["delay_median_s"]):
            part.checks.append(
                setting.check(f"{key}_delay_median_s", f"{title}, delay, median",
                              row["delay_median_s"], "s", f"max {row['delay_max_s']:.1f} s")
            )  # fmt: skip
    part.pictures = [
        ("Each record from begin to end; upper line: annotated, lower line: claimed",
         lambda: plots.timelines([_timeline(case) for case in judged])),
    ]  # fmt: skip
    for key in _STRIPPED:
        part.strips.append(lambda key=key: _episode_strips(judged, key, setting))  # type: ignore[misc]
    part.strips.append(lambda: _false_strips(judged, scores, setting))
    return part


def _timeline(case: Case) -> tuple[str, float, plots.HoursOf, plots.HoursOf]:
    names = {key: rhythm.TARGETS[key].rhythms for key in _STRIPPED} | {"noise": ("NOISE",)}
    return (
        case.name,
        case.reference.hours,
        plots.spans_in_hours(case, names),
        plots.claims_in_hours(case, _STRIPPED),
    )


def _episode_strips(cases: Sequence[Case], key: str, setting: Setting) -> Iterator[str]:
    """Draw the begin of each annotated episode, those that were missed first."""
    target = rhythm.TARGETS[key]
    episodes = []
    for case in cases:
        said = claimed(case.said.episodes(target.codes, case.reference.n_samples))
        for start, stop in rhythm.spans_of(case.reference, target).tolist():
            episodes.append((meets(said, start, stop), case, start, stop))
    missed = sum(not found for found, *_ in episodes)
    episodes.sort(key=lambda one: one[0])
    yield strips.group(
        f"{target.title}: every annotated episode",
        f"{len(episodes)}, {missed} of them missed, which stand first. Above: annotated; below: "
        "claimed, and under it shown live. Red: VF, orange: VT, dark: asystole, grey: noise.",
        [_strip(case, start, stop, setting, "found" if found else "missed")
         for found, case, start, stop in episodes],
    )  # fmt: skip


def _false_strips(
    cases: Sequence[Case], scores: Mapping[str, Mapping[str, rhythm.RhythmScore]], setting: Setting
) -> Iterator[str]:
    false = [
        (case, int(episode.start), int(episode.stop), episode.line.code)
        for key in ("vf_or_vt", "asystole")
        for case in cases
        for episode in scores[key][case.name].false_episodes
    ]
    yield strips.group(
        "False findings",
        f"{len(false)} of VF, VT and asystole.",
        [_strip(case, start, stop, setting, code) for case, start, stop, code in false[:_MOST]],
    )


def _strip(case: Case, start: int, stop: int, setting: Setting, says: str) -> str:
    reference, fs_hz = case.reference, case.reference.fs_hz
    from_s = max(0.0, start / fs_hz - _BEFORE_S)
    to_s = from_s + _LONG_S
    lasts = (stop - start) / fs_hz
    strip = strips.Strip(
        f"{case.name}, {strips.clock(start / fs_hz)}, {lasts:.1f} s: {says}", from_s, fs_hz,
        reference.ecg(from_s, to_s, setting.lead or 0),
    )  # fmt: skip
    for key in (*_STRIPPED, "noise"):
        names = ("NOISE",) if key == "noise" else rhythm.TARGETS[key].rhythms
        strip.bands += strips.bands_of(reference.rhythm(names), fs_hz, key, 0)
    for code in _STRIPPED:
        episodes = case.said.episodes([code], reference.n_samples)
        strip.bands += strips.bands_of(claimed(episodes), fs_hz, code, 1)
        strip.bands += strips.bands_of(live(episodes), fs_hz, code, 2)
    return strips.drawn(strip)
