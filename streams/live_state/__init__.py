"""What several monitors share while they run: open alarms, who is there, what is on its way.

None of it is the truth. Alarms are kept on `vitals.alarms` and in the stores; here they are so that
a monitor that starts need not read days of changes. Back ends are `streams.live_state.memory` and
`streams.live_state.redis`, held to one contract suite. What fails raises `LiveStateError`, and the
monitor goes on without.

The state of a partition follows from its part of the log up to an offset, whoever writes it: each
monitor notes each stretch that it has read, and a stretch that was noted changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.alarm import Alarm
from alerts.holds import Held
from processors.errors import PlaceError


class LiveStateError(PlaceError, ConnectionError):
    """The live state cannot be reached now."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The open alarms of a partition after the records before an offset of `vitals.alarms`.

    Attributes
    ----------
    held
        Of those who have any.
    """

    offset: int
    alarms: Sequence[Alarm] = ()
    held: Sequence[Held] = ()


class Listener(Protocol):
    """Hears what is told from when it was made on."""

    async def heard(self, timeout_s: float) -> list[str]:
        """Give what was told since the last call; nothing when nothing was in time."""
        ...

    async def close(self) -> None: ...


class LiveState(Protocol):
    """What every back end can do."""

    async def advance(self, partition: int, first: int, now: Snapshot) -> bool:
        """Note what a stretch of the log has changed.

        Parameters
        ----------
        first
            Offset at which the stretch begins.
        now
            After it: the alarms and holds that it changed; those that have ended go.

        Returns
        -------
        bool
            False: what lies before the stretch is not known here; `replace` has to follow.
        """
        ...

    async def replace(self, partition: int, whole: Snapshot) -> None:
        """Note all that is open in a partition, unless a later offset is known."""
        ...

    async def snapshots(self) -> dict[int, Snapshot]:
        """Give what is known, by partition."""
        ...

    async def forget(self, partition: int) -> None:
        """Forget a partition, for its log is another one."""
        ...

    async def appear(self, name: str, about: str, for_s: float) -> None:
        """Say that a monitor is there, for so long."""
        ...

    async def leave(self, name: str) -> None:
        """Say that a monitor has gone."""
        ...

    async def present(self) -> dict[str, str]:
        """Give the monitors that are there, by name, with what they said of themselves."""
        ...

    async def tell(self, text: str) -> None:
        """Tell all who listen now; nobody else will hear it."""
        ...

    async def listen(self) -> Listener:
        """Begin to listen."""
        ...

    async def close(self) -> None: ...
