"""Read WFDB records and beat annotations from files; what is damaged but usable is warned about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.replay.protocol import (
    BEAT_SYMBOLS,
    INVALID,
    Lead,
    Piece,
    checksum_differs,
    frames_held,
    rr_track,
    tracks_of,
)
from device_bridges.replay.recording import Recording, RegularTrack
from processors.errors import InputError
from processors.records import NS_PER_S

# What the wfdb package is seen to raise on damaged files.
_UNREADABLE = (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError, EOFError,
               OverflowError, MemoryError)  # fmt: skip
_FLAC = frozenset({"508", "516", "524"})


@dataclass(frozen=True, slots=True)
class _Context:
    """What a record's files are read into on the way: warnings, notes."""

    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def warn(self, path: Path, problem: str) -> None:
        self.warnings.append(f"{shown(path)}: {problem}")


def shown(path: Path) -> str:
    """Give a path as messages show it: the file and its folder."""
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name


def read_record(stem: Path, participant: str) -> Recording:
    """Read all signals of a record (path without ``.hea``).

    Raises
    ------
    InputError
        A header that cannot be read, or a record without a usable sample of a known signal.
    """
    header = _header(stem)
    context = _Context()
    fs_hz = float(header.fs or 0)
    if fs_hz <= 0:
        raise InputError(shown(_hea(stem)), f"expected a sampling rate above 0, found {header.fs}")
    if hasattr(header, "seg_name"):
        pieces, n_frames = _segments(stem, header, context)
    elif not header.n_sig:
        raise InputError(
            shown(_hea(stem)),
            "the record has no signals; --beats EXT reads beat annotations beside it",
        )
    else:
        piece, n_frames = _piece(stem, header, 0, context)
        pieces = [piece]
    if not n_frames:
        raise InputError(shown(_hea(stem)), "the record has no samples")
    tracks, notes = tracks_of(pieces, fs_hz)
    if not tracks:
        names = ", ".join(dict.fromkeys(lead.name for piece in pieces for lead in piece.leads))
        problem = (
            f"expected an ECG or PPG signal, found {names}" if names else _all_missing(context)
        )
        raise InputError(shown(_hea(stem)), problem)
    for track in tracks:
        if isinstance(track, RegularTrack) and track.is_void:
            context.warn(_hea(stem), f"{track.signal} has no valid sample")
    return Recording(
        participant,
        tracks,
        duration_ns=round(n_frames * (NS_PER_S / fs_hz)),
        fs_hz=fs_hz,
        warnings=tuple(context.warnings),
        notes=(*context.notes, *notes),
    )


def read_beats(stem: Path, extension: str, participant: str) -> Recording:
    """Read the times of the beats of an annotation file as RR intervals; labels are not looked at.

    Raises
    ------
    InputError
        No such file, one that cannot be read, or one without beats.
    """
    import wfdb  # here, not above: it costs 1 s

    path = stem.with_name(f"{stem.name}.{extension}")
    if not path.is_file():
        raise InputError(shown(path), "no such annotation file")
    header = _header(stem)
    try:
        annotation = wfdb.rdann(str(stem), extension)
    except _UNREADABLE as e:
        raise InputError(
            shown(path), f"expected WFDB annotations, found what cannot be read ({e})"
        ) from e
    is_beat = np.array([symbol in BEAT_SYMBOLS for symbol in annotation.symbol], bool)
    beats = np.asarray(annotation.sample, np.int64)[is_beat]
    if not len(beats):
        raise InputError(
            shown(path), f"expected beats, found none among {len(is_beat)} annotations"
        )
    fs_hz = float(annotation.fs or header.fs or 0)
    if fs_hz <= 0:
        raise InputError(shown(_hea(stem)), f"expected a sampling rate above 0, found {header.fs}")
    track, dropped = rr_track(beats, fs_hz)
    warnings = []
    if dropped:
        warnings.append(
            f"{shown(path)}: {dropped} of {len(beats)} beats left out, "
            "they do not lie after the beat before"
        )
    length_ns = round((header.sig_len or 0) * (NS_PER_S / float(header.fs or fs_hz)))
    return Recording(
        participant,
        (track,),
        duration_ns=max(length_ns, track.until_ns),
        fs_hz=fs_hz,
        warnings=tuple(warnings),
    )


def _header(stem: Path) -> Any:
    import wfdb

    path = _hea(stem)
    if not path.is_file():
        raise InputError(shown(path), "no such header file")
    try:
        header = wfdb.rdheader(str(stem))
    except _UNREADABLE as e:
        raise InputError(
            shown(path),
            "expected a WFDB header ('NAME SIGNALS RATE SAMPLES', then one line a signal), "
            f"found {_first_line(path)!r}",
        ) from e
    if not hasattr(header, "seg_name"):
        n_lines = len(header.file_name or ())
        if n_lines != (header.n_sig or 0):
            raise InputError(shown(path), f"expected {header.n_sig} signal lines, found {n_lines}")
        header.sig_name = _unique_names(header.sig_name or ())
    return header


def _segments(stem: Path, header: Any, context: _Context) -> tuple[list[Piece], int]:
    """Read the segments of a multi-segment record; a null segment or a missing one is a gap."""
    pieces, first = [], 0
    for name, n_frames in zip(header.seg_name, header.seg_len, strict=True):
        if name != "~" and n_frames:  # a segment of length 0 lists the names of the signals
            segment = stem.with_name(name)
            try:
                pieces.append(_segment(segment, header.fs, n_frames, first, context))
            except InputError as e:
                context.warnings.append(f"{e}; the segment is left out")
        first += n_frames
    if not pieces:
        raise InputError(shown(_hea(stem)), _all_missing(context))
    return pieces, first


