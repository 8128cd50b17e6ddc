"""Account of every channel: what came, was lost, doubled, late, out of order, and its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S, Block
from processors.signals import SIGNALS
from streams.roster import Roster
from streams.snapshot import same_layout

# One record per channel. Times are the channel's own device time, ns.
_CHANNEL: Final = np.dtype(
    [
        ("slot", np.int32),
        ("lane", np.int32),
        ("seen", np.bool_),
        ("fs_hz", np.float64),
        ("next_seq", np.int64),  # device's own count
        ("next_t_ns", np.int64),  # corrected time of the sample expected next (irregular: last + 1)
        ("step_ns", np.int64),  # irregular: last interval
        ("clock_shift_ns", np.int64),  # added to device time after its clock jumped back
        ("begun_ns", np.int64),  # device time of the first sample since the count began
        ("stepped_ns", np.int64),  # corrected time minus count at the last step of the clock
        ("seq_shift", np.int64),  # added to the device's count: time lost without a count, restarts
        ("n_held", np.int32),
        # counters
        ("samples", np.int64),
        ("gaps", np.int64),
        ("lost", np.int64),
        ("duplicates", np.int64),
        ("out_of_order", np.int64),
        ("late", np.int64),
        ("missing", np.int64),
        ("implausible", np.int64),
        ("clock_jumps", np.int64),
        ("clock_offset_ns", np.int64),  # received - device time of the newest sample, last seen
        ("clock_offset_min_ns", np.int64),  # smallest ever: offset plus the shortest transport
    ]
)

# A lane is what a processor sees of one signal of one participant: one device at a time.
_LANE: Final = np.dtype(
    [
        ("owner", np.int32),
        ("next_seq", np.int64),
        ("next_t_ns", np.int64),
        ("heard_ns", np.int64),  # tick at which the owner was last heard; `SINCE_TICK`: after it
    ]
)
SINCE_TICK: Final = -1

COUNTERS: Final = (
    *("samples", "gaps", "lost", "duplicates", "out_of_order", "late"),
    *("missing", "implausible", "clock_jumps"),
)


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """Counters of one channel; `clock_offset_s` is the bridge's clock minus the device's."""

    participant: str
    signal: str
    variant: str
    device: str
    counters: dict[str, int]
    clock_offset_s: float


@dataclass(frozen=True, slots=True)
class Route:
    """Where a block's rows go: channels, slots int32 ``[r]``; distinct: no channel twice."""

    channels: NDArray[np.int32]
    slots: NDArray[np.int32]
    distinct: bool


