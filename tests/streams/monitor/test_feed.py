"""What topics say reaches the pages, whatever is told again, and no page shows what is not kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alerts.alarm import ENDED, AlarmChange
from alerts.holds import Held
from alerts.policy import load_policy
from alerts.urgency import urgency
from dashboards.monitor import wire as pages
from dashboards.monitor.hub import Hub
from processors.records import NS_PER_S, Chunk, Control, Finding, finding_id, pack
from registry.participants import Participant
from streams import wire
from streams.alarm_messages import AlarmNews, encode_alarms
from streams.bus import Place, Record
from streams.bus.partitions import partition_of
from streams.bus.topics import ALARMS, CONTROL, EVENTS, FEATURES, PROGRESS, raw
from streams.messages import (
    Enrolment,
    encode_controls,
    encode_findings,
    encode_people,
    encode_progress,
    encode_series,
)
from streams.monitor.feed import Feed
from streams.monitor.stalls import Stalls
from streams.stores import FEATURES as KIND
from streams.stores import SeriesRows
from tests.streams.test_messages import AN_ALARM, QUIET

N_PARTITIONS = 4
WHO = AN_ALARM.participant
HERE = partition_of(WHO, N_PARTITIONS)
ACTIVE = replace(AN_ALARM, state="active", acknowledged_by="", revision=1)
SEEN = replace(AN_ALARM, revision=2)
OVER = replace(AN_ALARM, state=ENDED, revision=3)


class Desk:
    """A feed, its hub, and one page that reads all."""

    def __init__(self):
        self.now_ns = 1_000 * NS_PER_S
        self.hub = Hub(lambda: self.now_ns, rank=urgency)
        self.feed = Feed(self.hub, Stalls(load_policy()), N_PARTITIONS, lambda: self.now_ns)
        self.viewer = self.hub.join()
        self.offset = 0
        self.words = []

    def take(self, topic, *values, at_ms=1_000_000):
        first, self.offset = self.offset, self.offset + len(values)
        return self.feed.take(
            Record(Place(topic, HERE), first + k, at_ms, value) for k, value in enumerate(values)
        )

    def said(self, kind):
        """Give what the page was told of a kind since it was last asked for that."""
        frames = pages.decode(self.hub.collect(self.viewer))
        self.words += [pages.decode_json(f) for f in frames if f.kind == pages.JSON]
        found = [one for one in self.words if one["type"] == kind]
        self.words = [one for one in self.words if one["type"] != kind]
        return found

    def states(self):
        return [alarm["state"] for told in self.said("alarms") for alarm in told["alarms"]]


def alarms(*several, held=()):
    changes = [AlarmChange("revised", alarm.t_ns, alarm) for alarm in several]
    return encode_alarms(AlarmNews(5, changes, held))


@pytest.fixture
def desk():
    return Desk()


def test_what_a_worker_says_again_after_a_death_is_not_shown_again(desk):
    assert desk.take(ALARMS, alarms(ACTIVE)) == ([ACTIVE], [])
    desk.take(ALARMS, alarms(SEEN))
    assert desk.states() == ["active", "acknowledged"]
    assert desk.take(ALARMS, alarms(ACTIVE), alarms(SEEN)) == ([], [])
    assert desk.states() == []
    desk.take(ALARMS, alarms(OVER))
    desk.take(ALARMS, alarms(ACTIVE, SEEN, OVER))
    assert desk.states() == ["ended"]
    assert desk.hub.alarm(AN_ALARM.id) is None
    assert desk.feed.offsets == {HERE: desk.offset}


def test_what_a_store_knows_gives_way_to_what_is_newer(desk):
    desk.feed.begin([Participant(WHO, "Kim")], [SEEN], [Held(WHO, (), (QUIET,))])
    assert desk.states() == ["acknowledged"]
    desk.take(ALARMS, alarms(ACTIVE))
    assert desk.hub.alarm(AN_ALARM.id).state == "acknowledged"
    desk.take(ALARMS, alarms(held=[Held(WHO)]))
    assert desk.said("holds")[-1]["holds"][0]["inactivations"] == []


def test_days_of_changes_read_at_once_are_told_as_they_are_now(desk):
    desk.take(ALARMS, alarms(ACTIVE), alarms(SEEN), alarms(OVER))
    assert desk.states() == ["ended"]


def test_who_takes_part_is_listed_and_who_was_not_announced_as_well(desk):
    desk.take(CONTROL, encode_people(Enrolment([Participant(WHO, "Kim", "hike")], 0, True)))
    desk.take(CONTROL, encode_controls([Control("p9", 5, "mark", {})]))
    samples = np.zeros((250, 1), np.int16)
    ecg = pack([Chunk("stranger", "patch", "ecg", 999 * NS_PER_S, samples, 250.0, scale=0.01)])
    desk.take(raw("ecg"), wire.encode(ecg))
    desk.take(CONTROL, encode_people(Enrolment([Participant("p2")], 0)))
    listed = desk.said("participants")[-1]
    assert [one["name"] for one in listed["participants"]] == ["Kim", "stranger", "p2"]
    assert listed["simulated"]
    assert desk.feed.newest_ms == {HERE: 1_000_000}
    desk.viewer.watch((1,), None)
    frames = pages.decode(desk.hub.collect(desk.viewer))
    (row,) = [r for f in frames if f.kind == pages.WAVEFORMS for r in pages.decode_waves(f)]
    assert (row.signal, len(row.samples)) == ("ecg", 250)


def test_values_and_findings_are_shown(desk):
    rate = SeriesRows(
        KIND, "heart_rate", ("rate", "source"), [WHO], np.array([999 * NS_PER_S]),
        np.array([[61.0, 0.0]]),
    )  # fmt: skip
    found = Finding(finding_id(WHO, "af", 7), 0, WHO, "af", "onset", 7, 7, 9, 0.5)
    desk.take(FEATURES, encode_series([rate]))
    desk.take(EVENTS, encode_findings([found]))
    desk.hub.advance()
    frames = pages.decode(desk.hub.collect(desk.viewer))
    rows = [r for f in frames if f.kind == pages.SUMMARY_ROWS for r in pages.decode_summary(f)]
    assert [float(r["heart_rate"]) for r in rows] == [61.0]
    assert desk.hub.recent(WHO).findings == [found]


def test_what_cannot_be_read_hides_nothing_of_the_rest(desk):
    desk.take(ALARMS, b"poison", alarms(ACTIVE))
    desk.take(raw("ecg"), b"poison")
    assert desk.states() == ["active"]


def test_a_partition_that_stands_still_is_listed_and_said_of_all_of_its_people(desk):
    desk.take(CONTROL, encode_people(Enrolment([Participant(WHO)], 0)))
    spo2 = pack([
        Chunk(WHO, "d", "spo2", 0, np.array([[97.0]], np.float32), t_ns=np.array([0]))
    ])  # fmt: skip
    for second in range(20):
        desk.now_ns += NS_PER_S
        desk.take(raw("spo2"), wire.encode(spo2), at_ms=1_000_000 + 1000 * second)
        desk.feed.pass_time()
    (told,) = desk.said("alarms")
    assert told["alarms"][0]["code"] == "pipeline_stalled"
    desk.take(PROGRESS, encode_progress("a", 1_000_000 + 20_000))
    desk.now_ns += NS_PER_S
    desk.feed.pass_time()
    began, ended = [one for told in desk.said("holds") for one in told["holds"]]
    assert [(one["code"], one["signal"]) for one in began["suspensions"]] == [
        ("pipeline_stalled", "all")
    ]
    assert ended["suspensions"] == []
