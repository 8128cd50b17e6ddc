"""What is deleted when: by age, and the oldest hours of waveforms when the disk fills.

Waveforms go first, for they are nearly all of it; strips around findings stand in the database and
stay as long as the findings. Nothing younger than the floor is deleted: when the disk is too full
all the same, that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streams.stores.waveforms import HOUR_NS, Segment

if TYPE_CHECKING:
    from streams.config import Settings

DAY_NS: Final = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept; the defaults are those of the settings.

    Attributes
    ----------
    waveforms_days, values_days, findings_days
        Age at which waveforms; features and scalar values; findings, strips and ended alarms go.
    disk_share
        How full the disk may be, 0 to 1, before the oldest hours of waveforms go earlier.
    at_least_hours
        The floor: waveforms younger than this are never deleted.
    """

    waveforms_days: float = 30.0
    values_days: float = 400.0
    findings_days: float = 3650.0
    disk_share: float = 0.85
    at_least_hours: float = 24.0

    @classmethod
    def of(cls, settings: Settings) -> Keep:
        """Give what the settings say."""
        return cls(
            settings.keep_waveforms_days,
            settings.keep_values_days,
            settings.keep_findings_days,
            settings.disk_share,
            settings.keep_at_least_hours,
        )


@dataclass(frozen=True, slots=True)
class Disk:
    """Size of the disk and what is free on it, in bytes."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is to go.

    Attributes
    ----------
    segments
        Oldest first.
    missing_bytes
        What would have to go beyond these, but is younger than the floor.
    """

    segments: tuple[Segment, ...]
    missing_bytes: int = 0

    @property
    def problem(self) -> str:
        """A sentence where the floor keeps the disk too full; empty where it does not."""
        if not self.missing_bytes:
            return ""
        return (
            f"the disk is {self.missing_bytes / 1e9:.1f} GB fuller than allowed, and no waveforms "
            "are left that are old enough to be deleted"
        )


def due(hours: Sequence[tuple[Segment, int]], now_ns: int, disk: Disk, keep: Keep) -> Due:
    """Tell which hours of waveforms are to go now.

    Parameters
    ----------
    hours
        Segments with their sizes in bytes, in any order.

    >>> due([(Segment(1, 1), 10)], 100 * HOUR_NS, Disk(100, 50), Keep(waveforms_days=1)).segments
    (Segment(hour=1, serial=1),)
    """
    old_ns = now_ns - round(keep.waveforms_days * DAY_NS)
    floor_ns = now_ns - round(keep.at_least_hours * HOUR_NS)
    excess = round(disk.total * (1 - keep.disk_share)) - disk.free
    going: list[Segment] = []
    for segment, size in sorted(hours):
        end_ns = (segment.hour + 1) * HOUR_NS
        if end_ns <= floor_ns and (end_ns <= old_ns or excess > 0):
            going.append(segment)
            excess -= size
    return Due(tuple(going), max(excess, 0))
