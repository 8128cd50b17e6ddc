import dataclasses

import numpy as np
import pytest

from dashboards.monitor import viewer as viewer_module
from dashboards.monitor import wire
from dashboards.monitor.hub import Hub
from processors.records import NS_PER_S, Finding, finding_id
from registry.participants import Participant
from tests.dashboards.feeder import ECG_HZ, Feeder

T = 1_700_000_000 * NS_PER_S


class Desk:
    """A hub on a clock turned by hand, with a feeder and one page."""

    def __init__(self, participants: int = 4, **options) -> None:
        self.now = T
        self.hub = Hub(lambda: self.now, **options)
        self.feeder = Feeder(self.hub, participants, start_ns=T)
        self.page = self.hub.join("somebody")

    def feed(self, seconds: float) -> None:
        for _ in range(round(seconds * 5)):
            self.now = self.feeder.now_ns() + NS_PER_S // 5  # a block comes when it is over
            self.feeder.step()

    def frames(self, page=None):
        return list(wire.decode(self.hub.collect(page or self.page)))

    def words(self, page=None):
        frames = self.frames(page)
        return [wire.decode_json(frame) for frame in frames if frame.kind == wire.JSON]

    def waves(self, page=None):
        frames = self.frames(page)
        return [
            row for frame in frames if frame.kind == wire.WAVEFORMS
            for row in wire.decode_waves(frame)
        ]  # fmt: skip

    def summary(self):
        self.hub.advance()
        frames = [frame for frame in self.frames() if frame.kind == wire.SUMMARY_ROWS]
        return wire.decode_summary(frames[-1])


def test_the_first_message_is_the_whole_state():
    desk = Desk()
    desk.feed(1)
    raised = desk.feeder.alarm(2, "vt", "high", ("fast", "빠름"))
    words = desk.words(desk.hub.join("somebody"))
    hello = words[0]
    assert hello["type"] == "hello"
    assert [person["id"] for person in hello["participants"]] == list(desk.feeder.ids)
    assert [alarm["id"] for alarm in hello["alarms"]] == [raised.id]
    assert hello["status"]["phase"] == "live"


def test_only_watched_participants_get_waveforms():
    desk = Desk()
    desk.feed(2)
    assert desk.waves() == []
    desk.page.watch((1, 3), None)
    assert {row.participant for row in desk.waves()} == {1, 3}


def test_a_new_trace_is_filled_at_once_and_then_only_continued():
    desk = Desk()
    desk.feed(20)
    desk.page.watch((1,), None)
    (first,) = desk.waves()
    assert first.begin
    assert len(first.samples) == 12 * ECG_HZ
    desk.feed(0.2)
    (second,) = desk.waves()
    assert not second.begin
    assert second.position == first.position + len(first.samples)
    assert len(second.samples) == 0.2 * ECG_HZ
    assert desk.waves() == []


def test_the_participant_shown_large_gets_more_and_its_values():
    desk = Desk()
    desk.feed(29.8)
    desk.page.watch((), 0)
    desk.hub.advance()
    frames = desk.frames()
    rows = [r for f in frames if f.kind == wire.WAVEFORMS for r in wire.decode_waves(f)]
    assert {row.signal for row in rows} == {"ecg", "ppg"}
    assert max(len(row.samples) for row in rows) == 28 * ECG_HZ
    values = [wire.decode_json(f) for f in frames if f.kind == wire.JSON][-1]
    assert values["type"] == "values"
    assert {value["name"] for value in values["values"]} >= {"heart_rate", "spo2"}


def test_pages_that_watch_the_same_share_the_same_bytes():
    desk = Desk()
    desk.feed(3)
    other = desk.hub.join()
    for page in (desk.page, other):
        page.watch((0, 1), None)
        desk.hub.collect(page)
    desk.feed(0.2)
    assert desk.hub.collect(desk.page) == desk.hub.collect(other)


def test_a_slow_page_loses_old_samples_and_then_goes_on():
    desk = Desk()
    desk.feed(1)
    desk.page.watch((1,), None)
    (first,) = desk.waves()
    desk.feed(25)
    (late,) = desk.waves()
    assert len(late.samples) == 12 * ECG_HZ
    assert late.position > first.position + len(first.samples)
    assert not late.begin


def test_a_page_that_leaves_alarms_unread_is_evicted():
    desk = Desk()
    for k in range(300):  # a gateway that falls silent raises as many at once
        desk.feeder.alarm(0, f"code{k}", "technical", ("x", "x"))
    assert not desk.page.evicted
    desk.feeder.alarm(0, "long", "low", ("x" * viewer_module.MAX_WAITING, "x"))
    assert desk.page.evicted
    desk.feeder.alarm(0, "after", "low", ("x", "x"))
    assert desk.page.take() == []


def test_unknown_indices_are_watched_in_vain():
    desk = Desk()
    desk.feed(1)
    desk.page.watch((60_000, 65_535), 50_000)
    desk.hub.advance()
    assert desk.waves() == []


