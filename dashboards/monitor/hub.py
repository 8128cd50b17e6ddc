"""The live view in memory: last traces, last values, open alarms, for pages that are open now.

Nothing here is kept: a restart begins empty and stores hold what must last. Every method is to be
called on the event loop that serves the page; an engine in another thread hands over with
``loop.call_soon_threadsafe(hub.on_block, block)``. No method blocks or awaits.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dashboards.monitor import wire
from dashboards.monitor.alarm_view import (
    AlarmView,
    HoldsView,
    Rank,
    as_json,
    holds_json,
    is_shown,
    urgency,
)
from dashboards.monitor.history import MAX_FINDINGS, ParticipantHistory, Strip
from dashboards.monitor.latest import LatestValues
from dashboards.monitor.rings import TraceRings
from dashboards.monitor.strips import AFTER_S, BEFORE_S, StripDesk, cut
from dashboards.monitor.summary import summary_rows
from dashboards.monitor.viewer import Viewer
from processors.records import NS_PER_S, Block, Finding

FILL_S = 12.0  # s of trace a tile gets at once; the widest tile shows less
DETAIL_FILL_S = 28.0  # s for the participant view; a 4K screen is 40 s wide, the ring holds 30
STATUS_STALE_S = 3.0  # s without word from the engine until the page says so
MAX_PARTICIPANTS = 65_536  # the index on the wire has 16 bits


class ParticipantView(Protocol):
    """What is shown of a participant; `registry.participants.Participant` is one."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...


