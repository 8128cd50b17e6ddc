"""The live view in memory: last traces, last values, open alarms, for pages that are open now.

Nothing here is kept: a restart begins empty and stores hold what must last. Every method is to be
called on the event loop that serves the page; an engine in another thread hands over with
``loop.call_soon_threadsafe(hub.on_block, block)``. No method blocks or awaits.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dashboards.monitor import wire
from dashboards.monitor.alarm_view import PRIORITIES, STATES, AlarmView, as_json, is_shown, urgency
from dashboards.monitor.history import MAX_FINDINGS, ParticipantHistory, Strip
from dashboards.monitor.rings import TraceRings
from dashboards.monitor.viewer import Viewer
from processors.records import NS_PER_S, Block, Finding
from processors.signals import SIGNALS

FILL_S = 12.0  # s of trace a tile gets at once; a tile is 4 s wide at 25 mm/s, a full screen 20 s
DETAIL_FILL_S = 28.0  # s for the participant view
MAX_STRIPS = 4000  # 10 s at 250 Hz are 5 kB: 20 MB
STRIP_WAIT_S = 5.0  # s after its end until a strip is cut although samples are missing
STATUS_STALE_S = 3.0  # s without word from the engine until the page says so

_STALE_S = {
    name: SIGNALS[name].variant().stale_after_s for name in ("heart_rate", "spo2", "respiration")
}
_STALE_S |= {"ecg_quality": 3.0, "ventricular_beats": 10.0}  # s; given every second
_OTHER_STALE_S = 60.0  # s; values of other names, in the participant view only


class ParticipantView(Protocol):
    """What is shown of a participant; `registry.participants.Participant` is one."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...


class _Values:
    """The last record of one feature for each participant index."""

    def __init__(self, n_columns: int) -> None:
        self.values = np.full((0, n_columns), np.nan)
        self.t_ns = np.zeros(0, np.int64)  # of the last record whose first column is a number

    def put(
        self, idx: NDArray[np.int64], values: NDArray[np.float64], t_ns: NDArray[np.int64]
    ) -> None:
        needed = int(idx.max(initial=-1)) + 1
        if needed > len(self.t_ns):
            grown = max(needed, 2 * len(self.t_ns), 16)
            values_then, t_then = self.values, self.t_ns
            self.values = np.full((grown, values_then.shape[1]), np.nan)
            self.values[: len(values_then)] = values_then
            self.t_ns = np.zeros(grown, np.int64)
            self.t_ns[: len(t_then)] = t_then
        self.values[idx] = values
        known = ~np.isnan(values[:, 0])
        self.t_ns[idx[known]] = t_ns[known]

    def column(self, idx: NDArray[np.int64], c: int) -> NDArray[np.float64]:
        if c >= self.values.shape[1]:
            return np.full(len(idx), np.nan)
        found = np.full(len(idx), np.nan)
        inside = idx < len(self.t_ns)
        found[inside] = self.values[idx[inside], c]
        return found

    def age_s(self, idx: NDArray[np.int64], now_ns: int) -> NDArray[np.float64]:
        return _age_s(self.t_ns, idx, now_ns)