def test_the_summary_blanks_what_is_stale_and_says_how_old_it_is():
    desk = Desk()
    desk.feed(2)
    fresh = desk.summary()
    assert fresh["heart_rate"][0] == pytest.approx(55, abs=2)
    assert fresh["ecg_age_s"][0] == 0.0
    desk.now += 12 * NS_PER_S
    stale = desk.summary()
    assert np.isnan(stale["heart_rate"]).all()
    assert np.isnan(stale["ecg_quality"]).all()
    assert stale["ecg_age_s"][0] == pytest.approx(12.0)
    assert stale["heart_rate_age_s"][0] == pytest.approx(12.0)


def test_a_device_clock_an_hour_fast_ages_from_arrival():
    desk = Desk()
    ahead = Feeder(desk.hub, 4, start_ns=T + 3600 * NS_PER_S)
    for _ in range(10):
        ahead.step()
        desk.now += NS_PER_S // 5
    assert desk.summary()["heart_rate"][0] == pytest.approx(55, abs=2)
    desk.now += 12 * NS_PER_S
    stale = desk.summary()
    assert np.isnan(stale["heart_rate"]).all()
    assert stale["heart_rate_age_s"][0] == pytest.approx(12.2)
    assert stale["ecg_age_s"][0] == pytest.approx(12.2)


def test_those_without_data_have_no_age():
    desk = Desk()
    assert np.isnan(desk.summary()["ecg_age_s"]).all()


def test_flags_tell_of_lead_noise_and_signals():
    desk = Desk()
    desk.feed(1)
    ids = list(desk.feeder.ids)
    table = np.array([[0.1, 0, 0, 0, 0, 1], [0.5, 0.5, 1, 0, 1, 0.0]])
    desk.hub.on_values(ids[:2], "ecg_quality", table, desk.now)
    flags = desk.summary()["flags"]
    assert flags[0] == wire.HAS_ECG | wire.HAS_PPG | wire.LEAD_OFF
    assert flags[1] == wire.HAS_ECG | wire.FLAT | wire.NOISY


def test_an_alarm_goes_out_at_once_with_the_new_rank():
    desk = Desk()
    desk.feed(1)
    desk.frames()
    raised = desk.feeder.alarm(2, "vt", "high", ("fast", "빠름"))
    frames = desk.frames()
    assert wire.decode_json(frames[0])["alarms"][0]["reason"] == "fast"
    row = wire.decode_summary(frames[1])[0]
    assert (row["participant"], row["level"], row["n_alarms"]) == (2, 0, 1)
    assert desk.hub.alarm(raised.id) is raised


def test_an_acknowledged_alarm_ranks_lower_and_an_ended_one_is_gone():
    desk = Desk()
    raised = desk.feeder.alarm(2, "vt", "high", ("fast", "빠름"))
    desk.feeder.acknowledge(raised.id, "somebody")
    assert desk.summary()["level"][2] == 4
    ended = dataclasses.replace(desk.feeder.alarms[raised.id], state="ended")
    desk.hub.on_alarms([ended])
    assert desk.summary()["level"][2] >= 12
    assert desk.hub.alarm(raised.id) is None
    assert [alarm.id for alarm in desk.hub.recent(desk.feeder.ids[2]).alarms] == [raised.id]


def test_the_rank_can_be_injected():
    desk = Desk(rank=lambda alarms: (3 if list(alarms) else 99, 0))
    desk.feeder.alarm(1, "vt", "high", ("fast", "빠름"))
    assert desk.summary()["level"][1] == 3


def test_a_known_id_keeps_its_index_and_who_leaves_is_not_listed():
    desk = Desk(3)
    a, _, c = desk.feeder.ids
    desk.hub.set_participants([Participant(c, "New name"), Participant(a), Participant("extra")])
    listed = [word for word in desk.words() if word["type"] == "participants"][-1]["participants"]
    assert [(p["i"], p["id"], p["name"]) for p in listed] == [
        (0, a, a), (2, c, "New name"), (3, "extra", "extra"),
    ]  # fmt: skip
    assert desk.summary()["participant"].tolist() == [0, 2, 3]


def test_data_of_somebody_unannounced_are_listed_by_id():
    desk = Desk(1)
    desk.hub.on_values(["stranger"], "heart_rate", np.array([70.0]), T)
    assert desk.summary()["participant"].tolist() == [0, 1]
    assert desk.hub.knows("stranger")


def finding(desk: Desk, back_s: float = 0.0) -> Finding:
    person, at = desk.feeder.ids[1], desk.now - round(back_s * NS_PER_S)
    return Finding(
        finding_id(person, "pause", at), 0, person, "pause", "point", at, at, desk.now, 3.2
    )


