"""Who has withdrawn consent is not seen any more, from that record on; others do not notice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from alerts.policy import load_policy
from dashboards.monitor.hub import Hub
from processors.records import NS_PER_MS, NS_PER_S, Chunk, Control, pack
from registry.participants import Participant, consent
from streams.bridging import publish_step
from streams.bus import Place, Record
from streams.bus.memory import MemoryBus
from streams.bus.topics import CONTROL, inputs, raw
from streams.consents import CODE, Consents
from streams.engine import Engine
from streams.live import LiveCore
from streams.messages import encode_controls
from streams.monitor.feed import Feed
from streams.monitor.stalls import Stalls
from streams.wire import encode
from streams.worker.partition import Partition
from tests.streams.test_messages import AN_ALARM

POLICY = load_policy()
AT_S, AGAIN_S, END_S = 40, 60, 100  # withdrawn, given again


def step(second, *people, device_s=0):
    """Give a second of the saturation of people: too low all the time."""
    t_ns = np.array([(second + device_s) * NS_PER_S + 1], np.int64)
    value = np.array([[82.0]], np.float32)
    chunks = [Chunk(p, "d", "spo2", 1, value, 0.0, second, t_ns=t_ns) for p in people]
    return (second + 1) * NS_PER_S, [pack(chunks)]


def controls(second):
    if second in {AT_S, AGAIN_S}:
        return [consent("ann", second * NS_PER_S, given=second == AGAIN_S)]
    return []


def live(*, consents, people=("ann", "bob")):
    core, told = LiveCore(POLICY), []
    core.enrol([Participant("ann", place="north", spo2_low=93.0), Participant("bob")], 0)
    for second in range(END_S):
        until_ns, rows = step(second, *people)
        told.append(core.step(until_ns, [*(controls(second) if consents else []), *rows]))
    return core, told


def of(told, who):
    """Give findings and changes of alarms of a participant, with the second of the step."""
    return [
        (one.until_ns // NS_PER_S - 1, found)
        for one in told
        for found in (*one.findings, *one.alarms)
        if getattr(found, "participant", "") == who
        or getattr(getattr(found, "alarm", None), "participant", "") == who
    ]


def test_nothing_of_them_is_processed_and_their_alarms_end_until_it_is_given_again():
    core, told = live(consents=True)
    findings = [(s, one.code, one.state) for s, one in of(told, "ann") if hasattr(one, "onset_ns")]
    between = [one for one in findings if AT_S <= one[0] < AGAIN_S]
    assert between == [(AT_S, CODE, "onset")]
    assert (AGAIN_S, CODE, "offset") in findings
    changes = [(s, c.kind, c.alarm.code) for s, c in of(told, "ann") if hasattr(c, "alarm")]
    codes = ("spo2_very_low", "spo2_low")
    ended = [(AT_S, "ended", code) for code in codes]
    assert [c for c in changes if AT_S <= c[0] < AGAIN_S] == [*ended, (AT_S, "raised", CODE)]
    after = [c for c in changes if c[0] >= AGAIN_S]
    assert after[0] == (AGAIN_S, "ended", CODE)
    assert {c[1:] for c in after[1:]} >= {("raised", code) for code in codes}
    for one in told[AT_S:AGAIN_S]:
        assert all("ann" not in rows.participants for rows in one.features)
    assert core.alarms.members("north") == ["ann"]


def test_nobody_else_notices():
    _, told = live(consents=True)
    _, undisturbed = live(consents=False)
    assert of(told, "bob") == of(undisturbed, "bob")


def test_it_holds_for_whatever_comes_afterwards_also_of_a_device_whose_clock_is_behind():
    core = LiveCore(POLICY)
    for second in range(AT_S):
        core.step(*step(second, "ann"))
    core.step(AT_S * NS_PER_S, controls(AT_S))
    late = [core.step(*step(s, "ann", device_s=-20)) for s in range(AT_S, AT_S + 15)]
    assert not any(one.findings or one.features or one.rejected for one in late)


def test_a_snapshot_knows_it():
    engine = Engine()
    until_ns, rows = step(0, "ann", "bob")
    engine.feed([*rows, consent("ann", until_ns, given=False)])
    restored = Engine()
    restored.restore(engine.snapshot())
    assert "ann" in restored.consents
    assert "bob" not in restored.consents
    (found,) = restored.feed([consent("ann", 2 * until_ns, given=True)]).findings
    assert (found.state, found.onset_ns, found.at_ns) == ("offset", until_ns, 2 * until_ns)


@pytest.mark.parametrize("said", [{"given": np.nan}, {}, {"given": 1.0}])
def test_what_says_nothing_new_changes_nothing(said):
    consents = Consents()
    assert consents.take(Control("ann", 1, "consent", said)) is None
    assert "ann" not in consents


async def published():
    """Give the records of a bridge on which somebody withdraws, by topic as they lie."""
    bus = MemoryBus(1)
    for second in range(END_S):
        until_ns, rows = step(second, "ann", "bob")
        await publish_step(bus, 1, until_ns, [*controls(second), *rows])
    return bus.since({Place(topic, 0): 0 for topic in inputs()}, 10**9)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_worker_sees_it_before_later_samples_however_topics_are_read(seed):
    records = asyncio.run(published())
    random, partition = np.random.default_rng(seed), Partition(0, POLICY)
    topics = sorted({record.place.topic for record in records})
    left = {t: [r for r in records if r.place.topic == t] for t in topics}
    ends = {topic: len(found) for topic, found in left.items()}
    found = []
    while any(left.values()):
        topic = random.choice([t for t in topics if left[t]])
        for _ in range(random.integers(1, 30)):
            if left[topic]:
                partition.order.put(left[topic].pop(0))
        found += partition.process(partition.take(ends)).findings
    _, told = live(consents=True)
    expected = [one for each in told for one in each.findings]
    assert {one.code for one in found if one.participant == "ann"} >= {CODE, "spo2_very_low"}
    withheld = range(AT_S * NS_PER_S + 1, AGAIN_S * NS_PER_S)
    assert [one for one in found if one.participant == "ann" and one.t_ns in withheld] == []
    assert {one.id for one in expected if one.code == CODE} == {
        one.id for one in found if one.code == CODE
    }


def test_a_monitor_shows_nothing_more_of_them():
    now_ns = END_S * NS_PER_S
    shown = []

    class Seen(Hub):
        def on_block(self, block):
            shown.append((int(block.t_ns[0]) // NS_PER_S, block.participants))

    feed = Feed(Seen(lambda: now_ns), Stalls(POLICY), 1, lambda: now_ns)
    records = sorted(asyncio.run(published()), key=lambda r: (r.at_ms, r.place.topic))
    feed.take(records)
    assert shown[AT_S - 1] == (AT_S - 1, ("ann", "bob"))
    assert [who for second, who in shown if AT_S <= second < AGAIN_S] == [("bob",)] * 20
    assert shown[-1][1] == ("ann", "bob")
    assert feed.newest_ms[0] == END_S * NS_PER_S // NS_PER_MS


def an_alarm(who, since_s, state="active"):
    return replace(AN_ALARM, participant=who, code=CODE, onset_ns=since_s * NS_PER_S, state=state)


def test_a_monitor_that_starts_later_than_the_bus_keeps_controls_goes_by_the_alarm():
    now_ns = END_S * NS_PER_S
    shown = []

    class Seen(Hub):
        def on_block(self, block):
            shown.append(block.participants)

    feed = Feed(Seen(lambda: now_ns), Stalls(POLICY), 1, lambda: now_ns)
    feed.begin((), [an_alarm("ann", 7), an_alarm("bob", 7, "ended")], ())

    def come(second, *rows):
        for row in rows:
            is_control = isinstance(row, Control)
            place = Place(CONTROL if is_control else raw("spo2"), 0)
            value = encode_controls([row]) if is_control else encode(row)
            feed.take([Record(place, second, second * 1_000, value)])

    come(8, *step(8, "ann", "bob")[1])
    come(9, consent("ann", 9 * NS_PER_S, given=True), *step(9, "ann", "bob")[1])
    assert shown == [("bob",), ("ann", "bob")]


def test_what_plays_a_bridge_passes_on_what_may_be_used():
    consents = Consents()
    _, rows = step(1, "ann", "bob")
    withdrawn, given = (consent("ann", 1, given=each) for each in (False, True))
    (before, control, after) = consents.pass_on([*rows, withdrawn, *rows])
    assert (before.participants, after.participants) == (("ann", "bob"), ("bob",))
    assert control == withdrawn
    assert consents.pass_on(step(2, "ann")[1]) == []
    assert consents.pass_on([given, *rows])[1].participants == ("ann", "bob")
