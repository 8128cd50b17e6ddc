"""Noise stress: noise of nstdb in clean records, as `nst` of the WFDB software adds it.

From 5:00 on two minutes of noise and two without take turns. The ratio of signal to noise is that
of `nst`: S is the square of the peak-to-peak size of the QRS through 8, the power of a sine of that
size; N the power of the noise about its mean in each second. Of both the largest and the smallest
5 % are left out.

Differs from the software: the QRS is measured at every normal beat of the first five minutes, the
noise over its whole record; only one lead is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.noise import noise_rms_mv, noise_size
from loadtest.evaluate import quality
from loadtest.evaluate.beats import paired, window
from loadtest.evaluate.reference import N, Q, Reference, S, V, read_reference
from loadtest.evaluate.said import Said, claimed
from loadtest.evaluate.spans import Samples, Spans, common, joined, size, within
from processors.errors import InputError

NOISES = {"bw": "wander", "em": "electrode motion", "ma": "muscle"}
SNR_DB = (24, 18, 12, 6, 0, -6)
RECORDS = ("118", "119")  # those of nstdb itself; clean, and of DS1
BEGIN_S, TURN_S = 300.0, 120.0  # nst: first noise, and length of noise and of quiet
LOW_DB = 0  # "low": at most this
QRS_S = 0.05  # s before and after R in which the QRS is measured: sigamp
_TRIMMED = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """A record with one noise at one ratio."""

    record: str
    noise: str
    snr_db: int

    @property
    def name(self) -> str:
        """Give the name of the record that is made.

        >>> Condition("118", "em", -6).name
        '118_em_m6'
        """
        return f"{self.record}_{self.noise}_{self.snr_db}".replace("-", "m")


def conditions(records: Sequence[str] = RECORDS) -> Iterator[Condition]:
    """Give all records with all noises at all ratios."""
    for record in records:
        for noise in NOISES:
            for snr_db in SNR_DB:
                yield Condition(record, noise, snr_db)


def noisy_spans(n_samples: int, fs_hz: float) -> Spans:
    """Give where noise is.

    >>> (noisy_spans(12 * 60, 1.0) / 60).tolist()
    [[5.0, 7.0], [9.0, 11.0]]
    """
    begins = np.arange(BEGIN_S * fs_hz, n_samples, 2 * TURN_S * fs_hz)
    return joined((int(a), min(int(a + TURN_S * fs_hz), n_samples)) for a in begins)


def quiet_spans(n_samples: int, fs_hz: float) -> Spans:
    """Give where no noise is, from its first begin on."""
    noisy = noisy_spans(n_samples, fs_hz)
    ends = [*noisy[1:, 0].tolist(), n_samples]
    return joined(zip(noisy[:, 1].tolist(), ends, strict=True))


def qrs_size(mv: Floats, reference: Reference) -> float:
    """Give the mean size of the normal QRS of the first five minutes, peak to peak, mV."""
    at = reference.beats.at[(reference.beats.kind == N)]
    reach = round(QRS_S * reference.fs_hz)
    at = at[(at >= reach) & (at < BEGIN_S * reference.fs_hz)]
    sizes = np.sort([np.ptp(mv[i - reach : i + reach + 1]) for i in at])
    cut = int(len(sizes) * _TRIMMED)
    return float(np.mean(sizes[cut : len(sizes) - cut]))


def with_noise(mv: Floats, noise: Floats, qrs_mv: float, snr_db: float, fs_hz: float) -> Floats:
    """Give a lead with noise of the same rate in its turns; the noise starts again at its end."""
    scale = noise_rms_mv(qrs_mv, snr_db) / noise_size(noise, round(fs_hz))
    noisy = mv.copy()
    begin = round(BEGIN_S * fs_hz)
    for start, stop in noisy_spans(len(mv), fs_hz).tolist():
        noisy[start:stop] += scale * noise[np.arange(start - begin, stop - begin) % len(noise)]
    return noisy


def write_records(
    data: Path,
    folder: Path,
    some: Sequence[Condition],
    lead: int = 0,
    done: Callable[[], None] = lambda: None,
) -> None:
    """Write records with noise, and the reference annotations beside them.

    Raises
    ------
    InputError
        mitdb or nstdb is not there.
    """  # fmt: skip
    import wfdb

    for needed in ("mitdb", "nstdb"):
        if not (data / needed).is_dir():
            raise InputError(str(data / needed), "no such folder; noise stress needs it")
    folder.mkdir(parents=True, exist_ok=True)
    noises = {
        name: np.nan_to_num(wfdb.rdrecord(str(data / "nstdb" / name), channels=[0]).p_signal[:, 0])
        for name in {condition.noise for condition in some}
    }
    clean: dict[str, tuple[Reference, Floats, float]] = {}
    for condition in some:
        if condition.record not in clean:
            reference = read_reference(data / "mitdb" / condition.record)
            mv = reference.ecg(0.0, 1e9, lead)
            clean[condition.record] = (reference, mv, qrs_size(mv, reference))
        reference, mv, qrs_mv = clean[condition.record]
        fs_hz = reference.fs_hz
        noisy = with_noise(mv, noises[condition.noise], qrs_mv, condition.snr_db, fs_hz)
        wfdb.wrsamp(
            condition.name, fs=fs_hz, units=["mV"], sig_name=["ECG"], p_signal=noisy[:, None],
            fmt=["16"], adc_gain=[200.0], baseline=[0], write_dir=str(folder),
        )  # fmt: skip
        shutil.copyfile(reference.stem.with_suffix(".atr"), folder / f"{condition.name}.atr")
        done()


@dataclass(frozen=True)
class NoiseScore:
    """Counts of one condition, in noise and in the quiet between.

    Attributes
    ----------
    beats, found, false
        Reference beats in noise, those found, detections of none.
    suppressed, false_bad
        False detections that the gate calls Q; those in seconds whose score is below 0.5.
    v_false
        V called on N, S or no beat in noise.
    quiet_beats, quiet_lost, quiet_missed, quiet_bad
        Reference beats in quiet; those missed or called Q; those missed; those in such seconds.
    noisy_samples, af_samples
        Length of noise, and of AF that is claimed in it.
    high
        High alarms raised in noise.
    noisy_score, quiet_score
        Scores of the seconds.
    """

    beats: int
    found: int
    false: int
    suppressed: int
    false_bad: int
    v_false: int
    quiet_beats: int
    quiet_lost: int
    quiet_missed: int
    quiet_bad: int
    noisy_samples: int
    af_samples: int
    high: int
    noisy_s: float
    noisy_score: Floats
    quiet_score: Floats


def score(reference: Reference, said: Said) -> NoiseScore:
    """Score one condition."""
    fs_hz, end = reference.fs_hz, reference.n_samples
    noisy, quiet = noisy_spans(end, fs_hz), quiet_spans(end, fs_hz)
    theirs, ours = reference.beats, said.beats
    i, j = paired(theirs.at, ours.at, window(fs_hz))
    missed = np.ones(len(theirs.at), np.bool_)
    missed[i] = False
    extra = np.ones(len(ours.at), np.bool_)
    extra[j] = False
    wrong_v = extra & (ours.kind == V)
    wrong_v[j] = (ours.kind[j] == V) & np.isin(theirs.kind[i], (N, S))
    lost = missed.copy()
    lost[i] = (ours.kind[j] == Q) & (theirs.kind[i] != Q)
    at, of_second = quality.scores(said)
    bad = _bad_at(ours.at, at, of_second)
    theirs_bad = _bad_at(theirs.at, at, of_second)
    in_noise, our_noise = within(noisy, theirs.at), within(noisy, ours.at)
    in_quiet = within(quiet, theirs.at)
    middle = at - fs_hz / 2
    raised = [a for a in said.raised if a.priority == "high"]
    return NoiseScore(
        int(in_noise.sum()),
        int((in_noise & ~missed).sum()),
        int((our_noise & extra).sum()),
        int((our_noise & extra & (ours.kind == Q)).sum()),
        int((our_noise & extra & bad).sum()),
        int((our_noise & wrong_v).sum()),
        int(in_quiet.sum()),
        int((in_quiet & lost).sum()),
        int((in_quiet & missed).sum()),
        int((in_quiet & theirs_bad).sum()),
        size(noisy),
        common(noisy, claimed(said.episodes(["af"], end))),
        int(np.sum(within(noisy, np.array([a.told for a in raised])))) if raised else 0,
        size(noisy) / fs_hz,
        of_second[within(noisy, middle)],
        of_second[within(quiet, middle)],
    )


def _bad_at(beats: Samples, at: Floats, score: Floats) -> NDArray[np.bool_]:
    """Tell which beats lie in a second with a score below fair; `at` are the ends of seconds."""
    if not len(at):
        return np.zeros(len(beats), np.bool_)
    k = np.minimum(np.searchsorted(at, beats), len(at) - 1)
    bad: NDArray[np.bool_] = score[k] < quality.FAIR
    return bad


def summed(scores: Sequence[NoiseScore]) -> NoiseScore:
    """Pool conditions."""
    pooled: dict[str, Any] = {}
    for each in fields(NoiseScore):
        values = [getattr(one, each.name) for one in scores]
        pooled[each.name] = (
            np.concatenate(values) if isinstance(values[0], np.ndarray) else sum(values)
        )
    return NoiseScore(**pooled)