def test_a_strip_is_ten_seconds_with_the_moment_at_the_seventh():
    desk = Desk()
    desk.feed(15)
    strip = desk.hub.strip(desk.feeder.ids[1], desk.now - 4 * NS_PER_S)
    assert len(strip.samples) == 10 * ECG_HZ
    assert strip.at_ns - strip.t0_ns == 7 * NS_PER_S


def test_a_strip_holds_what_there_is():
    desk = Desk()
    assert desk.hub.strip(desk.feeder.ids[1], T) is None
    assert desk.hub.strip("nobody", T) is None
    desk.feed(3)
    assert len(desk.hub.strip(desk.feeder.ids[1], desk.now).samples) == 3 * ECG_HZ
    assert desk.hub.strip(desk.feeder.ids[1], desk.now + 60 * NS_PER_S) is None
    assert desk.hub.strip(desk.feeder.ids[1], desk.now - 60 * NS_PER_S) is None


def test_the_strip_of_a_finding_is_cut_when_its_last_sample_is_there():
    kept = []
    desk = Desk(on_strip=lambda found, strip: kept.append((found.id, len(strip.samples))))
    desk.feed(12)
    found = finding(desk, back_s=1.0)
    desk.hub.on_findings([found])
    desk.feed(1)
    desk.hub.advance()
    assert kept == []
    desk.feed(1)
    desk.hub.advance()
    assert kept == [(found.id, 10 * ECG_HZ)]
    assert set(desk.hub.recent(found.participant).strips) == {found.id}


def test_the_strip_of_a_silent_device_is_cut_after_five_seconds():
    kept = []
    desk = Desk(on_strip=lambda found, strip: kept.append(len(strip.samples)))
    desk.feed(12)
    desk.hub.on_findings([finding(desk)])
    desk.hub.advance(desk.now + 9 * NS_PER_S)
    assert kept == [7 * ECG_HZ]


def test_an_onset_dated_back_beyond_the_ring_shows_what_led_to_the_finding():
    desk = Desk()
    desk.feed(20)
    found = finding(desk, back_s=64.0)
    desk.hub.on_findings([found])
    desk.feed(4)
    desk.hub.advance()
    strip = desk.hub.recent(found.participant).strips[found.id]
    assert strip.at_ns == found.at_ns < strip.t0_ns
    assert len(strip.samples) == 10 * ECG_HZ


def test_the_page_that_shows_a_participant_is_told_of_new_findings():
    desk = Desk()
    desk.page.watch((), 1)
    desk.words()
    desk.hub.on_findings([finding(desk)])
    assert [word["type"] for word in desk.words()] == ["history"]


def test_an_engine_that_falls_silent_is_told_after_three_seconds():
    now = 0.0
    hub = Hub(seconds=lambda: now)
    hub.set_status(0.25, "live")
    now = 3.0
    assert hub.status() == {"phase": "live", "lag_s": 0.25, "detail": "", "silent_s": None}
    now = 4.5
    assert hub.status()["silent_s"] == 4.5
    hub.set_status(float("nan"), "compiling")
    assert hub.status() == {"phase": "compiling", "lag_s": None, "detail": "", "silent_s": None}


def test_an_engine_that_says_nothing_is_trouble_and_so_is_what_it_says():
    now = 0.0
    hub = Hub(seconds=lambda: now)
    assert hub.trouble() == ""
    now = 3.5
    assert hub.trouble() == "no word from the engine for 3.5 s"
    hub.set_status(0.1, "live", "disk is full")
    assert hub.trouble() == "disk is full"
    hub.set_status(float("nan"), "failed", "no memory")
    now = 10.0
    assert hub.trouble() == "engine stopped: no memory"


def test_the_age_of_the_newest_sample_is_that_of_the_last_to_come():
    desk = Desk()
    assert desk.hub.newest_sample_age_s() is None
    desk.feed(1)
    desk.feeder.silent |= {0, 1}
    desk.feed(1)
    desk.now += 2 * NS_PER_S
    assert desk.hub.newest_sample_age_s() == pytest.approx(2.0)


def test_signals_that_are_not_drawn_are_ignored():
    desk = Desk()
    block = dataclasses.replace(desk.feeder.make_block("ppg", np.arange(2)), signal="acceleration")
    desk.hub.on_block(block)
    assert np.isnan(desk.summary()["ppg_age_s"]).all()


def test_a_participant_who_leaves_takes_the_page_with_them():
    desk = Desk()
    desk.hub.leave(desk.page)
    desk.hub.leave(desk.page)
    assert not desk.hub.viewers


@pytest.mark.bench
def test_a_block_of_500_rows_costs_less_than_two_milliseconds(benchmark):
    desk = Desk(500)
    desk.feed(1)
    rows = np.arange(500)
    blocks = []
    for _ in range(100):
        blocks.append(desk.feeder.make_block("ecg", rows))
        desk.feeder.block += 1
    feeding = iter(blocks)
    benchmark.pedantic(lambda: desk.hub.on_block(next(feeding)), rounds=100)
    assert benchmark.stats["median"] < 2e-3
