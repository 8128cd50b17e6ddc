"""What a monitor shares with others through the live state; it goes on when that is lost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from alerts.alarm import Alarm
from alerts.holds import Held
from streams.bus.partitions import partition_of
from streams.live_state import LiveState, LiveStateError, Snapshot
from streams.monitor.alarm_log import AlarmLog

_log = logging.getLogger(__name__)

THERE_S: Final = 15.0  # a monitor that says nothing for so long has gone
NOTE_S: Final = 1.0  # between two notes of what was read

_One = TypeVar("_One", Alarm, Held)


class Sharing:
    """Notes in the live state what this monitor has read, and that it is there.

    Parameters
    ----------
    name
        Of this monitor, different from that of every other.

    Attributes
    ----------
    problem
        Why nothing is shared now; empty when all is well.
    others
        The monitors that are there, this one among them.
    """

    def __init__(self, state: LiveState, name: str, n_partitions: int) -> None:
        self.problem = ""
        self.others: dict[str, str] = {}
        self._state = state
        self._name = name
        self._n_partitions = n_partitions
        self._noted: dict[int, int] = {}
        self._changed: dict[str, Alarm] = {}
        self._held: dict[str, Held] = {}

    async def snapshots(self) -> dict[int, Snapshot]:
        """Give what another monitor has noted; nothing where the live state cannot be read."""
        try:
            return await self._state.snapshots()
        except LiveStateError as error:
            self._fail(error)
            return {}

    async def forget(self, partition: int) -> None:
        """Forget a partition whose log is another one."""
        try:
            await self._state.forget(partition)
        except LiveStateError as error:
            self._fail(error)

    def begin(self, offsets: dict[int, int]) -> None:
        """Note from which offsets of the log on this monitor reads."""
        self._noted = dict(offsets)

    def note(self, alarms: Iterable[Alarm], held: Iterable[Held]) -> None:
        """Remember what has changed, for the next time that it is shared."""
        self._changed.update((alarm.id, alarm) for alarm in alarms)
        self._held.update((one.participant, one) for one in held)

    async def share(self, log: AlarmLog, offsets: dict[int, int], about: str) -> None:
        """Share what was read up to these offsets, and that this monitor is there."""
        changed, self._changed = self._changed, {}
        held, self._held = self._held, {}
        log_alarms, log_held = dict(log.alarms), dict(log.held)
        try:
            for partition, offset in dict(offsets).items():
                first = self._noted.get(partition, 0)
                now = Snapshot(
                    offset,
                    self._of(partition, changed),
                    self._of(partition, held),
                )
                if not await self._state.advance(partition, first, now):
                    whole = Snapshot(
                        offset, self._of(partition, log_alarms), self._of(partition, log_held)
                    )
                    await self._state.replace(partition, whole)
                self._noted[partition] = offset
            await self._state.appear(self._name, about, THERE_S)
            self.others = await self._state.present()
        except LiveStateError as error:
            self._changed, self._held = changed | self._changed, held | self._held
            self._fail(error)
        else:
            if self.problem:
                _log.warning("live state=there again")
            self.problem = ""

    async def tell(self, **what: str) -> None:
        """Tell the other monitors something now."""
        try:
            await self._state.tell(json.dumps({"from": self._name, **what}))
        except LiveStateError as error:
            self._fail(error)

    async def hear(self, use: Callable[[dict[str, str]], None]) -> None:
        """Hear what other monitors tell, for as long as it runs."""
        while True:
            try:
                listener = await self._state.listen()
                try:
                    while True:
                        for text in await listener.heard(NOTE_S):
                            what = _message(text)
                            if what and what.get("from") != self._name:
                                use(what)
                finally:
                    await listener.close()
            except LiveStateError as error:
                self._fail(error)
                await asyncio.sleep(NOTE_S)

    async def close(self) -> None:
        """Say that this monitor has gone."""
        try:
            await self._state.leave(self._name)
        except LiveStateError as error:
            self._fail(error)
        await self._state.close()

    def _of(self, partition: int, several: Mapping[str, _One]) -> list[_One]:
        return [
            one
            for one in several.values()
            if partition_of(one.participant, self._n_partitions) == partition
        ]

    def _fail(self, error: Exception) -> None:
        if not self.problem:
            _log.warning("live state=lost problem=%s", error)
        self.problem = f"nothing is shared with other monitors: {error}"


def _message(text: str) -> dict[str, str]:
    """Read what was told; empty for what no monitor of this version says."""
    try:
        what = json.loads(text)
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in what.items()} if isinstance(what, dict) else {}