class Hub:
    """Everything an open page needs, and the pages that are open.

    Parameters
    ----------
    clock
        Gives "now" in ns on the time base of the samples; ages are counted from it. A replay of
        a recording with times of its own gives its own clock.
    simulated
        Whether the page says that the data are simulated.
    rank
        Gives the urgency of a participant from the shown alarms; higher is further up.
    on_strip
        Called with a finding and its strip once the strip is complete, for a store to keep.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.time_ns,
        *,
        simulated: bool = False,
        rank: Callable[[Iterable[AlarmView]], float] = urgency,
        on_strip: Callable[[Finding, Strip], None] | None = None,
    ) -> None:
        self.simulated = simulated
        self.viewers: set[Viewer] = set()
        self._clock = clock
        self._rank = rank
        self._on_strip = on_strip
        self._index: dict[str, int] = {}
        self._people: list[dict[str, Any]] = []
        self._listed: NDArray[np.int64] = np.zeros(0, np.int64)
        self._people_changed = False
        self._rings = {signal: TraceRings(signal) for signal in wire.WAVE_SIGNALS}
        self._values: dict[str, _Values] = {}
        self._alarms: dict[str, AlarmView] = {}
        self._shown: dict[int, dict[str, AlarmView]] = {}
        self._past_alarms: dict[int, deque[AlarmView]] = {}
        self._ranks: dict[int, float] = {}
        self._findings: dict[int, OrderedDict[str, Finding]] = {}
        self._strips: OrderedDict[str, Strip] = OrderedDict()
        self._strips_due: dict[str, Finding] = {}
        self._status: dict[str, Any] = {"phase": "starting", "lag_s": None, "detail": ""}
        self._status_t = time.monotonic()
        self._summary = b""
        self._summary_number = 0
        self._row_cache: dict[tuple[int, str, int, int, int], bytes] = {}

    # --- what the system tells -------------------------------------------------------------------

    def set_participants(self, participants: Sequence[ParticipantView]) -> None:
        """Set who is listed. A known id keeps its index; who is left out is no longer shown."""
        for each in participants:
            person = self._people[self._index_of(each.id)]
            person.update(name=each.name or each.id, group=each.group)
        listed = [self._index[each.id] for each in participants]
        self._listed = np.array(sorted(set(listed)), np.int64)
        self._people_changed = True
        self.advance()

    def set_status(self, lag_s: float, phase: str, detail: str = "") -> None:
        """Say how the engine does; call it at least once a second.

        Parameters
        ----------
        lag_s
            How far its results are behind now; NaN when not known.
        phase
            ``starting``, ``compiling`` (raw traces only), ``live``, ``catching_up``, ``ended``.
        detail
            One more line for the page, or empty.
        """
        lag = round(float(lag_s), 2) if np.isfinite(lag_s) else None
        self._status = {"phase": phase, "lag_s": lag, "detail": detail}
        self._status_t = time.monotonic()

    def on_block(self, block: Block) -> None:
        """Take raw samples; signals that are not drawn are ignored. No Python work per sample."""
        rings = self._rings.get(block.signal)
        if rings is None or not block.n_rows:
            return
        self._row_cache.clear()
        rings.add(self._indices(block.participants), block)

    def on_values(
        self,
        participants: Sequence[str],
        name: str,
        values: NDArray[np.float64],
        t_ns: NDArray[np.int64] | int,
    ) -> None:
        """Take the newest values of one feature.

        Parameters
        ----------
        participants
            ``k`` ids.
        name
            ``heart_rate`` (rate, source), ``ecg_quality`` (columns of the stream of that name),
            ``spo2``, ``respiration`` and ``ventricular_beats`` (per minute) go onto tiles; any
            other name is listed in the participant view.
        values
            float64 ``[k]`` or ``[k, c]``; a NaN in the first column blanks the value.
        t_ns
            int64 ``[k]``, or one time for all.
        """
        if not len(participants):
            return
        table = np.asarray(values, np.float64).reshape(len(participants), -1)
        kept = self._values.get(name)
        if kept is None or kept.values.shape[1] != table.shape[1]:
            kept = self._values[name] = _Values(table.shape[1])
        times = np.broadcast_to(np.asarray(t_ns, np.int64), (len(participants),))
        kept.put(self._indices(participants), table, times)

    def on_findings(self, findings: Sequence[Finding]) -> None:
        """Take new or amended findings; the strip of each is cut once its samples are there."""
        for finding in findings:
            index = self._index_of(finding.participant)
            kept = self._findings.setdefault(index, OrderedDict())
            new = finding.id not in kept
            kept[finding.id] = finding
            while len(kept) > MAX_FINDINGS:
                kept.popitem(last=False)
            if new:
                self._strips_due[finding.id] = finding
            self._tell_history_changed(index)

    def on_alarms(self, alarms: Sequence[AlarmView]) -> None:
        """Take alarms that are new or have changed, each in its newest state."""
        if not alarms:
            return
        touched = []
        for alarm in alarms:
            index = self._index_of(alarm.participant)
            touched.append(index)
            shown = self._shown.setdefault(index, {})
            if is_shown(alarm):
                self._alarms[alarm.id] = shown[alarm.id] = alarm
            else:
                self._alarms.pop(alarm.id, None)
                shown.pop(alarm.id, None)
                self._past_alarms.setdefault(index, deque(maxlen=MAX_FINDINGS)).append(alarm)
            self._ranks[index] = self._rank(shown.values())
        rows = np.array(sorted(set(touched)), np.int64)
        told = [as_json(a, i, self._rank([a])) for a, i in zip(alarms, touched, strict=True)]
        frame = wire.encode_json({"type": "alarms", "alarms": told})
        frame += wire.encode_summary(self._summary_rows(rows, self._clock()))
        self._announce_people()
        self._offer_all(frame)
        for index in rows.tolist():
            self._tell_history_changed(index)

    def advance(self, now_ns: int | None = None) -> None:
        """Make the summary of this second and cut strips that are due; the app calls it at 1 Hz."""
        now = self._clock() if now_ns is None else now_ns
        self._announce_people()
        self._cut_strips(now)
        status = wire.encode_json({"type": "status", **self.status()})
        self._summary = status + wire.encode_summary(self._summary_rows(self._listed, now))
        self._summary_number += 1

    # --- what pages ask --------------------------------------------------------------------------

    def join(self, operator: str = "") -> Viewer:
        """Add a page; the first thing it gets is the whole state in words."""
        viewer = Viewer()
        hello = {
            "type": "hello",
            "version": wire.VERSION,
            "simulated": self.simulated,
            "operator": operator,
            "now_ms": self._clock() / 1e6,
            "participants": self._people_json(),
            "alarms": [
                as_json(a, self._index[a.participant], self._rank([a]))
                for a in self._alarms.values()
            ],
            "status": self.status(),
        }
        viewer.offer(wire.encode_json(hello))
        self.viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a page; twice is once."""
        self.viewers.discard(viewer)

    def collect(self, viewer: Viewer) -> bytes:
        """Give all that a page has not been sent yet as one message; empty when nothing is new."""
        frames = viewer.take()
        if viewer.summary_seen != self._summary_number:
            viewer.summary_seen = self._summary_number
            frames.append(self._summary)
            if viewer.detail is not None and viewer.detail < len(self._people):
                frames.append(self._detail_frame(viewer.detail))
        rows = self._new_rows(viewer)
        if rows:
            frames.append(wire.encode_waves(rows))
        return b"".join(frames)

    def alarm(self, alarm_id: str) -> AlarmView | None:
        """Give a shown alarm by its id."""
        return self._alarms.get(alarm_id)

    def knows(self, participant: str) -> bool:
        """Tell whether a participant is known by this id."""
        return participant in self._index

    def status(self) -> dict[str, Any]:
        """Give the last word of the engine, and how old it is when it is overdue."""
        silent_s = time.monotonic() - self._status_t
        overdue = round(silent_s, 1) if silent_s > STATUS_STALE_S else None
        return {**self._status, "silent_s": overdue}

    def recent(self, participant: str) -> ParticipantHistory:
        """Give findings, alarms and strips of one participant as far as memory goes."""
        index = self._index.get(participant)
        if index is None:
            return ParticipantHistory()
        findings = list(self._findings.get(index, {}).values())
        strips = {f.id: self._strips[f.id] for f in findings if f.id in self._strips}
        alarms = (*self._past_alarms.get(index, ()), *self._shown.get(index, {}).values())
        return ParticipantHistory(findings, alarms, strips)

    def strip(
        self, participant: str, at_ns: int, before_s: float = 7.0, after_s: float = 3.0
    ) -> Strip | None:
        """Cut ECG out of the ring; None when none of the time asked for is there.

        What has been overwritten or has not come yet is left out at the ends.
        """
        index = self._index.get(participant)
        rings = self._rings["ecg"]
        if index is None or rings.state(index)[1] == 0:
            return None
        start = rings.position(index, at_ns - round(before_s * NS_PER_S))
        stop = rings.position(index, at_ns + round(after_s * NS_PER_S))
        run = rings.read(index, start)
        if run is None or stop <= run.start:
            return None
        samples = run.samples[: stop - run.start]
        return Strip(participant, at_ns, run.t0_ns, run.fs_hz, run.scale, run.offset, samples)

    # --- inside ----------------------------------------------------------------------------------

    def _index_of(self, participant: str) -> int:
        index = self._index.get(participant)
        if index is None:
            # Data of somebody nobody announced must be seen, not hidden: listed by id.
            index = self._index[participant] = len(self._people)
            if index > 0xFFFF:
                raise ValueError("the monitor shows at most 65,536 participants")
            self._people.append({"i": index, "id": participant, "name": participant, "group": ""})
            self._listed = np.append(self._listed, index)
            self._people_changed = True
        return index

    def _indices(self, participants: Sequence[str]) -> NDArray[np.int64]:
        index = self._index
        try:
            return np.array([index[participant] for participant in participants], np.int64)
        except KeyError:
            return np.array([self._index_of(each) for each in participants], np.int64)

    def _people_json(self) -> list[dict[str, Any]]:
        return [self._people[i] for i in self._listed.tolist()]

    def _announce_people(self) -> None:
        if self._people_changed:
            self._people_changed = False
            people = self._people_json()
            self._offer_all(wire.encode_json({"type": "participants", "participants": people}))

    def _offer_all(self, frame: bytes) -> None:
        for viewer in self.viewers:
            viewer.offer(frame)

    def _tell_history_changed(self, index: int) -> None:
        watching = [viewer for viewer in self.viewers if viewer.detail == index]
        if watching:
            frame = wire.encode_json({"type": "history", "participant": index})
            for viewer in watching:
                viewer.offer(frame)

    def _fresh(self, name: str, idx: NDArray[np.int64], now_ns: int) -> NDArray[np.float64]:
        """Give the first column of a feature, NaN where it is stale or was never given."""
        kept = self._values.get(name)
        if kept is None:
            return np.full(len(idx), np.nan)
        limit = _STALE_S.get(name, _OTHER_STALE_S)
        return np.where(kept.age_s(idx, now_ns) <= limit, kept.column(idx, 0), np.nan)

    def _summary_rows(self, idx: NDArray[np.int64], now_ns: int) -> NDArray[Any]:
        rows = np.zeros(len(idx), wire.SUMMARY)
        rows["participant"] = idx
        rows["heart_rate_source"] = 255
        rows["heart_rate_age_s"] = np.nan
        rate = self._values.get("heart_rate")
        if rate is not None:
            rows["heart_rate_age_s"] = rate.age_s(idx, now_ns)
            source = rate.column(idx, 1)
            rows["heart_rate_source"] = np.where(np.isfinite(source), source, 255).astype(np.uint8)
        rows["heart_rate"] = self._fresh("heart_rate", idx, now_ns)
        rows["ecg_quality"] = self._fresh("ecg_quality", idx, now_ns)
        rows["spo2"] = self._fresh("spo2", idx, now_ns)
        rows["respiration"] = self._fresh("respiration", idx, now_ns)
        rows["ventricular"] = self._fresh("ventricular_beats", idx, now_ns)
        rows["flags"] = self._flags(idx, now_ns)
        for signal, flag in (("ecg", wire.HAS_ECG), ("ppg", wire.HAS_PPG)):
            age = _age_s(self._rings[signal].newest_ns(), idx, now_ns)
            rows[f"{signal}_age_s"] = age
            rows["flags"] |= np.where(np.isnan(age), 0, flag).astype(np.uint8)
        for r, index in enumerate(idx.tolist()):
            shown = self._shown.get(index)
            if shown:
                first = max(shown.values(), key=lambda alarm: (self._rank([alarm]), alarm.onset_ns))
                rows["priority"][r] = PRIORITIES.index(first.priority)
                rows["state"][r] = STATES.index(first.state)
                rows["n_alarms"][r] = len(shown)
                rows["urgency"][r] = self._ranks[index]
                rows["flags"][r] |= wire.LATCHED if first.latched else 0
        return rows

    def _flags(self, idx: NDArray[np.int64], now_ns: int) -> NDArray[np.uint8]:
        flags = np.zeros(len(idx), np.uint8)
        quality = self._values.get("ecg_quality")
        if quality is not None:
            fresh = quality.age_s(idx, now_ns) <= _STALE_S["ecg_quality"]
            flags[fresh & (quality.column(idx, 1) == 0)] |= wire.LEAD_OFF
            for c, flag in ((2, wire.FLAT), (3, wire.RAILED), (4, wire.NOISY)):
                flags[fresh & (quality.column(idx, c) == 1)] |= flag
        return flags

    def _detail_frame(self, index: int) -> bytes:
        idx, now = np.array([index], np.int64), self._clock()
        values = []
        for name, kept in sorted(self._values.items()):
            age = float(kept.age_s(idx, now)[0])
            if np.isnan(age):
                continue
            row = kept.values[index] if age <= _STALE_S.get(name, _OTHER_STALE_S) else []
            numbers = [float(v) if np.isfinite(v) else None for v in row]
            values.append({"name": name, "values": numbers, "age_s": round(age, 1)})
        return wire.encode_json({"type": "values", "participant": index, "values": values})

    def _new_rows(self, viewer: Viewer) -> list[bytes]:
        rows = []
        for index in viewer.watched:
            fill_s = DETAIL_FILL_S if index == viewer.detail else FILL_S
            for signal, rings in self._rings.items():
                generation, written = rings.state(index)
                known, start = viewer.sent.get((index, signal), (0, 0))
                if not generation or (known == generation and start >= written):
                    continue
                row = self._row(index, signal, start if known == generation else -1, fill_s)
                if row:
                    rows.append(row)
                    viewer.sent[index, signal] = (generation, written)
        return rows

    def _row(self, index: int, signal: str, start: int, fill_s: float) -> bytes:
        """Give a row from ``start`` on (-1: begin anew); one row for every page that needs it."""
        generation, _ = self._rings[signal].state(index)
        key = (index, signal, generation, start, int(fill_s))
        row = self._row_cache.get(key)
        if row is None:
            newest = int(self._rings[signal].newest_ns()[index])
            oldest = self._rings[signal].position(index, newest - round(fill_s * NS_PER_S))
            run = self._rings[signal].read(index, max(start, oldest, 0))
            row = b"" if run is None else wire.encode_wave_row(index, signal, run, begin=start < 0)
            self._row_cache[key] = row
        return row

    def _cut_strips(self, now_ns: int) -> None:
        for finding in list(self._strips_due.values()):
            # An onset that was dated back beyond the ring: show what led to the finding instead.
            recent = finding.t_ns - finding.at_ns < 20 * NS_PER_S
            at = finding.at_ns if recent else finding.t_ns
            index = self._index_of(finding.participant)
            end = at + 3 * NS_PER_S
            newest = self._rings["ecg"].newest_ns()
            there = index < len(newest) and newest[index] >= end
            if not there and now_ns < end + round(STRIP_WAIT_S * NS_PER_S):
                continue
            del self._strips_due[finding.id]
            strip = self.strip(finding.participant, at)
            if strip is None:
                continue
            strip = Strip(strip.participant, finding.at_ns, strip.t0_ns, strip.fs_hz, strip.scale,
                          strip.offset, strip.samples)  # fmt: skip
            self._strips[finding.id] = strip
            while len(self._strips) > MAX_STRIPS:
                self._strips.popitem(last=False)
            if self._on_strip is not None:
                self._on_strip(finding, strip)
            self._tell_history_changed(index)


def _age_s(t_ns: NDArray[np.int64], idx: NDArray[np.int64], now_ns: int) -> NDArray[np.float64]:
    """Give ages in seconds; NaN where nothing ever came, 0 for times in the future."""
    age = np.full(len(idx), np.nan)
    inside = np.flatnonzero(idx < len(t_ns))
    inside = inside[t_ns[idx[inside]] != 0]
    age[inside] = np.maximum((now_ns - t_ns[idx[inside]]) / NS_PER_S, 0.0)
    return age
