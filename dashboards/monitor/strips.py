"""Strips of ECG around findings, cut from the rings once their last sample has come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from dashboards.monitor.history import Strip
from dashboards.monitor.rings import TraceRings
from processors.records import NS_PER_S, Finding

BEFORE_S, AFTER_S = 7.0, 3.0
MAX_STRIPS = 4000  # 10 s at 250 Hz are 5 kB: 20 MB
WAIT_S = 5.0  # s after its end until a strip is cut although samples are missing
BACK_S = 20.0  # s; an onset dated back further is out of the ring by the time it is known


def cut(
    rings: TraceRings, index: int, participant: str, at_ns: int, before_s: float, after_s: float
) -> Strip | None:
    """Cut a strip out of a ring; None when none of the time asked for is there.

    What has been overwritten or has not come yet is left out at the ends.
    """
    if rings.state(index)[1] == 0:
        return None
    start = rings.position(index, at_ns - round(before_s * NS_PER_S))
    stop = rings.position(index, at_ns + round(after_s * NS_PER_S))
    run = rings.read(index, start)
    if run is None or stop <= run.start:
        return None
    samples = run.samples[: stop - run.start]
    return Strip(participant, at_ns, run.t0_ns, run.fs_hz, run.scale, run.offset, samples)


class StripDesk:
    """Findings that wait for their strip, and the strips of the last findings.

    Parameters
    ----------
    on_strip
        Called with a finding and its strip once it is complete, for a store to keep.
    """

    def __init__(
        self, rings: TraceRings, on_strip: Callable[[Finding, Strip], None] | None
    ) -> None:
        self._rings = rings
        self._on_strip = on_strip
        self._due: dict[str, tuple[int, Finding]] = {}
        self._kept: OrderedDict[str, Strip] = OrderedDict()

    def order(self, index: int, finding: Finding) -> None:
        """Ask for the strip of a new finding; one that has its strip keeps it."""
        if finding.id not in self._kept:
            self._due.setdefault(finding.id, (index, finding))

    def waiting(self) -> Collection[str]:
        """Give the ids of the findings that wait for their strip."""
        return self._due.keys()

    def cut_due(self, now_ns: int) -> list[int]:
        """Cut what is complete or overdue; give the participant indices that got a strip."""
        done = []
        newest = self._rings.newest_ns()
        for index, finding in list(self._due.values()):
            # An onset dated back too far: show what led to the finding instead.
            recent = finding.t_ns - finding.at_ns < BACK_S * NS_PER_S
            at_ns = finding.at_ns if recent else finding.t_ns
            end_ns = at_ns + round(AFTER_S * NS_PER_S)
            there = index < len(newest) and newest[index] >= end_ns
            if not there and now_ns < end_ns + round(WAIT_S * NS_PER_S):
                continue
            del self._due[finding.id]
            strip = cut(self._rings, index, finding.participant, at_ns, BEFORE_S, AFTER_S)
            if strip is not None:
                self._keep(finding, replace(strip, at_ns=finding.at_ns))
                done.append(index)
        return done

    def _keep(self, finding: Finding, strip: Strip) -> None:
        self._kept[finding.id] = strip
        while len(self._kept) > MAX_STRIPS:
            self._kept.popitem(last=False)
        if self._on_strip is not None:
            self._on_strip(finding, strip)

    def strips(self, findings: Mapping[str, Finding]) -> dict[str, Strip]:
        """Give the strips that are there, by the id of the finding."""
        return {each: self._kept[each] for each in findings if each in self._kept}
