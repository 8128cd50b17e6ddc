"""WFDB numbers to a `Recording`, without a file: which lead is which signal, in which units.

The native integers are kept: ``value = sample * scale + offset`` gives millivolts (PPG: what the
header says). Leads of one signal share one scale, so leads with the same gain and different
baselines are moved to baseline 0, and only leads with different gains become float32.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.replay.recording import IrregularTrack, RegularTrack, Run, Track
from processors.records import NS_PER_S, SampleArray

# Codes that mark a beat among the annotations of a WFDB file (its "is a QRS" map).
BEAT_SYMBOLS = frozenset("NLRaVFJASEj/QB?!enfr")

# Value of a sample that is not there, by signal format (WFDB "signal" manual page).
INVALID = {
    "80": -(2**7), "508": -(2**7), "310": -(2**9), "311": -(2**9), "212": -(2**11),
    "16": -(2**15), "61": -(2**15), "160": -(2**15), "516": -(2**15),
    "24": -(2**23), "524": -(2**23), "32": -(2**31),
}  # fmt: skip

MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "nv": 1e-6, "v": 1e3}

_ECG = re.compile(
    r"(ecg|ekg)\b.*|(ecg|ekg)\s*[\divx]+|(lead\s*)?(i{1,3}|av[rlf])|(mod\.?\s*)?(m?v\s*\d{0,2}r?)"
    r"|m?l(i{1,3}|\d)|d\d|cm\d|cc\d|cs\d|mcl\d|v\d-v\d|v[xyz]|[xyz]",
    re.IGNORECASE,
)
_PPG = re.compile(r"(pleth|ppg|plethysmo).*", re.IGNORECASE)
_OTHER = re.compile(
    r"(resp|abp|art|bp|cvp|pap|icp|eeg|emg|eog|gsr|co2|spo2|so2|temp|acc|flow|pressure|hr|pulse).*",
    re.IGNORECASE,
)
WAVEFORMS = ("ecg", "ppg")


@dataclass(frozen=True, slots=True)
class Lead:
    """One signal of a record as its header describes it, with its samples.

    Attributes
    ----------
    samples
        Integers ``[n]``, `per_frame` of them for each frame of the record.
    invalid
        Value of a sample that is not there, None where the format has none.
    """

    name: str
    unit: str
    gain: float
    baseline: int
    per_frame: int
    invalid: int | None
    samples: NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment of a record: where it begins, in frames, and the leads that it holds."""

    first_frame: int
    leads: tuple[Lead, ...]


@dataclass(slots=True)
class _Plan:
    """Which leads make one signal: their names in order, and how many samples they have a frame."""

    per_frame: int
    channels: list[str] = field(default_factory=list)


def tracks_of(pieces: Sequence[Piece], fs_hz: float) -> tuple[tuple[Track, ...], tuple[str, ...]]:
    """Give the tracks of a record from its pieces, and notes on what was left out or assumed.

    Parameters
    ----------
    fs_hz
        Frames per second.

    Returns
    -------
    tracks
        ``ecg`` with all its leads, ``ppg``; none where the record has no such signal. Pieces that
        lack a lead have it marked as missing; pieces without any lead of a signal are gaps.
    """
    notes: list[str] = []
    names = _signals_by_name(pieces, notes)
    plans = _plans(pieces, names, notes)
    tracks = tuple(_track(signal, plan, pieces, names, fs_hz) for signal, plan in plans.items())
    for track, plan in zip(tracks, plans.values(), strict=True):
        if len({run.samples.dtype.kind for run in track.runs} & {"f"}):
            notes.append(f"leads {', '.join(plan.channels)} have different gains: taken as float32")
    return tracks, tuple(dict.fromkeys(notes))


def rr_track(beats: NDArray[np.int64], fs_hz: float) -> tuple[IrregularTrack, int]:
    """Give the RR intervals between beats as an irregular signal.

    Parameters
    ----------
    beats
        int64 ``[n]``, sample numbers on a time base of `fs_hz`.

    Returns
    -------
    track
        Sample k lies at beat k and is the time since the beat before in ms, NaN for the first.
    dropped
        Number of beats left out because they do not lie after the beat before.
    """
    newest = np.maximum.accumulate(beats) if len(beats) else beats
    keep = np.ones(len(beats), bool)
    keep[1:] = beats[1:] > newest[:-1]
    kept = beats[keep]
    rr_ms = np.full((len(kept), 1), np.nan, np.float32)
    rr_ms[1:, 0] = np.diff(kept) * (1000.0 / fs_hz)
    t_ns = np.rint(kept * (NS_PER_S / fs_hz)).astype(np.int64)
    return IrregularTrack("rr", t_ns, rr_ms), int(len(beats) - len(kept))


def checksum_differs(samples: NDArray[np.integer], checksum: int | None) -> bool:
    """Tell whether samples do not add up to the header's 16-bit sum; 0 and None are "not given"."""
    if not checksum:
        return False
    return (int(samples.sum(dtype=np.int64)) - checksum) & 0xFFFF != 0


