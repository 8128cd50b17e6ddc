"""Time passes for alarms: each strand as far as the findings are known that can still change it."""

from __future__ import annotations

from functools import partial

from alerts.alarm import AlarmChange
from alerts.lifecycle import AlarmCore
from streams.engine import Engine
from streams.merge import NEVER


class AlarmClock:
    """The deadlines of an alarm core, by the horizons of an engine.

    A deadline waits for the detectors of its strand and those that could hold it back, and for no
    others: an electrode that is off is told while the ECG is still being merged with a slower
    signal. How the input was cut does not matter, for a deadline passes by what is known and not
    by when that came; only where a signal stops does the clock decide.
    """

    def __init__(self, engine: Engine, alarms: AlarmCore) -> None:
        self._engine = engine
        self._alarms = alarms

    def tick(self, until_ns: int) -> list[AlarmChange]:
        """Let deadlines pass for everybody; all findings given so far must have been applied.

        Parameters
        ----------
        until_ns
            The time of whose devices nothing has come yet: alarms taken over from before a restart
            and what persons made quiet end for them too.
        """
        changes: list[AlarmChange] = []
        clock_ns = self._engine.clock_ns().tolist()
        known: dict[str, list[int]] = {}
        for participant in self._alarms.participants():
            slot = self._engine.roster.slot(participant)
            if slot is None or slot >= len(clock_ns) or clock_ns[slot] == NEVER:
                changes += self._alarms.tick_unseen(participant, until_ns)
                continue
            known_ns = partial(self._known_ns, known, slot)
            changes += self._alarms.tick_known(participant, clock_ns[slot], known_ns)
        return changes

    def now_ns(self, participant: str, strand: str) -> int:
        """Give up to when findings of a strand are known; `NEVER`: of nobody seen."""
        slot = self._engine.roster.slot(participant)
        known_ns = self._engine.known_ns(self._alarms.policy.waits[strand])
        return int(known_ns[slot]) if slot is not None and slot < len(known_ns) else NEVER

    def _known_ns(self, known: dict[str, list[int]], slot: int, strand: str) -> int:
        """Give it for one strand and slot; worked out once for all slots, and only if asked for."""
        if strand not in known:
            known[strand] = self._engine.known_ns(self._alarms.policy.waits[strand]).tolist()
        return known[strand][slot]
