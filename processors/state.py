"""State of a processor: one structured record per slot, so that a kernel finds it together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def take_records(records: NDArray[Any], index: NDArray[np.int32]) -> NDArray[Any]:
    """Give a copy of the records at these places.

    Indexing alone would copy field by field, which takes ten times as long.
    """
    whole = records.view(f"V{records.dtype.itemsize}")
    return whole[index].view(records.dtype)


def put_records(records: NDArray[Any], index: NDArray[np.int32], values: NDArray[Any]) -> None:
    """Put copies of records at these places; as fast as `take_records`."""
    whole = f"V{records.dtype.itemsize}"
    records.view(whole)[index] = values.view(whole)


class SlotState:
    """Records by slot that grow with the roster and can be cleared, copied and put back.

    A record of all zero bytes is the state of a participant never seen; kernels start from it.

    Attributes
    ----------
    records
        Structured array ``[n_slots]``; kernels index it with `Batch.slots`. It is replaced when it
        grows, so take it anew for each call.
    """

    def __init__(self, fields: DTypeLike) -> None:
        self.dtype = np.dtype(fields, align=True)
        self.records: NDArray[Any] = np.zeros(0, self.dtype)

    def cover(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        """Give the records after making room for the highest of these slots."""
        needed = int(slots.max(initial=-1)) + 1
        if needed > len(self.records):
            grown = np.zeros(max(needed, 2 * len(self.records), 16), self.dtype)
            grown[: len(self.records)] = self.records
            self.records = grown
        return self.records

    def forget(self, slots: NDArray[np.int32]) -> None:
        self.cover(slots)[slots] = np.zeros((), self.dtype)

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        return take_records(self.cover(slots), slots)

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None:
        put_records(self.cover(slots), slots, np.ascontiguousarray(state))


class KeepsState:
    """The part of a `Processor` that handles its state, where one `SlotState` is all of it."""

    _state: SlotState

    def forget(self, slots: NDArray[np.int32]) -> None:
        """Return these slots to the state of a participant never seen."""
        self._state.forget(slots)

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        """Give a copy of the state of these slots."""
        return self._state.snapshot(slots)

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None:
        """Put a snapshot back into these slots."""
        self._state.restore(slots, state)