class Channels:
    """All channels of all participants, as one structured array that grows.

    Attributes
    ----------
    table
        One record per channel; it is replaced when it grows, so take it anew for each call.
    lanes
        One record per (participant, signal, variant).
    """

    # Blocks of a gateway repeat the same rows; a list of all participants may be long.
    _MAX_ROUTES: Final = 64

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.table: NDArray[Any] = np.zeros(0, _CHANNEL)
        self.lanes: NDArray[Any] = np.zeros(0, _LANE)
        self._keys: list[tuple[str, str, str, str] | None] = []
        self._index: dict[tuple[str, str, str, str], int] = {}
        self._lane_index: dict[tuple[int, str, str], int] = {}
        self._free: list[int] = []
        self._free_lanes: list[int] = []
        # In the order of last use: rare row lists must not push out those of every block.
        self._routes: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], Route] = {}

    @property
    def n_routes(self) -> int:
        """How many row lists are remembered."""
        return len(self._routes)

    def route(self, block: Block) -> Route:
        """Give the channels and slots of a block's rows, enrolling what is new."""
        key = (block.signal, block.variant, block.participants, block.devices)
        route = self._routes.pop(key, None)
        if route is None:
            names = zip(block.participants, block.devices, strict=True)
            is_first = block.variant == SIGNALS[block.signal].variants[0].name
            variant = "" if is_first else block.variant  # one channel under either name
            channels = [self._channel(p, block.signal, variant, d) for p, d in names]
            index = np.array(channels, np.int32)
            distinct = len(set(channels)) == len(channels)
            route = Route(index, self.table["slot"][index].astype(np.int32), distinct)
            while len(self._routes) >= self._MAX_ROUTES:
                del self._routes[next(iter(self._routes))]
        self._routes[key] = route
        return route

    def _channel(self, participant: str, signal: str, variant: str, device: str) -> int:
        key = (participant, signal, variant, device)
        channel = self._index.get(key)
        if channel is None:
            slot = self._roster.enrol(participant)
            channel = self._free.pop() if self._free else len(self._keys)
            if channel == len(self._keys):
                self._keys.append(None)
            self.table = _with_room(self.table, channel)
            self.table[channel] = np.zeros((), _CHANNEL)
            self.table["slot"][channel] = slot
            self.table["lane"][channel] = self._lane(slot, signal, variant)
            self.table["clock_offset_min_ns"][channel] = np.iinfo(np.int64).max
            self._keys[channel] = key
            self._index[key] = channel
        return channel

    def _lane(self, slot: int, signal: str, variant: str) -> int:
        key = (slot, signal, variant)
        lane = self._lane_index.get(key)
        if lane is None:
            lane = self._free_lanes.pop() if self._free_lanes else len(self._lane_index)
            self.lanes = _with_room(self.lanes, lane)
            self.lanes[lane] = np.zeros((), _LANE)
            self.lanes["owner"][lane] = -1
            self.lanes["heard_ns"][lane] = SINCE_TICK
            self._lane_index[key] = lane
        return lane

    def stale_after_ns(self, channel: int) -> int:
        """Silence after which another device may take the lane of this channel."""
        key = self._keys[channel]
        if key is None:
            raise LookupError(f"channel {channel} is free")
        stale_s = SIGNALS[key[1]].variant(key[2]).stale_after_s
        return int(min(stale_s, 1e9) * NS_PER_S)

    def release(self, participant: str, slot: int) -> list[int]:
        """Forget a participant's channels and give their numbers."""
        gone = [channel for key, channel in self._index.items() if key[0] == participant]
        for channel in gone:
            key = self._keys[channel]
            if key is not None:
                del self._index[key]
            self._keys[channel] = None
            self._free.append(channel)
        for lane_key in [key for key in self._lane_index if key[0] == slot]:
            self._free_lanes.append(self._lane_index.pop(lane_key))
        self._routes.clear()
        return gone

    def note_arrival(
        self, channels: NDArray[np.int32], newest_ns: NDArray[np.int64], received_ns: int
    ) -> None:
        """Record the clock offset of channels whose newest device time has just been received."""
        offset = received_ns - newest_ns
        self.table["clock_offset_ns"][channels] = offset
        np.minimum.at(self.table["clock_offset_min_ns"], channels, offset)

    def reports(self) -> list[ChannelReport]:
        """Give the account of every channel, ordered by participant, signal and device."""
        found = []
        for key, channel in sorted(self._index.items()):
            participant, signal, variant, device = key
            record = self.table[channel]
            offset = int(record["clock_offset_min_ns"])
            known = offset != np.iinfo(np.int64).max
            found.append(
                ChannelReport(
                    participant,
                    signal,
                    variant,
                    device,
                    {name: int(record[name]) for name in COUNTERS},
                    offset / NS_PER_S if known else 0.0,
                )
            )
        return found

    def totals(self) -> dict[str, int]:
        """Give the sum of each counter over all channels."""
        used = np.fromiter(self._index.values(), np.int64)
        return {name: int(self.table[name][used].sum()) for name in COUNTERS}

    def snapshot(self) -> dict[str, Any]:
        """Give all that it knows, as plain values (`streams.snapshot`)."""
        n_lanes = len(self._lane_index) + len(self._free_lanes)
        return {
            "table": self.table[: len(self._keys)].copy(),
            "lanes": self.lanes[:n_lanes].copy(),
            "keys": [None if key is None else list(key) for key in self._keys],
            "lane_of": [[*key, lane] for key, lane in self._lane_index.items()],
            "free": list(self._free),
            "free_lanes": list(self._free_lanes),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know what a snapshot knows, and nothing else; the roster has been restored before.

        Raises
        ------
        SnapshotError
            It was taken by a version whose account has another layout.
        """
        self.table = same_layout("channels", state["table"], _CHANNEL)
        self.lanes = same_layout("lanes", state["lanes"], _LANE)
        self._keys = [None if key is None else _key(key) for key in state["keys"]]
        self._index = {key: k for k, key in enumerate(self._keys) if key is not None}
        self._lane_index = {
            (slot, signal, variant): lane for slot, signal, variant, lane in state["lane_of"]
        }
        self._free, self._free_lanes = list(state["free"]), list(state["free_lanes"])
        self._routes.clear()


def _key(fields: list[str]) -> tuple[str, str, str, str]:
    participant, signal, variant, device = fields
    return participant, signal, variant, device


def _with_room(table: NDArray[Any], index: int) -> NDArray[Any]:
    if index < len(table):
        return table
    grown = np.zeros(max(index + 1, 2 * len(table), 64), table.dtype)
    grown[: len(table)] = table
    return grown
