"""The way from a device to the engine: what is lost, doubled, late or out of order."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.pacing import pack_all
from device_bridges.simulator.clocks import ALL_SIGNALS, clock_events, offsets_s
from device_bridges.simulator.events import Kind
from device_bridges.simulator.plan import Plan, Sensor
from processors.kernels.draw import uniform
from processors.records import NS_PER_MS, NS_PER_S, Block, Chunk

PACKET_NS = 200 * NS_PER_MS  # what a device sends at once: lost, doubled and delayed as a whole
_SHUFFLED_NS = (250 * NS_PER_MS, 650 * NS_PER_MS)  # default: behind one to three later packets
_LOST, _DOUBLED, _HELD, _HOW_LONG = 900, 901, 902, 903  # streams of random numbers
_SIGNAL_STREAMS = 16  # streams of one signal are this far apart from those of the next


@dataclass(slots=True)
class Account:
    """Samples of all signals so far: measured, and what faults of the script did to them."""

    measured: int = 0
    silenced: int = 0
    dropped: int = 0
    doubled: int = 0

    @property
    def sent(self) -> int:
        """Samples that are on their way or have arrived, repetitions included."""
        return self.measured - self.silenced - self.dropped + self.doubled


class Outbox:
    """Chunks on their way, given out when they are due."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Chunk]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, due_ns: int, chunk: Chunk) -> None:
        heapq.heappush(self._waiting, (due_ns, self._count, chunk))
        self._count += 1

    def take(self, until_ns: int) -> list[Block]:
        """Give what is due before or at a time, packed into blocks, in the order of dues.

        A block holds one chunk of a channel, so that what overtakes what stays as it was sent.
        """
        chunks = []
        while self._waiting and self._waiting[0][0] <= until_ns:
            chunks.append(heapq.heappop(self._waiting)[2])
        return [block for group in _rounds(chunks) for block in pack_all(group)]


def _rounds(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """Part chunks into groups that hold each channel once, in order."""
    rounds: list[list[Chunk]] = []
    met: dict[tuple[str, str, str], int] = {}
    for chunk in chunks:
        channel = chunk.participant, chunk.signal, chunk.device
        turn = met.get(channel, 0)
        met[channel] = turn + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(chunk)
    return rounds


class Way:
    """What happens to the packets of one sensor.

    Parameters
    ----------
    outbox
        Where everything goes that does not arrive at once.
    account
        Where it is counted.
    """

    def __init__(self, plan: Plan, sensor: Sensor, outbox: Outbox, account: Account) -> None:
        index = plan.signal_names.index(sensor.signal)
        place = np.full(plan.n, -1)
        place[sensor.slots] = np.arange(len(sensor.slots))
        events = plan.events
        mine = (events["kind"] >= Kind.SILENT) & (place[events["slot"]] >= 0)
        mine &= (events["signal"] == ALL_SIGNALS) | (events["signal"] == index)
        events = events[mine]
        self._clocks = clock_events(events)
        self._clock_rows = place[self._clocks["slot"]]
        self._faults = events[events["kind"] <= Kind.SHUFFLED]
        self._fault_rows = place[self._faults["slot"]]
        self._seeds = plan.people["seed"][sensor.slots]
        self._stream = _SIGNAL_STREAMS * index
        self._outbox = outbox
        self._account = account

    def clock_ns(self, t_s: float) -> NDArray[np.int64] | None:
        """Give how far each row's device clock is ahead, int64 ``[k]``; None: nobody's is."""
        if not len(self._clocks):
            return None
        ahead_s = np.zeros(len(self._seeds))
        np.add.at(ahead_s, self._clock_rows, offsets_s(self._clocks, t_s))
        return np.rint(ahead_s * NS_PER_S).astype(np.int64)

    def troubled(self, from_s: float, to_s: float) -> dict[int, NDArray[Any]]:
        """Give the faults that are on in a span, by row of the sensor."""
        if not len(self._faults):
            return {}
        on = np.flatnonzero((self._faults["start_s"] < to_s) & (self._faults["end_s"] > from_s))
        found: dict[int, list[int]] = {}
        for event in on.tolist():
            found.setdefault(int(self._fault_rows[event]), []).append(event)
        return {row: self._faults[events] for row, events in found.items()}

    def send(
        self,
        chunk: Chunk,
        t_s: NDArray[np.float64],
        row: int,
        faults: NDArray[Any],
        span_ns: tuple[int, int],
    ) -> Chunk | None:
        """Send one row's chunk; give what of it arrives at once, the rest is in the outbox.

        Parameters
        ----------
        t_s
            float64 ``[n]``: the true time of each sample, s since the start.
        span_ns
            The true span in which it was measured, ns since the start; it is sent at its end.
        """
        from_ns, sent_ns = span_ns
        packet = from_ns // PACKET_NS
        kept = _heard(chunk, t_s, faults[faults["kind"] == Kind.SILENT])
        self._account.silenced += len(t_s) - (0 if kept is None else len(kept.samples))
        if kept is None:
            return None
        if self._strikes(faults, Kind.DROPOUTS, row, packet, _LOST):
            self._account.dropped += len(kept.samples)
            return None
        if self._strikes(faults, Kind.DUPLICATES, row, packet, _DOUBLED):
            self._account.doubled += len(kept.samples)
            self._outbox.put(sent_ns + PACKET_NS, kept)
        delay_ns = round(NS_PER_S * faults["a"][faults["kind"] == Kind.LATE].max(initial=0.0))
        if self._strikes(faults, Kind.SHUFFLED, row, packet, _HELD):
            low, high = _SHUFFLED_NS
            delay_ns += low + round((high - low) * self._draw(row, packet, _HOW_LONG))
        if not delay_ns:
            return kept
        self._outbox.put(sent_ns + delay_ns, kept)
        return None

    def _strikes(
        self, faults: NDArray[Any], kind: Kind, row: int, packet: int, stream: int
    ) -> bool:
        share = faults["a"][faults["kind"] == kind].max(initial=0.0)
        return bool(share > 0 and self._draw(row, packet, stream) < share)

    def _draw(self, row: int, packet: int, stream: int) -> float:
        return float(uniform(self._seeds[row], self._stream + stream, packet))


def _heard(chunk: Chunk, t_s: NDArray[np.float64], silent: NDArray[Any]) -> Chunk | None:
    """Cut silences out of a chunk: what lies before one that begins in it, or after it."""
    if not len(silent):
        return chunk
    muted = np.zeros(len(t_s), bool)
    for event in silent:
        muted |= (t_s >= event["start_s"]) & (t_s < event["end_s"])
    heard = np.flatnonzero(~muted)
    if not len(heard):
        return None
    first = int(heard[0])
    stop = first + int(np.argmax(np.append(muted[first:], True)))
    step_ns = NS_PER_S / chunk.fs_hz if chunk.fs_hz else 0.0
    return replace(
        chunk,
        t0_ns=chunk.t0_ns + round(first * step_ns),
        seq=chunk.seq + first,
        samples=chunk.samples[first:stop],
        t_ns=None if chunk.t_ns is None else chunk.t_ns[first:stop],
    )