class Hub:
    """Everything an open page needs, and the pages that are open.

    Parameters
    ----------
    clock
        Gives "now" in ns on the time base of the samples; ages are counted from it. A replay of
        a recording with times of its own gives its own clock.
    seconds
        Gives seconds that only go forward; the silence of the engine is counted with it.
    simulated
        Whether the page says that the data are simulated.
    rank
        Orders participants by their open alarms.
    on_strip
        Called with a finding and its strip once the strip is complete, for a store to keep.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.time_ns,
        *,
        seconds: Callable[[], float] = time.monotonic,
        simulated: bool = False,
        rank: Rank = urgency,
        on_strip: Callable[[Finding, Strip], None] | None = None,
    ) -> None:
        self.simulated = simulated
        self.viewers: set[Viewer] = set()
        self._clock = clock
        self._seconds = seconds
        self._rank = rank
        self._index: dict[str, int] = {}
        self._people: list[dict[str, Any]] = []
        self._listed: NDArray[np.int64] = np.zeros(0, np.int64)
        self._people_changed = False
        self._rings = {signal: TraceRings(signal) for signal in wire.WAVE_SIGNALS}
        self._latest = LatestValues()
        self._alarms: dict[str, AlarmView] = {}
        self._shown: dict[int, dict[str, AlarmView]] = {}
        self._holds: dict[int, dict[str, Any]] = {}  # of those who have any
        self._past_alarms: dict[int, OrderedDict[str, AlarmView]] = {}
        self._findings: dict[int, OrderedDict[str, Finding]] = {}
        self._desk = StripDesk(self._rings["ecg"], on_strip)
        self._status: dict[str, Any] = {"phase": "starting", "lag_s": None, "detail": ""}
        self._status_t = self._seconds()
        self._summary = b""
        self._summary_number = 0
        self._row_cache: dict[tuple[int, str, int, int, int], bytes] = {}

    # --- what the system tells -------------------------------------------------------------------

    def set_participants(self, participants: Sequence[ParticipantView]) -> None:
        """Set who is listed. A known id keeps its index; who is left out is no longer shown."""
        for each in participants:
            person = self._people[self._index_of(each.id)]
            person.update(name=each.name or each.id, group=each.group)
        listed = {self._index[each.id] for each in participants}
        self._listed = np.array(sorted(listed), np.int64)
        self._people_changed = True
        self.advance()

    def set_status(self, lag_s: float, phase: str, detail: str = "") -> None:
        """Say how the engine does; call it at least once a second.

        Parameters
        ----------
        lag_s
            How far its results are behind now; NaN when not known.
        phase
            ``starting``, ``compiling`` (raw traces only), ``live``, ``catching_up``, ``ended``,
            ``failed`` (it has stopped; the page says so in a banner).
        detail
            What is amiss, such as a store that fails, for the page and `trouble`; or empty.
        """
        lag = round(float(lag_s), 2) if np.isfinite(lag_s) else None
        self._status = {"phase": phase, "lag_s": lag, "detail": detail}
        self._status_t = self._seconds()

    def on_block(self, block: Block) -> None:
        """Take raw samples; signals that are not drawn are ignored. No Python work per sample."""
        rings = self._rings.get(block.signal)
        if rings is None or not block.n_rows:
            return
        self._row_cache.clear()
        rings.add(self._indices(block.participants), block, self._clock())

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
        if len(participants):
            self._latest.put(name, self._indices(participants), values, t_ns, self._clock())

    def on_findings(self, findings: Sequence[Finding]) -> None:
        """Take new or amended findings; the strip of each is cut once its samples are there."""
        for finding in findings:
            index = self._index_of(finding.participant)
            kept = self._findings.setdefault(index, OrderedDict())
            if finding.id not in kept:
                self._desk.order(index, finding)
            kept[finding.id] = finding
            while len(kept) > MAX_FINDINGS:
                kept.popitem(last=False)
            self._tell_history_changed(index)

    def on_alarms(self, alarms: Sequence[AlarmView]) -> None:
        """Take what is new or has changed, each alarm in its newest state; a step's all at once."""
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
                past = self._past_alarms.setdefault(index, OrderedDict())
                past[alarm.id] = alarm
                while len(past) > MAX_FINDINGS:
                    past.popitem(last=False)
        self._announce_people()
        rows = np.array(sorted(set(touched)), np.int64)
        told = [self._alarm_json(alarm) for alarm in alarms]
        frame = wire.encode_json({"type": "alarms", "alarms": told})
        self._offer_all(frame + wire.encode_summary(self._rows(rows, self._clock())))
        for index in rows.tolist():
            self._tell_history_changed(index)

    def on_holds(self, several: Iterable[HoldsView]) -> None:
        """Take what keeps alarms of participants back or quiet, all of it of each participant."""
        told = []
        for holds in several:
            index = self._index_of(holds.participant)
            plain = holds_json(holds, index)
            told.append(plain)
            if plain["suspensions"] or plain["inactivations"]:
                self._holds[index] = plain
            else:
                self._holds.pop(index, None)
        if told:
            self._announce_people()
            self._offer_all(wire.encode_json({"type": "holds", "holds": told}))

    def on_asked(self, alarm_id: str) -> None:
        """Take that somebody has acknowledged an alarm and the answer is still to come."""
        if alarm_id in self._alarms:
            self._offer_all(wire.encode_json({"type": "asked", "alarm": alarm_id}))

    def advance(self, now_ns: int | None = None) -> None:
        """Make the summary of this second and cut strips that are due; the app calls it at 1 Hz."""
        now = self._clock() if now_ns is None else now_ns
        self._announce_people()
        for index in self._desk.cut_due(now):
            self._tell_history_changed(index)
        status = wire.encode_json({"type": "status", "now_ms": now / 1e6, **self.status()})
        self._summary = status + wire.encode_summary(self._rows(self._listed, now))
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
            "participants": self._people_json(),
            "alarms": [self._alarm_json(alarm) for alarm in self._alarms.values()],
            "holds": list(self._holds.values()),
            "now_ms": self._clock() / 1e6,
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
                values = self._latest.listing(viewer.detail, self._clock())
                told = {"type": "values", "participant": viewer.detail, "values": values}
                frames.append(wire.encode_json(told))
        rows = self._new_rows(viewer)
        if rows:
            frames.append(wire.encode_waves(rows))
        return b"".join(frames)

    def alarm(self, alarm_id: str) -> AlarmView | None:
        """Give an open alarm by its id."""
        return self._alarms.get(alarm_id)

    def participant(self, index: int) -> str | None:
        """Give the id of a participant by the index on the wire; None when there is none."""
        return self._people[index]["id"] if index < len(self._people) else None

    def knows(self, participant: str) -> bool:
        """Tell whether a participant is known by this id."""
        return participant in self._index

    def status(self) -> dict[str, Any]:
        """Give the last word of the engine, and how old it is when it is overdue."""
        silent_s = self._seconds() - self._status_t
        overdue = round(silent_s, 1) if silent_s > STATUS_STALE_S else None
        return {**self._status, "silent_s": overdue}

    def trouble(self) -> str:
        """Say what is wrong with the engine or what it told of, empty when all is well."""
        told = self.status()
        detail = str(told["detail"]).strip()
        if told["phase"] == "failed":
            return f"engine stopped: {detail}" if detail else "engine stopped"
        if told["silent_s"] is not None:
            return f"no word from the engine for {told['silent_s']} s"
        return detail

    def newest_sample_age_s(self) -> float | None:
        """Give the age of the last sample that came of anybody; None when none ever came."""
        newest = max(int(rings.heard_ns().max(initial=0)) for rings in self._rings.values())
        return round(max(self._clock() - newest, 0) / NS_PER_S, 1) if newest else None

    def recent(self, participant: str) -> ParticipantHistory:
        """Give findings, alarms and strips of one participant as far as memory goes."""
        index = self._index.get(participant, -1)
        findings = self._findings.get(index, OrderedDict())
        past = self._past_alarms.get(index, OrderedDict())
        alarms = (*past.values(), *self._shown.get(index, {}).values())
        return ParticipantHistory(list(findings.values()), alarms, self._desk.strips(findings))

    def strip(
        self, participant: str, at_ns: int, before_s: float = BEFORE_S, after_s: float = AFTER_S
    ) -> Strip | None:
        """Cut ECG out of the last 30 s; None when none of the time asked for is there."""
        index = self._index.get(participant)
        if index is None:
            return None
        return cut(self._rings["ecg"], index, participant, at_ns, before_s, after_s)

    # --- inside ----------------------------------------------------------------------------------

    def _index_of(self, participant: str) -> int:
        index = self._index.get(participant)
        if index is None:
            if len(self._people) >= MAX_PARTICIPANTS:
                raise ValueError(f"the monitor shows at most {MAX_PARTICIPANTS} participants")
            # Data of somebody nobody announced must be seen, not hidden: listed by id.
            index = self._index[participant] = len(self._people)
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

    def _alarm_json(self, alarm: AlarmView) -> dict[str, Any]:
        return as_json(alarm, self._index[alarm.participant], self._rank([alarm])[0])

    def _rows(self, idx: NDArray[np.int64], now_ns: int) -> NDArray[Any]:
        return summary_rows(idx, now_ns, self._latest, self._rings, self._shown, self._rank)

    def _announce_people(self) -> None:
        if self._people_changed:
            self._people_changed = False
            told = {
                "type": "participants",
                "participants": self._people_json(),
                "simulated": self.simulated,
            }
            self._offer_all(wire.encode_json(told))

    def _offer_all(self, frame: bytes) -> None:
        for viewer in self.viewers:
            viewer.offer(frame)

    def _tell_history_changed(self, index: int) -> None:
        watching = [viewer for viewer in self.viewers if viewer.detail == index]
        if watching:
            frame = wire.encode_json({"type": "history", "participant": index})
            for viewer in watching:
                viewer.offer(frame)

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
        rings = self._rings[signal]
        key = (index, signal, rings.state(index)[0], start, int(fill_s))
        row = self._row_cache.get(key)
        if row is None:
            newest = int(rings.newest_ns()[index])
            oldest = rings.position(index, newest - round(fill_s * NS_PER_S))
            run = rings.read(index, max(start, oldest, 0))
            row = b"" if run is None else wire.encode_wave_row(index, signal, run, begin=start < 0)
            self._row_cache[key] = row
        return row
