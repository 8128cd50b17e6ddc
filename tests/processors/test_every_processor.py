"""One list of laws for every processor that discovery finds; a new one is held to them unasked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from processors.records import (
    NS_PER_S,
    Batch,
    Block,
    Chunk,
    Control,
    FeatureSpec,
    FindingSpec,
    Outputs,
    Processor,
    StreamSpec,
    pack,
)
from processors.registry import discover
from streams.engine import Engine, EngineOutput
from tests.scenes import LENGTH_S, Scene, even_bounds, scene, steps

NAMES = [make.name for make in discover()]  # type: ignore[attr-defined]
STATE_BUDGET_BYTES = 20 * 1024  # DESIGN 2: per participant, all processors together

Said = dict[str, list[Any]]  # what was produced under a name, as sorted plain tuples


@dataclass
class Recorder:
    """Runs an engine and keeps all it says as plain tuples, by name of what was produced."""

    engine: Engine

    def __post_init__(self) -> None:
        self.said: dict[str, list[Any]] = defaultdict(list)

    def feed(self, rows: Iterable[Block | Control], until_ns: int) -> None:
        self._keep(self.engine.feed(list(rows)))
        self._keep(self.engine.tick(until_ns))

    def _keep(self, output: EngineOutput) -> None:
        for block in (*output.features, *output.derived):
            names = self.engine.roster.names(block.slots)
            values = np.nan_to_num(block.values, nan=-9e99).tolist()
            rows = zip(names, block.t_ns.tolist(), map(tuple, values), strict=True)
            self.said[block.name] += rows
        for f in output.findings:
            evidence = tuple(sorted(f.evidence.items()))
            self.said[f.code].append(
                (f.participant, f.t_ns, f.state, f.onset_ns, f.at_ns, f.revision, f.value, evidence)
            )

    def sorted(self) -> Said:
        return {name: sorted(rows) for name, rows in self.said.items()}


def all_streams(processors: Sequence[Processor]) -> tuple[str, ...]:
    return tuple(s.name for p in processors for s in p.produces if isinstance(s, StreamSpec))


def make_engine(wrap: Callable[[Processor], Processor] = lambda p: p) -> Engine:
    processors = [wrap(make()) for make in discover()]
    return Engine(processors, tap=all_streams(processors))


def run(
    what: Scene,
    bounds_ns: Sequence[int],
    wrap: Callable[[Processor], Processor] = lambda p: p,
) -> Said:
    recorder = Recorder(make_engine(wrap))
    for until_ns, rows in steps(what, bounds_ns):
        recorder.feed(rows, until_ns)
    return recorder.sorted()


def of(name: str, said: Said) -> Said:
    """Give only what one processor produced."""
    produces = next(make for make in discover() if make.name == name)().produces  # type: ignore[attr-defined]
    mine = {spec.code if isinstance(spec, FindingSpec) else spec.name for spec in produces}
    return {key: rows for key, rows in said.items() if key in mine}


@cache
def usual() -> Said:
    return run(scene(), even_bounds(200))


# Held to the laws of cuts, company and snapshots by their own tests.
NEEDS_HOURS = {"air_limits", "recovery_trend"}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NEEDS_HOURS])
def test_it_says_something_in_the_scene(name: str) -> None:
    """Otherwise the other laws would hold for silence."""
    assert of(name, usual())


@cache
def cut_otherwise(step_ms: float) -> Said:
    return run(scene(), even_bounds(step_ms))


@cache
def cut_at_random() -> Said:
    random = np.random.default_rng(7)
    bounds = np.sort(random.choice(np.arange(1, 90_000), 400, replace=False)) * 1_000_000
    return run(scene(), [0, *bounds.tolist(), round(LENGTH_S * NS_PER_S)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step_ms", [40, 1000])
def test_how_the_input_is_cut_does_not_matter(name: str, step_ms: float) -> None:
    assert_same_until(of(name, cut_otherwise(step_ms)), of(name, usual()), LENGTH_S - 2)


@pytest.mark.parametrize("name", NAMES)
def test_random_cuts_do_not_matter(name: str) -> None:
    assert_same_until(of(name, cut_at_random()), of(name, usual()), LENGTH_S - 2)


def assert_same_until(found: Said, expected: Said, until_s: float) -> None:
    """Compare what became known before a time; at the very end a last tick may or may not come."""
    until_ns = until_s * NS_PER_S
    for name in found.keys() | expected.keys():
        left = [row for row in found.get(name, []) if row[1] <= until_ns]
        right = [row for row in expected.get(name, []) if row[1] <= until_ns]
        assert left == right, name


@cache
def alone(participant: str) -> Said:
    return run(scene().only(participant), even_bounds(200))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("participant", ["ventricular", "noisy", "quiet"])
def test_others_do_not_matter(name: str, participant: str) -> None:
    together = {
        key: [row for row in rows if row[0] == participant] for key, rows in usual().items()
    }
    found = of(name, alone(participant))
    for key in found:
        assert found[key] == together[key], key


@cache
def only_until(end_s: float) -> Said:
    return run(scene(), even_bounds(200, end_s))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_depends_on_the_future(name: str) -> None:
    assert_same_until(of(name, only_until(50.0)), of(name, usual()), 48.0)


class Revived:
    """A processor that dies in the middle and comes back from its snapshot as a new object."""

    def __init__(self, inner: Processor, at_call: int) -> None:
        self.name, self.consumes, self.produces = inner.name, inner.consumes, inner.produces
        self._inner = inner
        self._make = type(inner)
        self._calls_left = at_call
        self._slots = np.arange(32, dtype=np.int32)

    def process(self, batch: Batch) -> Outputs:
        self._calls_left -= 1
        if self._calls_left == 0:
            state = self._inner.snapshot(self._slots)
            self._inner.forget(self._slots)
            self._inner = self._make()
            self._inner.restore(self._slots, state)
        return self._inner.process(batch)

    def forget(self, slots: NDArray[np.int32]) -> None:
        self._inner.forget(slots)

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        return self._inner.snapshot(slots)

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None:
        self._inner.restore(slots, state)


@cache
def revived() -> Said:
    return run(scene(), even_bounds(200), lambda p: Revived(p, 150))


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_carries_on_where_it_was_taken(name: str) -> None:
    assert of(name, revived()) == of(name, usual())


@cache
def doubled() -> Said:
    recorder = Recorder(make_engine())
    before: list[Block | Control] = []
    for until_ns, rows in steps(scene(), even_bounds(200)):
        blocks = [row for row in rows if isinstance(row, Block)]
        recorder.feed([*rows, *blocks, *before], until_ns)
        before = blocks
    return recorder.sorted()


@pytest.mark.parametrize("name", NAMES)
def test_double_delivery_does_not_matter(name: str) -> None:
    assert of(name, doubled()) == of(name, usual())


@cache
def in_a_used_slot() -> Said:
    recorder = Recorder(make_engine())
    for until_ns, rows in steps(scene(2), even_bounds(200, 20)):
        recorder.feed(rows, until_ns)
    for participant in (
        "calm",
        "ventricular",
        "pausing",
        "noisy",
        "fast",
        "slow",
        "strapped",
        "irregular",
        "fingered",
        "quiet",
    ):
        recorder.engine.release(participant)
    recorder.said.clear()
    # A processor that keeps its own clock by slot would notice that time begins again.
    for until_ns, rows in steps(scene(), even_bounds(200)):
        recorder.feed(rows, until_ns)
    return recorder.sorted()


@pytest.mark.parametrize("name", [n for n in NAMES if n != "link"])
def test_a_used_slot_is_as_good_as_new(name: str) -> None:
    """`link` is left out: it measures silence by the clock, and a clock does not begin again."""
    assert of(name, in_a_used_slot()) == of(name, usual())


HOSTILE = {
    "not a number": np.full((2500, 1), np.nan, np.float32),
    "zero": np.zeros((2500, 1), np.float32),
    "huge": np.full((2500, 1), 3e38, np.float32),
    "infinite": np.tile(np.array([[np.inf], [-np.inf]], np.float32), (1250, 1)),
    "alternating rails": np.tile(np.array([[10.0], [-10.0]], np.float32), (1250, 1)),
    "tiny": np.full((2500, 1), 1e-38, np.float32),
    "every second missing": np.tile(np.array([[0.5], [np.nan]], np.float32), (1250, 1)),
}


@cache
def hostile(what: str) -> Said:
    recorder = Recorder(make_engine())
    calm = scene().only("calm").chunks[0]
    at, seq = 0, 0
    for samples in (
        calm.samples[:5000] * np.float32(calm.scale),
        HOSTILE[what],
        calm.samples[5000:9000] * np.float32(calm.scale),
    ):
        for first in range(0, len(samples), 50):
            piece = np.ascontiguousarray(samples[first : first + 50], np.float32)
            at += 200_000_000
            rows: list[Block | Control] = [
                pack([Chunk("x", "d", "ecg", at - 200_000_000, piece, 250.0, seq)])
            ]
            for signal in ("rr", "heart_rate"):
                t_ns = np.array([at], np.int64)
                value = piece[:1]
                rows.append(pack([Chunk("x", "d", signal, at, value, seq=seq // 50, t_ns=t_ns)]))
            recorder.feed(rows, at)
            seq += len(piece)
    return recorder.sorted()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_samples_do_no_harm(name: str, what: str) -> None:
    for rows in of(name, hostile(what)).values():
        for row in rows:
            assert np.isfinite([v for v in row[-1] if isinstance(v, float)]).all()
        assert len(rows) < 400


def test_state_stays_within_its_budget() -> None:
    slot = np.zeros(1, np.int32)
    sizes = {make.name: make().snapshot(slot).dtype.itemsize for make in discover()}  # type: ignore[attr-defined]
    assert sum(sizes.values()) <= STATE_BUDGET_BYTES, sizes


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_gives_nothing(name: str) -> None:
    processor = next(make for make in discover() if make.name == name)()  # type: ignore[attr-defined]
    none = np.zeros(0, np.int64)
    values = np.zeros((0, 1), np.float32 if processor.consumes == ("ecg",) else np.float64)
    batch = Batch(
        "", none.astype(np.int32), none, np.zeros(1, np.int64), values,
        none.astype(np.float64), none, none, none, none.astype(np.int8),
    )  # fmt: skip
    output = processor.process(batch)
    assert not any(len(b.slots) for b in (*output.derived, *output.features, *output.events))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_declared_has_names_and_units(name: str) -> None:
    processor = next(make for make in discover() if make.name == name)()  # type: ignore[attr-defined]
    for spec in processor.produces:
        columns = spec.evidence if isinstance(spec, FindingSpec) else spec.columns
        names = [column.name for column in columns]
        assert len(set(names)) == len(names)
        assert all(column.unit for column in columns)
        assert isinstance(spec, FindingSpec) or columns or isinstance(spec, FeatureSpec)


def test_two_participants_that_swap_slots_swap_nothing_else() -> None:
    mirrored = Scene(tuple(reversed(scene().chunks)), scene().controls)
    assert run(mirrored, even_bounds(200)) == usual()
