"""The engine around processors: order, clocks, identities; what it promises to anybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from processors.errors import ContractError
from processors.records import (
    NS_PER_S,
    ONSET,
    Batch,
    Block,
    Chunk,
    Column,
    Control,
    DerivedBlock,
    EventBlock,
    FindingSpec,
    Outputs,
    StreamSpec,
    finding_id,
    pack,
)
from processors.registry import order
from streams.engine import Engine

S = NS_PER_S


class Stateless:
    """The parts of a processor that these tests do not need."""

    def forget(self, slots: NDArray[np.int32]) -> None: ...

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        return np.zeros(len(slots))

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None: ...


class Peaks(Stateless):
    """Gives a record for every sample above 1 mV."""

    name = "peaks"
    consumes = ("ecg",)
    produces = (StreamSpec("peaks", (Column("height", "mV"),)),)

    def process(self, batch: Batch) -> Outputs:
        slots, times, values = [], [], []
        for r in range(batch.n_rows):
            for i in range(batch.offsets[r], batch.offsets[r + 1]):
                if batch.values[i, 0] > 1:
                    k = i - batch.offsets[r]
                    slots.append(batch.slots[r])
                    times.append(batch.t0_ns[r] + round(k * S / batch.fs_hz[r]))
                    values.append([batch.values[i, 0]])
        if not slots:
            return Outputs()
        block = DerivedBlock(
            "peaks",
            np.array(slots, np.int32),
            np.array(times, np.int64),
            np.array(values, np.float64),
        )
        return Outputs(derived=(block,))


class Tall(Stateless):
    """Reports a finding for every peak above the limit in the profile."""

    name = "tall"
    consumes = ("peaks", "profile")
    produces = (FindingSpec("pause", (Column("limit", "1"),)),)

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def process(self, batch: Batch) -> Outputs:
        self.seen += [(int(t), int(s)) for t, s in zip(batch.t_ns, batch.source, strict=True)]
        peaks = np.flatnonzero(batch.source == 0)
        if not len(peaks):
            return Outputs()
        rows = np.searchsorted(batch.offsets, peaks, side="right") - 1
        n = len(peaks)
        return Outputs(
            events=(
                EventBlock(
                    "pause",
                    batch.slots[rows],
                    batch.t_ns[peaks],
                    batch.t_ns[peaks],
                    batch.t_ns[peaks],
                    np.full(n, ONSET, np.int8),
                    np.zeros(n, np.int32),
                    batch.values[peaks, 0],
                    np.full((n, 1), np.nan),
                ),
            )
        )


def ecg(participant: str, heights: list[float], *, t0_s: float = 0, seq: int = 0) -> Chunk:
    samples = np.array(heights, np.float32)[:, None]
    return Chunk(participant, "d", "ecg", round(t0_s * S), samples, 10.0, seq)


def test_findings_carry_names_and_an_identity_that_a_replay_makes_again() -> None:
    engine = Engine([Tall(), Peaks()])
    found = engine.feed([pack([ecg("kim", [0, 5, 0]), ecg("lee", [0, 0, 3])])]).findings
    assert [(f.participant, f.t_ns, f.value) for f in found] == [
        ("kim", S // 10, 5.0),
        ("lee", 2 * S // 10, 3.0),
    ]
    assert found[0].id == finding_id("kim", "pause", S // 10)
    assert found[0].evidence == {}


def test_a_control_reaches_its_consumers_before_later_samples() -> None:
    tall = Tall()
    engine = Engine([tall, Peaks()])
    engine.feed([Control("kim", 0, "profile", {"age_years": 30}), pack([ecg("kim", [5, 5])])])
    assert tall.seen == [(0, 0), (0, 1), (S // 10, 0)]


def test_a_processor_runs_after_those_it_consumes_whatever_the_order_given() -> None:
    assert [p.name for p in order([Tall(), Peaks()])] == ["peaks", "tall"]


def test_a_stream_that_nobody_produces_is_a_broken_contract() -> None:
    with pytest.raises(ContractError, match="tall consumes 'peaks', which nobody produces"):
        Engine([Tall()])


def test_two_producers_of_one_stream_are_a_broken_contract() -> None:
    class Others(Peaks):
        name = "others"

    with pytest.raises(ContractError, match="'peaks' is produced by others and by peaks"):
        Engine([Peaks(), Others()])


def zeros(signal: str, columns: int, *, fs_hz: float = 1.0, variant: str = "") -> Block:
    samples = np.zeros((2, columns), np.float32)
    return pack([Chunk("kim", "d", signal, 0, samples, fs_hz, variant=variant)])


def test_an_unknown_signal_is_given_back_and_named_with_the_nearest() -> None:
    (rejected,) = Engine([Peaks()]).feed([zeros("heart_rat", 1)]).rejected
    assert "did you mean heart_rate" in rejected.reason


def test_an_unknown_control_is_given_back_and_named() -> None:
    control = Control("kim", 0, "profil", {})
    (rejected,) = Engine([Peaks()]).feed([control]).rejected
    assert rejected.reason.startswith("control 'profil' (kim): expected profile")
    assert rejected.row is control


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (zeros("spo2", 1, variant="spott"), "'spo2.spott' is not a signal"),
        (zeros("ecg", 0), "no columns"),
        (zeros("ecg", 65), "65 columns, at most 64"),
        (zeros("heart_rate", 2), "2 columns, at most 1"),
        (zeros("ecg", 1, fs_hz=0.0), "sampling rate of 0"),
        (zeros("ecg", 1, fs_hz=-1.0), "sampling rate of -1"),
        (zeros("ecg", 1, fs_hz=1e-300), "sampling rate of 1e-300"),
        (zeros("ecg", 1, fs_hz=float("nan")), "sampling rate of nan"),
        (zeros("ecg", 1, fs_hz=float("inf")), "sampling rate of inf"),
        (zeros("ecg", 1, fs_hz=100_001.0), "sampling rate of 100001"),
        (replace(zeros("heart_rate", 1), t_ns=np.zeros(3, np.int64)), "3 times for 2 samples"),
        (replace(zeros("ecg", 1), t_ns=np.arange(2)), "a waveform needs a sampling rate"),
        (replace(zeros("ecg", 1), offsets=np.array([0, 3])), "rows do not add up to 2 samples"),
        (replace(zeros("ecg", 1), seq=np.zeros(2, np.int64)), "not one value per row"),
        (replace(zeros("ecg", 1), missing=np.zeros((1, 1), bool)), "not as many marks as samples"),
        (replace(zeros("ecg", 1), t0_ns=np.array([2**63 - 1])), "time out of range"),
        (replace(zeros("ecg", 1), seq=np.array([-(2**63)])), "count -9223372036854775808"),
        (Control("kim", 2**80, "mark", {"stop": 1.0}), "time is not a number of ns"),
        (Control("kim", 0, "mark", {"stop": "now"}), "values are not all numbers"),  # type: ignore[dict-item]
    ],
)
def test_a_bad_row_is_given_back_with_its_reason_and_the_rest_goes_on(
    row: Block | Control, reason: str
) -> None:
    engine = Engine([Tall(), Peaks()])
    out = engine.feed([row, pack([ecg("kim", [0, 5, 0])])])
    assert len(out.findings) == 1
    (rejected,) = out.rejected
    assert reason in rejected.reason
    assert rejected.row is row
    assert engine.rejected_rows == 1
    assert engine.tick(S).rejected == ()


def test_good_rows_beside_a_bad_one_are_used() -> None:
    engine = Engine([Tall(), Peaks()])
    bad = replace(ecg("kim", [0, 5]), fs_hz=0.0)
    out = engine.feed([pack([ecg("lee", [0, 5]), bad, ecg("max", [5, 0])])])
    assert [f.participant for f in out.findings] == ["max", "lee"]
    (rejected,) = out.rejected
    assert isinstance(rejected.row, Block)
    assert rejected.row.participants == ("kim",)
    assert engine.roster.slot("kim") is None


def test_records_with_fewer_columns_than_their_signal_are_used() -> None:
    assert Engine().feed([zeros("blood_pressure", 2)]).rejected == ()


def test_implausible_samples_are_counted_and_not_used() -> None:
    engine = Engine([Tall(), Peaks()])
    assert engine.feed([pack([ecg("kim", [0, 50, 0, float("nan")])])]).findings == ()
    totals = engine.channels.totals()
    assert (totals["implausible"], totals["missing"], totals["samples"]) == (1, 1, 4)


def test_each_participant_keeps_its_own_clock() -> None:
    """A device whose clock is an hour behind is not silent for an hour."""
    engine = Engine([Peaks()])
    engine.feed([pack([ecg("kim", [0] * 10, t0_s=1400)])])
    engine.tick(5000 * S)
    engine.tick(5003 * S)
    slot = engine.roster.slot("kim")
    assert engine.clock_ns()[slot] == 1400 * S + 9 * S // 10 + 3 * S


def test_clocks_that_start_after_the_samples_do_not_leap() -> None:
    engine = Engine([Peaks()])
    engine.feed([pack([ecg("kim", [0] * 10)])])
    engine.tick(10**18)
    assert engine.clock_ns()[0] == 9 * S // 10


def test_a_released_participant_leaves_an_empty_slot_to_the_next() -> None:
    engine = Engine([Tall(), Peaks()])
    engine.feed([pack([ecg("kim", [5, 0], t0_s=100)])])
    engine.release("kim")
    found = engine.feed([pack([ecg("lee", [5, 0], t0_s=3)])]).findings
    assert [(f.participant, f.onset_ns) for f in found] == [("lee", 3 * S)]
    assert engine.roster.slot("lee") == 0


def test_late_chunks_are_given_out_to_be_stored() -> None:
    engine = Engine([Peaks()])
    engine.feed([pack([ecg("kim", [0] * 10)])])
    engine.feed([pack([ecg("kim", [0] * 10, t0_s=9, seq=90)])])
    late = engine.feed([pack([ecg("kim", [0] * 10, t0_s=4, seq=40)])]).late
    assert [chunk.seq for chunk in late] == [40]


def test_an_empty_feed_gives_nothing() -> None:
    assert Engine([Peaks()]).feed([]).findings == ()
