"""Is what is simulated like what is recorded? Both side by side, in pictures and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.noise import NoiseBank, made_noise
from loadtest import realism_people as people
from loadtest import realism_plots as plots
from loadtest import realism_recorded as recorded
from loadtest.realism_measures import (
    ECG_HZ,
    Floats,
    band_shares,
    clean_rr,
    mean_pulse,
    pieces,
    pulse_sizes,
    rr_measures,
    template_sizes,
    without_wander,
)
from loadtest.realism_page import Compared, Section, compared, compared_each, page
from loadtest.realism_scores import score_both

ECG_BANDS_HZ = (0.5, 2, 5, 10, 20, 40)
VF_BANDS_HZ = (1, 2, 4, 6, 8, 15)
NOISE_BANDS_HZ = (0.25, 1, 4, 10, 30, 60)
PPG_BANDS_HZ = (0.1, 0.6, 1.8, 4, 8, 20)
_PPG_HZ = 100
_VF_S = slice(70 * ECG_HZ, 130 * ECG_HZ)  # of the ventricular group: fibrillation
_LONG_S = 1800.0  # of beats without samples
_LEAST_RR = 30


def compare(
    out: Path, recordings: Path | None, *, seed: int = 1, scores: bool = False
) -> dict[str, list[Compared]]:
    """Write the report as one HTML file.

    Parameters
    ----------
    recordings
        Folder of the databases, by name: mitdb, vfdb, nstdb, bidmc, nsrdb, gudb, afdb. What is
        not there is left out; None: simulated signals only.
    scores
        Run the detectors over both, too: takes some minutes.

    Returns
    -------
    tables
        All that was compared, by the title of its table.
    """
    played = people.play(people.realism_plan(seed))
    sections = [
        _morphology(played, recordings),
        _spectra(played, recordings),
        _intervals(seed, played, recordings),
        _pulses(played, recordings),
        _strips(played, recordings),
    ]
    if scores:
        sections.insert(0, _scores(seed, recordings))
    said = f"{played.plan.n} simulated people, seed {seed}, beside "
    said += "recordings." if recordings else "nothing: no recordings were given."
    out.write_text(page("Simulated and recorded signals", said, sections), "utf-8")
    return {title: list(rows) for section in sections for title, rows in section.tables}


def _scores(seed: int, folder: Path | None) -> Section:
    return Section(
        "The same detectors on both",
        "QRS: half an hour each of 22 simulated people with the rates, ectopic beats, arrhythmias "
        "and noise of mitdb DS1, beside it; from 5:00, pairs at most 150 ms apart. Atrial "
        "fibrillation: four hours each of 13 simulated people with the rhythms, lengths of "
        "episodes and premature beats of afdb, beside it; by beat, flutter as not AF, live and as "
        "the findings claim afterwards. How both are composed: docs/realism.md.",
        scores=score_both(folder, seed),
    )


def _morphology(played: people.Played, folder: Path | None) -> Section:
    ours, theirs = played.templates(), recorded.beat_templates(folder)
    tables = [
        (f"beats {label}", compared_each(*(_sizes(beats[label]) for beats in (ours, theirs))))
        for label in ours
    ]
    return Section(
        "Shapes of beats",
        "The median beat of each simulated person and of each record of mitdb, high-pass 0.5 Hz, "
        "by class: N normal, S supraventricular, V ventricular, F fusion. The first lead of mitdb "
        "is mostly MLII and chosen for large R; ours is a lead on the chest. 'Within' is the "
        "share of simulated values between the 5th and 95th percentile of the recorded.",
        [("Medians of beats; thin: one person or record", plots.templates(ours, theirs))],
        tables,
    )


def _sizes(beats: Sequence[Floats]) -> list[dict[str, float]]:
    return [template_sizes(beat) for beat in beats]


def _spectra(played: people.Played, folder: Path | None) -> Section:
    sinus = [played.ecg[slot, : 60 * ECG_HZ] for slot in played.group(people.SINUS)]
    vf = [without_wander(played.ecg[slot, _VF_S]) for slot in played.group(people.VENTRICULAR)]
    vf_recorded = [without_wander(x) for x in recorded.rhythm_ecg(folder, ("(VF", "(VFIB"), 20)]
    sinus_recorded = recorded.sinus_ecg(folder)
    real = NoiseBank(folder / "nstdb") if folder is not None else None
    panels: dict[str, Any] = {
        "ECG in sinus rhythm": ((sinus, ECG_HZ), (sinus_recorded, ECG_HZ)),
        "ventricular fibrillation": ((vf, ECG_HZ), (vf_recorded, ECG_HZ)),
    }
    tables = [
        ("ECG, sinus rhythm", _bands(sinus, sinus_recorded, ECG_BANDS_HZ)),
        ("ventricular fibrillation", _bands(vf, vf_recorded, VF_BANDS_HZ)),
        (
            "ventricular fibrillation, size",
            [compared("RMS, mV", [float(x.std()) for x in vf],
                      [float(x.std()) for x in vf_recorded])],
        ),
    ]  # fmt: skip
    for name in ("motion", "muscle", "wander"):
        ours = _minutes(getattr(made_noise(), name))
        theirs = _minutes(getattr(real, name)) if real and real.source == "nstdb" else []
        panels[f"noise: {name}"] = ((ours, ECG_HZ), (theirs, ECG_HZ))
        tables.append((f"noise: {name}", _bands(ours, theirs, NOISE_BANDS_HZ)))
    return Section(
        "Spectra",
        "Shares of the power per Hz; line: median, band: middle half. Recorded: minutes of "
        "mitdb with normal beats only, fibrillation of vfdb, noise of nstdb in minutes.",
        [("Power spectra (Welch, pieces of 4 s)", plots.spectra(panels))],
        tables,
    )


def _minutes(loop: NDArray[Any]) -> list[NDArray[Any]]:
    n = 60 * ECG_HZ
    return [loop[i : i + n] for i in range(0, len(loop) - n + 1, n)]


def _bands(
    ours: Sequence[NDArray[Any]],
    theirs: Sequence[NDArray[Any]],
    edges_hz: tuple[float, ...],
    fs_hz: tuple[float, float] = (ECG_HZ, ECG_HZ),
) -> list[Compared]:
    """Compare the shares of power in bands."""
    simulated = [band_shares(x, fs_hz[0], edges_hz) for x in ours]
    real = [band_shares(x, fs_hz[1], edges_hz) for x in theirs]
    return [
        compared(f"{a:g}-{b:g} Hz, share", [x[k] for x in simulated], [x[k] for x in real])
        for k, (a, b) in enumerate(pairwise(edges_hz))
    ]


def _intervals(seed: int, played: people.Played, folder: Path | None) -> Section:
    long = people.play(people.realism_plan(seed, _LONG_S), waves=False)
    sinus = [
        rr for slot in long.group(people.SINUS) for rr in pieces(long.r_s(slot), recorded.PIECE_S)
    ]
    sitting = [rr[np.cumsum(rr) < 1000 * 120] for rr in sinus]  # gudb has two minutes
    fibrillating = [
        rr for slot in played.group(people.FIBRILLATION) for rr in pieces(played.r_s(slot)[5:], 120)
    ]
    day, still = recorded.sinus_rr(folder), recorded.sitting_rr(folder)
    af = recorded.fibrillation_rr(folder)
    panels = {"sinus rhythm": (sinus, day), "atrial fibrillation": (fibrillating, af)}
    return Section(
        "Intervals",
        "RR of people at rest beside those of people through a day (nsrdb, five minutes each), "
        "sitting still (gudb, two minutes) and in atrial fibrillation (afdb, two minutes). In "
        "sinus rhythm RR more than 20 % off their neighbours are left out of both. People "
        "through a day change posture and do things, so theirs is the wider spread.",
        [("RR intervals and Poincare plots", plots.intervals(panels))],
        [
            ("sinus rhythm, nsrdb", compared_each(_rr(sinus), _rr(day))),
            ("sinus rhythm, gudb sitting", compared_each(_rr(sitting), _rr(still))),
            (
                "atrial fibrillation, afdb",
                compared_each(_rr(fibrillating, clean=False), _rr(af, clean=False)),
            ),
        ],
    )


def _rr(parts: Sequence[Floats], *, clean: bool = True) -> list[dict[str, float]]:
    cleaned = [clean_rr(rr) if clean else rr for rr in parts]
    return [rr_measures(rr) for rr in cleaned if len(rr) > _LEAST_RR]


def _pulses(played: people.Played, folder: Path | None) -> Section:
    ours = [played.ppg[slot] for slot in played.group(people.SINUS)]
    theirs = recorded.ppg(folder)
    both = [
        [wave for x in signals if (wave := mean_pulse(x, fs_hz)) is not None]
        for signals, fs_hz in ((ours, _PPG_HZ), (theirs, recorded.PPG_HZ))
    ]
    panels: dict[str, Any] = {"PPG": ((ours, _PPG_HZ), (theirs, recorded.PPG_HZ))}
    return Section(
        "Pulses",
        "The PPG of people at rest beside that of patients in intensive care (bidmc), who are "
        "older and mostly ventilated.",
        [
            ("Median pulses, 0.5-8 Hz", plots.pulses(*both)),
            ("Power spectra", plots.spectra(panels)),
        ],
        [
            ("shape of the pulse", compared_each(*([pulse_sizes(w) for w in ws] for ws in both))),
            ("PPG", _bands(ours, theirs, PPG_BANDS_HZ, (_PPG_HZ, recorded.PPG_HZ))),
        ],
    )


def _strips(played: people.Played, folder: Path | None) -> Section:
    n = round(plots.STRIP_S * ECG_HZ)

    def ours(group: str, number: int, at_s: float) -> NDArray[Any]:
        first = round(at_s * ECG_HZ)
        return played.ecg[played.group(group)[number], first : first + n]

    def theirs(record: str, at_s: float) -> NDArray[Any] | None:
        path = None if folder is None else folder / "mitdb" / record
        if path is None or not path.with_suffix(".hea").is_file():
            return None
        return recorded.mitdb_ecg(path, at_s, at_s + plots.STRIP_S)

    def of_vfdb(notes: tuple[str, ...]) -> NDArray[Any] | None:
        found = recorded.rhythm_ecg(folder, notes, plots.STRIP_S, plots.STRIP_S)
        return without_wander(found[0]) if found else None

    ventricular = _r_of_first(played, people.ECTOPIC, 2)
    pairs = {
        "sinus rhythm": (ours(people.SINUS, 0, 30), theirs("101", 60)),
        "sinus rhythm of another": (ours(people.SINUS, 7, 30), theirs("122", 60)),
        "ventricular beats": (ours(people.ECTOPIC, 2, ventricular), theirs("119", 130)),
        "atrial fibrillation": (ours(people.FIBRILLATION, 1, 40), theirs("203", 120)),
        "ventricular tachycardia": (ours(people.VENTRICULAR, 0, 24), of_vfdb(("(VT",))),
        "ventricular fibrillation": (ours(people.VENTRICULAR, 0, 75), of_vfdb(("(VF", "(VFIB"))),
    }
    return Section(
        "Strips",
        "Ten seconds on squares of 200 ms and 0.5 mV: mitdb as it is, vfdb high-pass 0.5 Hz.",
        [("Simulated on the left, recorded on the right", plots.strips(pairs))],
    )


def _r_of_first(played: people.Played, group: str, number: int) -> float:
    """Give a time a little before the first ventricular beat of somebody after 20 s."""
    r_s = played.r_s(played.group(group)[number], people.LABELS["V"][1])
    return float(r_s[r_s > 20][0]) - 4.0
