"""Who sits in which slot: participants come, go, and leave their slot to somebody else."""

from __future__ import annotations

import heapq
from collections.abc import ItemsView, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Roster:
    """Dense slot numbers of participants; the lowest free slot is given first."""

    def __init__(self) -> None:
        self._slot_of: dict[str, int] = {}
        self._names: list[str | None] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slot_of)

    def __contains__(self, participant: object) -> bool:
        return participant in self._slot_of

    @property
    def n_slots(self) -> int:
        """Slots ever used: the length that arrays by slot need."""
        return len(self._names)

    def enrol(self, participant: str) -> int:
        """Give the slot of a participant, a new one if there is none yet."""
        slot = self._slot_of.get(participant)
        if slot is None:
            if self._free:
                slot = heapq.heappop(self._free)
            else:
                slot = len(self._names)
                self._names.append(None)
            self._names[slot] = participant
            self._slot_of[participant] = slot
        return slot

    def enrol_all(self, participants: Iterable[str]) -> NDArray[np.int32]:
        """Give the slots of many participants: int32 ``[n]``."""
        return np.fromiter(map(self.enrol, participants), np.int32)

    def release(self, participant: str) -> int | None:
        """Free a participant's slot for reuse and give it; None if there is no such participant."""
        slot = self._slot_of.pop(participant, None)
        if slot is not None:
            self._names[slot] = None
            heapq.heappush(self._free, slot)
        return slot

    def slot(self, participant: str) -> int | None:
        return self._slot_of.get(participant)

    def name(self, slot: int) -> str:
        """Name the participant of a slot; LookupError if the slot is free."""
        name = self._names[slot]
        if name is None:
            raise LookupError(f"slot {slot} has no participant")
        return name

    def items(self) -> ItemsView[str, int]:
        """Give participants with their slots."""
        return self._slot_of.items()

    def names(self, slots: Sequence[int] | NDArray[np.int32]) -> list[str]:
        return [self.name(int(slot)) for slot in slots]

    def snapshot(self) -> dict[str, Any]:
        """Give all that it knows, as plain values (`streams.snapshot`)."""
        return {"names": list(self._names), "free": list(self._free)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know what a snapshot knows, and nothing else."""
        self._names, self._free = list(state["names"]), list(state["free"])
        self._slot_of = {name: k for k, name in enumerate(self._names) if name is not None}
