"""The header of a table: which column is which signal, in which unit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from device_bridges.replay.units import SAME, Conversion, accepted_units, conversion
from processors.errors import SettingError, UnknownSignalError
from processors.signals import SIGNALS, Channel, SignalSpec, signal_spec

TIME = "t_s"
SETTING = "--map"


@dataclass(frozen=True, slots=True)
class Target:
    """What a column holds: a channel of a signal (`TIME`: the time) and the way to its unit."""

    signal: str
    channel: str = ""
    convert: Conversion = SAME


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is used."""

    index: int
    name: str
    target: Target


Mapping = tuple[tuple[str, Target], ...]


class HeaderError(ValueError):
    """A header does not fit; the text says what was expected and what was found."""


def parse_mapping(entries: Iterable[str]) -> Mapping:
    """Read ``COLUMN=signal[.channel][:unit]`` entries; ``COLUMN=t_s[:unit]`` is the time.

    Raises
    ------
    SettingError
        Not of this form, an unknown signal, channel or unit.

    >>> parse_mapping(["gl=glucose:mmol/L"])[0][1].convert.factor
    18.016
    """
    found = []
    for entry in entries:
        column, equals, text = entry.rpartition("=")
        if not equals or not column.strip() or not text.strip():
            raise SettingError(SETTING, f"expected COLUMN=signal[:unit], found {entry!r}")
        try:
            found.append((column.strip(), _target(text.strip())))
        except (UnknownSignalError, HeaderError) as e:
            raise SettingError(SETTING, f"{entry}: {e}") from e
    return tuple(found)


def columns_of(header: Sequence[str], mapping: Mapping) -> tuple[list[Column], list[str]]:
    """Tell the columns of a header apart: the used ones, time first, and the names left out.

    Raises
    ------
    HeaderError
        No time, no signal, a mapped column that is not there, two columns for the same, or, where
        nothing is mapped, a name that is no signal.
    """
    names = [name.strip() for name in header]
    targets = dict(mapping)
    absent = [name for name in targets if name not in names]
    if absent:
        raise HeaderError(f"expected a column {absent[0]!r}, found {_shown(names)}")
    columns, unused = [], []
    for index, name in enumerate(names):
        try:
            columns.append(Column(index, name, targets.get(name) or _target(name)))
        except (UnknownSignalError, HeaderError):
            unused.append(name)
    timed = [column for column in columns if column.target.signal == TIME]
    if mapping and not timed:
        timed = [column for i, name in enumerate(names) if (column := _named_like_time(i, name))][
            :1
        ]
        unused = [name for name in unused if name not in {column.name for column in timed}]
    # Leads are numbered as they were mapped, else as they stand.
    order = {name: k for k, name in enumerate(targets)}
    columns.sort(key=lambda column: order.get(column.name, len(order)))
    used = [column for column in columns if column.target.signal != TIME]
    if len(timed) != 1 or not used or (unused and not mapping):
        raise HeaderError(_mismatch(names, timed, unused))
    return [timed[0], *_distinct(used)], unused


def channels_of(spec: SignalSpec, columns: Sequence[Column]) -> tuple[str, ...]:
    """Name the channels that a track of this signal gets.

    ECG and PPG get a channel for each column; other signals always get all of `SIGNALS`.
    """
    if _open_ended(spec):
        return tuple(column.target.channel or column.name for column in columns)
    return tuple(channel.name for channel in spec.channels)


def channel_of(target: Target) -> Channel:
    """Give the unit and plausible range of what a column holds; all leads are like the first."""
    channels = signal_spec(target.signal).channels
    return next((one for one in channels if one.name == target.channel), channels[0])


def _target(text: str) -> Target:
    """Read ``signal[.channel][:unit]``."""
    name, _, unit = text.partition(":")
    if name == TIME:
        return Target(TIME, convert=_conversion(unit, "s"))
    signal, _, channel = name.partition(".")
    spec = signal_spec(signal)
    if _open_ended(spec):
        return Target(signal, channel, _conversion(unit, spec.unit))
    known = [one.name for one in spec.channels]
    if not channel and len(known) == 1:
        channel = known[0]
    if channel not in known:
        of = " or ".join(f"{signal}.{one}" for one in known)
        raise HeaderError(f"expected {of}, found {name!r}")
    return Target(signal, channel, _conversion(unit, spec.channels[known.index(channel)].unit))


def _open_ended(spec: SignalSpec) -> bool:
    """Tell whether leads may have any name: waveforms of one channel in `SIGNALS`."""
    return spec.waveform and len(spec.channels) == 1


def _conversion(found: str, unit: str) -> Conversion:
    way = conversion(found.strip(), unit)
    if way is None:
        raise HeaderError(f"expected one of {', '.join(accepted_units(unit))}, found {found!r}")
    return way


def _named_like_time(index: int, name: str) -> Column | None:
    """Take ``Time [s]``, ``time``, ``timestamp (ms)`` for the time where no column is named so."""
    match = re.fullmatch(r"(time|timestamp|t)\b\s*(?:[\[(](\w+)[\])])?", name, re.IGNORECASE)
    way = conversion(match[2] or "", "s") if match else None
    return None if way is None else Column(index, name, Target(TIME, convert=way))


def _distinct(columns: Sequence[Column]) -> list[Column]:
    """Check that no two columns are the same channel; leads without a name take the column's."""
    named = [
        column
        if column.target.channel
        else replace(column, target=replace(column.target, channel=column.name))
        for column in columns
    ]
    seen: dict[tuple[str, str], str] = {}
    for column in named:
        key = (column.target.signal, column.target.channel)
        if key in seen:
            raise HeaderError(f"expected one column for {'.'.join(key)}, found two")
        seen[key] = column.name
    return named


def _mismatch(names: Sequence[str], timed: Sequence[Column], unused: Sequence[str]) -> str:
    hints = [
        f"{name!r} may be {' or '.join(near)}"
        for name in unused
        if (near := difflib.get_close_matches(name, [TIME, *SIGNALS], n=2, cutoff=0.6))
    ]
    wanted = "one column t_s and columns named for signals"
    hint = f"; {', '.join(hints)}" if hints else ""
    lacks = f" (no {TIME})" if not timed else ""
    return (
        f"expected {wanted}, found {_shown(names)}{lacks}{hint};"
        f" {SETTING} COLUMN=signal[:unit] reads other headers"
    )


def _shown(names: Sequence[str]) -> str:
    listed = ", ".join(repr(name[:24]) for name in names[:8])
    return f"{listed}, ..." if len(names) > 8 else listed or "nothing"