def _segment(stem: Path, fs_hz: float, n_frames: int, first_frame: int, context: _Context) -> Piece:
    header = _header(stem)
    if header.fs != fs_hz:
        raise InputError(
            shown(_hea(stem)), f"expected {fs_hz} Hz as in the whole record, found {header.fs} Hz"
        )
    piece, held = _piece(stem, header, first_frame, context)
    if held > n_frames:
        raise InputError(
            shown(_hea(stem)), f"expected {n_frames} samples as in the whole record, found {held}"
        )
    return piece


def _piece(stem: Path, header: Any, first_frame: int, context: _Context) -> tuple[Piece, int]:
    """Read the signal files of one segment; give it with the frames that are there."""
    leads: dict[int, Lead] = {}
    by_file: dict[str, list[int]] = {}
    for c, name in enumerate(header.file_name):
        by_file.setdefault(name, []).append(c)
    longest = 0
    for name, members in by_file.items():
        path = stem.with_name(name)
        if name != "~":
            n_frames = _usable_frames(path, header, members, context)
            longest = max(longest, n_frames)
            if n_frames:
                leads.update(_leads(stem, header, members, n_frames, context))
    if not leads:
        raise InputError(shown(_hea(stem)), _all_missing(context))
    return Piece(first_frame, tuple(leads[c] for c in sorted(leads))), longest


def _usable_frames(path: Path, header: Any, members: Sequence[int], context: _Context) -> int:
    """Count the frames that a signal file holds of those promised; warn when they are fewer."""
    if not path.is_file():
        context.warn(path, "no such signal file")
        return 0
    fmt = header.fmt[members[0]]
    promised = header.sig_len
    if fmt in _FLAC:
        return int(promised or 0)
    if fmt not in INVALID and fmt != "8":
        context.warn(path, f"expected a signal format of WFDB, found {fmt}")
        return 0
    skip = header.byte_offset[members[0]] or 0
    per_frame = sum(header.samps_per_frame[c] for c in members)
    held = frames_held(path.stat().st_size - skip, fmt, per_frame)
    if promised and held < promised:
        context.warn(path, f"ends after {held} of {promised} samples; the rest is missing")
    return min(held, promised or held)


def _leads(
    stem: Path, header: Any, members: Sequence[int], n_frames: int, context: _Context
) -> dict[int, Lead]:
    """Read the leads of one signal file."""
    path = stem.with_name(header.file_name[members[0]])
    # Samples of a skewed lead stand further on in the file: reading stops before its end.
    cut_short = n_frames < (header.sig_len or n_frames)
    skew = max(header.skew[c] or 0 for c in members)
    # Without a length in the header the package finds it itself, and only then.
    sampto = max(n_frames - skew * cut_short, 0) if header.sig_len else None
    try:
        columns = _samples(stem, header, members, sampto)
    except _UNREADABLE as e:
        context.warn(path, f"cannot be read ({e})")
        return {}
    leads = {}
    for c, samples in zip(members, columns, strict=True):
        whole = not cut_short and not any(header.skew[m] for m in members)
        if whole and checksum_differs(samples, header.checksum[c]):
            context.warn(path, f"signal {c} does not add up to the checksum of the header")
        leads[c] = Lead(
            name=header.sig_name[c],
            unit=header.units[c] or "mV",
            gain=float(header.adc_gain[c] or 200.0),  # WFDB: 200 where none is given
            baseline=int(header.baseline[c] or 0),
            per_frame=int(header.samps_per_frame[c]),
            invalid=INVALID.get(header.fmt[c]),
            samples=_compact(samples, header.fmt[c]),
        )
    return leads


def _samples(
    stem: Path, header: Any, members: Sequence[int], sampto: int | None
) -> list[NDArray[Any]]:
    """Give the digital samples of some signals of a record."""
    import wfdb

    chosen: dict[str, Any] = {"sampto": sampto, "channels": list(members), "smooth_frames": False}
    if header.fmt[members[0]] != "61":
        return list(wfdb.rdrecord(str(stem), physical=False, **chosen).e_d_signal)
    # The package stumbles over the byte order of format 61 unless asked for physical values.
    columns = []
    for c, values in zip(members, wfdb.rdrecord(str(stem), **chosen).e_p_signal, strict=True):
        digital = np.rint(values * (header.adc_gain[c] or 200.0) + (header.baseline[c] or 0))
        columns.append(np.where(np.isnan(values), INVALID["61"], digital).astype(np.int64))
    return columns


def _compact(samples: NDArray[Any], fmt: str) -> NDArray[np.integer]:
    return samples.astype(np.int32 if fmt in {"24", "32", "524", "8"} else np.int16)


def _unique_names(names: Sequence[str | None]) -> list[str]:
    """Number the repeats: ECG, ECG (2); signals without a name are numbered too."""
    given = [(name or "").strip() or f"signal {c}" for c, name in enumerate(names)]
    return [
        name if (k := given[:c].count(name)) == 0 else f"{name} ({k + 1})"
        for c, name in enumerate(given)
    ]


def _hea(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.hea")


def _all_missing(context: _Context) -> str:
    found = f" ({context.warnings[-1]})" if context.warnings else ""
    return f"expected signal files beside the header, found none that can be read{found}"


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        return file.readline(60).decode("ascii", "replace").strip()
