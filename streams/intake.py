"""Let blocks in: put chunks of a channel in order, drop what is double, account for what is lost.

Almost every row continues its channel exactly where the last one ended; those pass together, whole
blocks at a time. A row that does not is looked at alone: it may be a repetition, overlap what
is there, come before its predecessor (then it is held, at most `WAIT_NS` of signal), follow a loss,
come from a clock that jumped, or from a second device. What a processor sees afterwards continues
in time and count, or says by its count how much is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S, Block, Chunk, pack, row_chunk
from processors.state import put_records, take_records
from streams.channels import SINCE_TICK, Channels, Route
from streams.wire import decode, encode

WAIT_NS: Final = NS_PER_S  # DESIGN 2: at most 1 s for what is missing
JITTER_NS: Final = NS_PER_S // 10  # time stamps of a device's packets vary by less (default)
CLOCK_STEP_NS: Final = (
    2 * NS_PER_S
)  # irregular signals: going back further is a clock, not disorder
RESTART_NS: Final = 10 * NS_PER_S  # time and count apart by more: the device counts anew (default)
MAX_HELD: Final = 64  # chunks per channel; a bound on memory, not a wait


@dataclass(frozen=True, slots=True)
class Admitted:
    """Rows that may be processed: corrected times and counts, their slots and channels.

    Attributes
    ----------
    lost_ns
        int64 ``[r]``, length of signal lost directly before the row.
    """

    block: Block
    slots: NDArray[np.int32]
    channels: NDArray[np.int32]
    lost_ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Piece:
    channel: int
    chunk: Chunk
    lost_ns: int


class Intake:
    """The reorder buffer and the account of all channels.

    Attributes
    ----------
    late
        Chunks that came after their place had been given up: to be stored, not processed. The
        caller takes and empties the list.
    """

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.late: list[Chunk] = []
        self._held: dict[int, list[Chunk]] = {}
        self._held_since: dict[int, int] = {}
        self._lost: dict[
            int, list[tuple[int, int]]
        ] = {}  # counts given up, to tell late from double

    def admit(self, block: Block, now_ns: int) -> list[Admitted]:
        """Give what of a block, and of what was held, can be processed now."""
        route = self.channels.route(block)
        lengths = np.diff(block.offsets)
        in_step = self._in_step(block, route, lengths)
        if in_step.all():
            return [self._pass(block, route.slots, route.channels, lengths)] if block.n_rows else []
        admitted = []
        if in_step.any():
            chosen = take_rows(block, in_step)
            rows = np.flatnonzero(in_step)
            admitted.append(
                self._pass(chosen, route.slots[rows], route.channels[rows], lengths[rows])
            )
        pieces: list[_Piece] = []
        for r in np.flatnonzero(~in_step).tolist():
            pieces += self._admit_one(int(route.channels[r]), row_chunk(block, r), now_ns)
        return admitted + self._join(pieces)

    def expire(self, now_ns: int) -> list[Admitted]:
        """Give what was held for longer than `WAIT_NS`, its predecessors taken as lost.

        What came since the last call counts as arrived now.
        """
        heard_ns = self.channels.lanes["heard_ns"]
        heard_ns[heard_ns == SINCE_TICK] = now_ns
        for channel in [c for c, since in self._held_since.items() if not since]:
            self._held_since[channel] = now_ns  # held before the first tick
        pieces: list[_Piece] = []
        for channel in [c for c, since in self._held_since.items() if now_ns - since > WAIT_NS]:
            pieces += self._give_up(channel)
        return self._join(pieces)

    def release(self, channels: Iterable[int]) -> None:
        for channel in channels:
            self._held.pop(channel, None)
            self._held_since.pop(channel, None)
            self._lost.pop(channel, None)

    def snapshot(self) -> dict[str, Any]:
        """Give what is held and what was given up, as plain values (`streams.snapshot`)."""
        return {
            "held": [
                [channel, [encode(pack([chunk])) for chunk in chunks]]
                for channel, chunks in self._held.items()
            ],
            "held_since": list(map(list, self._held_since.items())),
            "lost": [[channel, list(map(list, gaps))] for channel, gaps in self._lost.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Hold what a snapshot holds; the channels have been restored before."""
        self._held = {
            channel: [row_chunk(decode(data), 0) for data in chunks]
            for channel, chunks in state["held"]
        }
        self._held_since = dict(state["held_since"])
        self._lost = {
            channel: [(first, end) for first, end in gaps] for channel, gaps in state["lost"]
        }
        self.late = []

    def _in_step(self, block: Block, route: Route, lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which rows continue their channel exactly: bool ``[r]``."""
        if not route.distinct or not block.n_samples:
            return np.zeros(block.n_rows, bool)
        table = self.channels.table
        known = take_records(table, route.channels)
        early_ns = block.t0_ns + known["clock_shift_ns"] - known["next_t_ns"]
        in_step = (
            known["seen"]
            & (known["n_held"] == 0)
            & (block.seq == known["next_seq"])
            & (block.fs_hz == known["fs_hz"])
            & (lengths > 0)
            & (self.channels.lanes["owner"][known["lane"]] == route.channels)
        )
        if block.t_ns is None:
            return np.asarray(in_step & (np.abs(early_ns) <= JITTER_NS))
        rising = np.ones(block.n_rows, bool)
        steps = np.diff(block.t_ns) > 0
        if not steps.all():
            bad = np.flatnonzero(~steps) + 1
            row = np.searchsorted(block.offsets, bad, side="right") - 1
            rising[row[bad > block.offsets[row]]] = False
        firsts = block.t_ns[np.minimum(block.offsets[:-1], max(block.n_samples - 1, 0))]
        return np.asarray(
            in_step & rising & (firsts + known["clock_shift_ns"] >= known["next_t_ns"])
        )

    def _pass(
        self,
        block: Block,
        slots: NDArray[np.int32],
        channels: NDArray[np.int32],
        lengths: NDArray[np.int64],
    ) -> Admitted:
        """Let rows pass that are in step, and move their channels on."""
        table = self.channels.table
        known = take_records(table, channels)
        lanes = known["lane"]
        lane = take_records(self.channels.lanes, lanes)
        seq = block.seq + known["seq_shift"]
        known["next_seq"] = block.seq + lengths
        known["samples"] += lengths
        shift = known["clock_shift_ns"]
        if block.t_ns is None:
            given = block.t0_ns + shift
            # A packet stamped a little early must not make time run backwards.
            t0_ns = np.where(given < known["next_t_ns"] - 1, known["next_t_ns"], given)
            ends = t0_ns + np.rint(lengths * (NS_PER_S / block.fs_hz)).astype(np.int64)
            t_ns = None
        else:
            t_ns = block.t_ns + np.repeat(shift, lengths) if shift.any() else block.t_ns
            t0_ns = t_ns[block.offsets[:-1]]
            lasts = t_ns[block.offsets[1:] - 1]
            ends = lasts + 1
            before = np.where(
                lengths > 1, t_ns[np.maximum(block.offsets[1:] - 2, 0)], known["next_t_ns"] - 1
            )
            known["step_ns"] = lasts - before
        known["next_t_ns"] = ends
        lane["next_seq"], lane["next_t_ns"], lane["heard_ns"] = seq + lengths, ends, SINCE_TICK
        put_records(table, channels, known)
        put_records(self.channels.lanes, lanes, lane)
        if block.received_ns:
            self.channels.note_arrival(channels, ends - shift, block.received_ns)
        corrected = replace(block, t0_ns=t0_ns, seq=seq, t_ns=t_ns)
        return Admitted(corrected, slots, channels, np.zeros(len(slots), np.int64))

    # One row at a time, for rows out of step.

    def _admit_one(self, channel: int, chunk: Chunk, now_ns: int) -> list[_Piece]:
        if not len(chunk.samples) or not self._owns_lane(channel, chunk, now_ns):
            return []
        pieces = self._place(channel, chunk, now_ns)
        pieces += self._continue_held(channel)
        held = self._held.get(channel)
        if held:
            waiting_ns = _end_ns(held[-1]) + self._shift(channel) - self._next_t(channel)
            if waiting_ns > WAIT_NS or len(held) > MAX_HELD:
                pieces += self._give_up(channel)
        return pieces

    def _owns_lane(self, channel: int, chunk: Chunk, now_ns: int) -> bool:
        """Tell whether this device is the one listened to; another takes over when it is silent.

        Silence is judged by arrival: the clocks of two devices say nothing about each other. Only
        where no tick has ever come is their time all there is.
        """
        record = self.channels.table[channel]
        lane = self.channels.lanes[record["lane"]]
        if lane["owner"] in (-1, channel):
            lane["owner"] = channel
            lane["heard_ns"] = SINCE_TICK
            return True
        stale_after_ns = self.channels.stale_after_ns(channel)
        if now_ns:
            arrived = lane["heard_ns"] != SINCE_TICK
            is_silent = arrived and now_ns - lane["heard_ns"] > stale_after_ns
        else:
            is_silent = _start_ns(chunk) >= lane["next_t_ns"] + stale_after_ns
        if not is_silent:
            record["late"] += len(chunk.samples)
            self.late.append(chunk)
            return False
        lane["owner"] = channel
        lane["heard_ns"] = SINCE_TICK
        record["seen"] = False
        return True

    def _place(self, channel: int, chunk: Chunk, now_ns: int) -> list[_Piece]:
        """Accept a chunk, hold it, or count it as double or late."""
        record = self.channels.table[channel]
        if not record["seen"] or chunk.fs_hz != record["fs_hz"] or self._restarted(channel, chunk):
            return self._begin(channel, chunk)
        if chunk.seq < record["next_seq"]:
            n_old = min(int(record["next_seq"] - chunk.seq), len(chunk.samples))
            self._count_old(channel, _cut(chunk, 0, n_old))
            if n_old == len(chunk.samples):
                return []
            chunk = _cut(chunk, n_old, len(chunk.samples))
        if chunk.seq > record["next_seq"]:
            self._hold(channel, chunk, now_ns)
            return []
        return self._accept(channel, chunk)

    def _restarted(self, channel: int, chunk: Chunk) -> bool:
        """Tell whether a device counts anew: a lower count that time does not explain.

        A true repetition is as far back in time as in count, but for the last step of its clock.
        """
        record = self.channels.table[channel]
        n_back = int(record["next_seq"]) - chunk.seq
        after_ns = _start_ns(chunk) + int(record["clock_shift_ns"]) - int(record["next_t_ns"])
        if n_back <= 0:
            return False
        if chunk.t_ns is not None:
            first_again = _start_ns(chunk) == record["begun_ns"]
            set_back = chunk.seq == 0 and after_ns < -RESTART_NS and not first_again
            return after_ns >= 0 or set_back
        by_count_ns = int(after_ns + n_back * NS_PER_S / chunk.fs_hz)
        unexplained_ns = min(abs(by_count_ns), abs(by_count_ns + int(record["stepped_ns"])))
        if unexplained_ns <= JITTER_NS:
            return False
        went_on = after_ns >= -JITTER_NS and by_count_ns > JITTER_NS
        return went_on or unexplained_ns > RESTART_NS

    def _count_old(self, channel: int, chunk: Chunk) -> None:
        """Count samples from before the expected one: late if given up as lost, else double."""
        record = self.channels.table[channel]
        late = [
            (max(first, chunk.seq), min(end, chunk.seq + len(chunk.samples)))
            for first, end in self._lost.get(channel, [])
        ]
        n_late = sum(end - first for first, end in late if end > first)
        record["late"] += n_late
        record["duplicates"] += len(chunk.samples) - n_late
        if n_late:
            self.late.append(chunk)

    def _hold(self, channel: int, chunk: Chunk, now_ns: int) -> None:
        held = self._held.setdefault(channel, [])
        if any(other.seq == chunk.seq for other in held):
            self.channels.table["duplicates"][channel] += len(chunk.samples)
            return
        held.append(chunk)
        held.sort(key=lambda other: other.seq)
        self._held_since.setdefault(channel, now_ns)
        self.channels.table["n_held"][channel] = len(held)

    def _continue_held(self, channel: int) -> list[_Piece]:
        """Accept held chunks that have become the next ones."""
        pieces: list[_Piece] = []
        held = self._held.get(channel)
        while held and held[0].seq <= self.channels.table["next_seq"][channel]:
            pieces += self._place(channel, held.pop(0), 0)
            self.channels.table["out_of_order"][channel] += 1
        if held is not None and not held:
            del self._held[channel]
            del self._held_since[channel]
        self.channels.table["n_held"][channel] = len(held or ())
        return pieces

    def _give_up(self, channel: int) -> list[_Piece]:
        """Take what is before the held chunks as lost, and go on with them."""
        held = self._held.pop(channel)
        self._held_since.pop(channel)
        self.channels.table["n_held"][channel] = 0
        pieces: list[_Piece] = []
        for chunk in held:
            record = self.channels.table[channel]
            if chunk.seq > record["next_seq"]:
                gaps = self._lost.setdefault(channel, [])
                gaps.append((int(record["next_seq"]), chunk.seq))
                del gaps[:-8]
                record["gaps"] += 1
                record["lost"] += chunk.seq - record["next_seq"]
                pieces += self._jump(channel, chunk)
            else:
                pieces += self._place(channel, chunk, 0)
        return pieces

    def _jump(self, channel: int, chunk: Chunk) -> list[_Piece]:
        """Accept a chunk after a loss; time says how long it was, the count if time went back."""
        record = self.channels.table[channel]
        t0_ns = _start_ns(chunk) + record["clock_shift_ns"]
        lost_ns = int(t0_ns - record["next_t_ns"])
        if chunk.t_ns is None:
            n_lost = chunk.seq - int(record["next_seq"])
            by_count_ns = int(np.rint(n_lost * NS_PER_S / chunk.fs_hz))
            if lost_ns < -JITTER_NS:
                lost_ns = by_count_ns
                self._turn_clock(channel, int(record["next_t_ns"]) + lost_ns - t0_ns)
            elif abs(lost_ns - by_count_ns) > JITTER_NS:
                record["stepped_ns"] = lost_ns - by_count_ns
            n_gap = max(1, int(np.rint(lost_ns * chunk.fs_hz / NS_PER_S)))
            record["seq_shift"] = self._out_seq(channel) + n_gap - chunk.seq
            record["next_t_ns"] += max(lost_ns, 0)
        record["next_seq"] = chunk.seq
        return self._accept(channel, chunk, max(lost_ns, 0))

    def _begin(self, channel: int, chunk: Chunk) -> list[_Piece]:
        """Start a channel: first data, a device that counts anew, a new rate, or a new device."""
        record = self.channels.table[channel]
        lane = self.channels.lanes[record["lane"]]
        record["seen"] = True
        record["fs_hz"] = chunk.fs_hz
        record["next_seq"] = chunk.seq
        start_ns = _start_ns(chunk) + record["clock_shift_ns"]
        lost_ns = 0
        if lane["next_t_ns"]:
            if start_ns < lane["next_t_ns"]:
                self._turn_clock(channel, int(lane["next_t_ns"]) - start_ns)
                start_ns = int(lane["next_t_ns"])
            lost_ns = int(start_ns - lane["next_t_ns"])
            n_gap = max(1, int(np.rint(lost_ns * chunk.fs_hz / NS_PER_S)))
            record["seq_shift"] = lane["next_seq"] + n_gap - chunk.seq
            record["gaps"] += lost_ns > JITTER_NS and chunk.t_ns is None
        record["next_t_ns"] = start_ns
        record["begun_ns"], record["stepped_ns"] = _start_ns(chunk), 0
        self._lost.pop(channel, None)
        return self._accept(channel, chunk, lost_ns)

    def _accept(self, channel: int, chunk: Chunk, lost_ns: int = 0) -> list[_Piece]:
        """Accept a chunk whose count continues its channel."""
        record = self.channels.table[channel]
        if chunk.t_ns is None:
            early_ns = int(chunk.t0_ns + record["clock_shift_ns"] - record["next_t_ns"])
            if early_ns < -JITTER_NS:
                self._turn_clock(channel, -early_ns)
            elif early_ns > JITTER_NS:  # time went on though nothing is missing by count
                lost_ns = early_ns
                record["gaps"] += 1
                record["stepped_ns"] = early_ns
                record["seq_shift"] += int(np.rint(early_ns * chunk.fs_hz / NS_PER_S))
        else:
            kept = self._rising(channel, chunk)
            if kept is None:
                record["next_seq"] = chunk.seq + len(chunk.samples)
                return []
            chunk = kept
        device_seq = chunk.seq
        one = pack([chunk])
        slot = np.array([record["slot"]], np.int32)
        index = np.array([channel], np.int32)
        passed = self._pass(one, slot, index, np.diff(one.offsets))
        corrected = replace(
            chunk,
            t0_ns=int(passed.block.t0_ns[0]),
            seq=device_seq + int(record["seq_shift"]),
            t_ns=passed.block.t_ns,
        )
        return [_Piece(channel, corrected, lost_ns)]

    def _rising(self, channel: int, chunk: Chunk) -> Chunk | None:
        """Keep the samples of an irregular chunk whose times rise; None if none does."""
        if chunk.t_ns is None:
            return chunk
        record = self.channels.table[channel]
        keep = np.zeros(len(chunk.t_ns), bool)
        corrected_ns = np.zeros(len(chunk.t_ns), np.int64)
        last_ns, step_ns = int(record["next_t_ns"]) - 1, int(record["step_ns"])
        for i in range(len(chunk.t_ns)):
            now_ns = int(chunk.t_ns[i] + record["clock_shift_ns"])
            if now_ns < last_ns - CLOCK_STEP_NS:
                self._turn_clock(channel, last_ns + max(step_ns, 1) - now_ns)
                now_ns = last_ns + max(step_ns, 1)
            if now_ns > last_ns:
                keep[i] = True
                step_ns, last_ns = now_ns - last_ns, now_ns
                corrected_ns[i] = now_ns
            elif now_ns == last_ns:
                record["duplicates"] += 1
            else:
                record["out_of_order"] += 1
                record["late"] += 1
                self.late.append(_cut(chunk, i, i + 1))
        if not keep.any():
            return None
        return replace(
            chunk,
            samples=chunk.samples[keep],
            # `_pass` adds the shift again; it may have changed on the way.
            t_ns=corrected_ns[keep] - int(record["clock_shift_ns"]),
            missing=None if chunk.missing is None else chunk.missing[keep],
            seq=chunk.seq + len(keep) - int(keep.sum()),
        )

    def _turn_clock(self, channel: int, by_ns: int) -> None:
        record = self.channels.table[channel]
        record["clock_shift_ns"] += by_ns
        record["stepped_ns"] = -by_ns
        record["clock_jumps"] += 1

    def _shift(self, channel: int) -> int:
        return int(self.channels.table["clock_shift_ns"][channel])

    def _next_t(self, channel: int) -> int:
        return int(self.channels.table["next_t_ns"][channel])

    def _out_seq(self, channel: int) -> int:
        record = self.channels.table[channel]
        return int(record["next_seq"] + record["seq_shift"])

    def _join(self, pieces: list[_Piece]) -> list[Admitted]:
        """Make blocks of single chunks, those of one layout together, in order."""
        groups: dict[tuple[object, ...], list[_Piece]] = {}
        for piece in pieces:
            chunk = piece.chunk
            layout = (
                chunk.signal,
                chunk.variant,
                chunk.channels,
                chunk.samples.dtype,
                chunk.samples.shape[1],
            )
            groups.setdefault(layout, []).append(piece)
        joined = []
        for group in groups.values():
            channels = np.array([piece.channel for piece in group], np.int32)
            joined.append(
                Admitted(
                    pack([piece.chunk for piece in group]),
                    self.channels.table["slot"][channels].astype(np.int32),
                    channels,
                    np.array([piece.lost_ns for piece in group], np.int64),
                )
            )
        return joined


def take_rows(block: Block, mask: NDArray[np.bool_]) -> Block:
    """Give a block of the rows where mask, bool ``[r]``, is True."""
    rows = np.flatnonzero(mask)
    lengths = np.diff(block.offsets)
    samples = np.repeat(mask, lengths)
    return Block(
        signal=block.signal,
        variant=block.variant,
        channels=block.channels,
        participants=tuple(block.participants[r] for r in rows),
        devices=tuple(block.devices[r] for r in rows),
        fs_hz=block.fs_hz[rows],
        scale=block.scale[rows],
        offset=block.offset[rows],
        t0_ns=block.t0_ns[rows],
        seq=block.seq[rows],
        offsets=np.concatenate([[0], np.cumsum(lengths[rows])]).astype(np.int64),
        samples=block.samples[samples],
        t_ns=None if block.t_ns is None else block.t_ns[samples],
        missing=None if block.missing is None else block.missing[samples],
        received_ns=block.received_ns,
    )


def _cut(chunk: Chunk, start: int, end: int) -> Chunk:
    """Give samples start to end of a chunk as a chunk of its own."""
    moved_ns = 0 if chunk.t_ns is not None else int(np.rint(start * NS_PER_S / chunk.fs_hz))
    return replace(
        chunk,
        t0_ns=chunk.t0_ns + moved_ns,
        seq=chunk.seq + start,
        samples=chunk.samples[start:end],
        t_ns=None if chunk.t_ns is None else chunk.t_ns[start:end],
        missing=None if chunk.missing is None else chunk.missing[start:end],
    )


def _start_ns(chunk: Chunk) -> int:
    return chunk.t0_ns if chunk.t_ns is None else int(chunk.t_ns[0])


def _end_ns(chunk: Chunk) -> int:
    if chunk.t_ns is not None:
        return int(chunk.t_ns[-1])
    return chunk.t0_ns + int(np.rint(len(chunk.samples) * NS_PER_S / chunk.fs_hz))