def frames_held(n_bytes: int, fmt: str, per_frame: int) -> int:
    """Count the whole frames in so many bytes of a signal file.

    Formats 212, 310 and 311 pack two samples into 3 bytes and three into 4.

    >>> frames_held(1_950_000, "212", 2), frames_held(1_949_999, "212", 2), frames_held(7, "310", 1)
    (650000, 649999, 4)
    """
    if n_bytes <= 0:
        return 0
    if fmt == "212":
        samples = 2 * (n_bytes // 3) + (n_bytes % 3 == 2)
    elif fmt in {"310", "311"}:
        samples = 3 * (n_bytes // 4) + (n_bytes % 4 >= 2)
    else:
        samples = n_bytes // {"8": 1, "80": 1, "24": 3, "32": 4}.get(fmt, 2)
    return int(samples) // per_frame


def _signals_by_name(pieces: Iterable[Piece], notes: list[str]) -> dict[str, str]:
    """Give the signal of each lead name; names that mean none are left out and noted."""
    leads = {lead.name: lead for piece in pieces for lead in piece.leads}
    known: dict[str, str] = {}
    for name in leads:
        base = re.sub(r" \(\d+\)$", "", name)
        if _PPG.fullmatch(base):
            known[name] = "ppg"
        elif _ECG.fullmatch(base):
            known[name] = "ecg"
    unknown = [name for name in leads if name not in known]
    volts = [
        name
        for name in unknown
        if leads[name].unit.lower() in {"mv", "v"} and not _OTHER.fullmatch(name)
    ]
    if volts and "ecg" not in known.values():
        known.update(dict.fromkeys(volts, "ecg"))
        notes.append(f"{', '.join(volts)}: not a known lead name, taken as ecg for its unit")
        unknown = [name for name in unknown if name not in volts]
    notes.extend(f"{name}: no such signal, left out" for name in unknown)
    return known


def _plans(pieces: Iterable[Piece], names: dict[str, str], notes: list[str]) -> dict[str, _Plan]:
    plans: dict[str, _Plan] = {}
    for piece in pieces:
        for lead in piece.leads:
            signal = names.get(lead.name)
            if signal is None:
                continue
            plan = plans.setdefault(signal, _Plan(lead.per_frame))
            if lead.per_frame != plan.per_frame:
                notes.append(f"{lead.name}: another rate than {plan.channels[0]}, left out")
            elif lead.name not in plan.channels:
                plan.channels.append(lead.name)
    return {signal: plans[signal] for signal in WAVEFORMS if signal in plans}


def _track(
    signal: str, plan: _Plan, pieces: Iterable[Piece], names: dict[str, str], fs_hz: float
) -> RegularTrack:
    rate_hz = fs_hz * plan.per_frame
    runs = []
    for piece in pieces:
        held = {
            lead.name: lead
            for lead in piece.leads
            if names.get(lead.name) == signal
            and lead.per_frame == plan.per_frame
            and len(lead.samples)
        }
        if held:
            seq = piece.first_frame * plan.per_frame
            leads = [held.get(name) for name in plan.channels]
            runs.append(_run(seq, round(seq * (NS_PER_S / rate_hz)), leads, signal))
    return RegularTrack(signal, rate_hz, tuple(runs), tuple(plan.channels))


def _run(seq: int, t0_ns: int, leads: Sequence[Lead | None], signal: str) -> Run:
    held = [lead for lead in leads if lead is not None]
    n = max(len(lead.samples) for lead in held)
    missing = np.ones((n, len(leads)), bool)
    for c, lead in enumerate(leads):
        if lead is not None:
            missing[: len(lead.samples), c] = (
                False if lead.invalid is None else lead.samples == lead.invalid
            )
    scales = {_scale(lead, signal) for lead in held}
    baselines = {lead.baseline for lead in held}
    if len(scales) > 1:
        values = _columns(
            leads, n, lambda lead: (lead.samples - lead.baseline) * _scale(lead, signal)
        )
        values[missing] = np.nan
        return Run(seq, t0_ns, values.astype(np.float32))
    scale = scales.pop()
    mask = missing if missing.any() else None
    if len(baselines) == 1:
        samples = _columns(leads, n, lambda lead: lead.samples)
        return Run(seq, t0_ns, _narrow(samples), scale, -baselines.pop() * scale, mask)
    moved = _columns(leads, n, lambda lead: lead.samples.astype(np.int64) - lead.baseline)
    return Run(seq, t0_ns, _narrow(moved), scale, 0.0, mask)


def _scale(lead: Lead, signal: str) -> float:
    """Give mV per count for ECG; an unknown unit counts as mV. Other signals keep their unit."""
    factor = MILLIVOLTS.get(lead.unit.lower(), 1.0) if signal == "ecg" else 1.0
    return factor / lead.gain


def _columns(
    leads: Sequence[Lead | None], n: int, of: Callable[[Lead], NDArray[Any]]
) -> NDArray[Any]:
    """Put the values of leads side by side, 0 where a lead is absent or ends early."""
    parts = [None if lead is None else of(lead) for lead in leads]
    dtype = np.result_type(*[part for part in parts if part is not None])
    columns = np.zeros((n, len(parts)), dtype)
    for c, part in enumerate(parts):
        if part is not None:
            columns[: len(part), c] = part
    return columns


def _narrow(samples: NDArray[Any]) -> SampleArray:
    """Give int16 where the values fit, else int32."""
    if samples.dtype.itemsize > 2 and samples.size:
        low, high = int(samples.min()), int(samples.max())
        if low < -(2**15) or high >= 2**15:
            wide: NDArray[np.int32] = np.clip(samples, -(2**31), 2**31 - 1).astype(np.int32)
            return wide
    narrow: NDArray[np.int16] = samples.astype(np.int16)
    return narrow
