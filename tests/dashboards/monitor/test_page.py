"""The real page in a real browser, against a real server with the synthetic feeder."""

import dataclasses
import re

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

from dashboards.monitor.history import ParticipantHistory
from processors.records import Finding
from tests.dashboards.feeder import DemoBurden, Person
from tests.needs import chromium

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Sum of all opaque pixels of a tile's ECG lane: changes as the trace moves.
PIXELS = """(k) => {
  const canvas = document.querySelectorAll('.tile canvas')[2 * k];
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 3; i < data.length; i += 4) sum += data[i] * (i % 9973);
  return sum;
}"""


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def look(browser):
    """Give a function that opens a page; an error in the page's code fails the test."""
    contexts, errors = [], []

    def open_page(served, path="/", **options):
        options.setdefault("viewport", {"width": 1200, "height": 800})
        context = browser.new_context(**{"locale": "en-US", **options})
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Security" in said.text else 0)
        page.goto(served.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def until(page, expression):
    """Wait until an expression is true; the page's own policy forbids Playwright's way to wait."""
    for _ in range(160):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {expression}")


def tiles(page):
    return page.locator(".tile:not([hidden])")


def names(page):
    return page.locator(".tile:not([hidden]) .name").all_text_contents()


def test_tiles_appear_and_their_traces_move(serve, look):
    served = serve(5, live=True)
    page = look(served)
    expect(tiles(page)).to_have_count(5)
    expect(tiles(page).first.locator(".number")).to_have_text(re.compile(r"^\d+$"))
    expect(tiles(page).first.locator(".unit")).to_have_text("bpm ECG")
    expect(page.locator("#engine")).to_have_text("Live, 0.3 s behind")
    expect(page.locator("#simulated")).to_be_visible()
    until(page, f"({PIXELS})(1) > 0")
    before = page.evaluate(PIXELS, 1)
    until(page, f"({PIXELS})(1) !== {before}")


def test_who_wears_only_a_ppg_is_shown_by_it(serve, look):
    served = serve(1)
    served.call(served.hub.set_status, 0.3, "live")
    served.call(served.hub.on_block, served.feeder.make_block("ppg", np.array([0])))
    tile = tiles(look(served)).first
    # The one block is fresh for two seconds, which a slow browser may miss.
    expect(tile.locator(".why")).to_have_text(re.compile("^(PPG alone: no heart rate|no PPG for)"))
    expect(tile.locator("canvas").first).to_be_hidden()
    expect(tile.locator("canvas").last).to_be_visible()


def test_an_alarm_sorts_its_tile_first_with_words_and_is_acknowledged(serve, look):
    served = serve(5, live=True)
    page = look(served)
    expect(tiles(page)).to_have_count(5)
    last = served.feeder.people[4].name
    assert names(page)[0] != last
    served.call(served.feeder.alarm, 2, "pvc_frequent", "low", ("Ventricular beats 12/min", "심실"))
    served.call(
        served.feeder.alarm, 4, "vt", "high", ("Ventricular tachycardia 162/min", "심실빈맥")
    )
    first = tiles(page).first
    expect(first.locator(".name")).to_have_text(last)
    expect(first.locator(".alarm")).to_contain_text("!!!")
    expect(first.locator(".alarm")).to_contain_text("High")
    expect(first.locator(".alarm")).to_contain_text("Ventricular tachycardia 162/min")
    expect(tiles(page).nth(1).locator(".alarm")).to_contain_text("Low")
    expect(page.locator("#tally li").first).to_contain_text("1")
    first.locator(".acknowledge").click()
    expect(page.locator(".tile", has_text="acknowledged by local operator")).to_have_count(1)
    (acknowledged,) = served.acknowledged
    assert acknowledged[1] == "local operator"
    # Answered, the high alarm still stands above nobody who has an open one.
    expect(tiles(page).first.locator(".alarm")).to_contain_text("Low")


def test_the_header_says_how_far_behind_the_engine_is(serve, look):
    served = serve(1)
    page = look(served)
    engine = page.locator("#engine")
    served.call(served.hub.set_status, float("nan"), "compiling")
    expect(engine).to_have_text("\u25b2 Compiling detectors: raw traces only")
    served.call(served.hub.set_status, 12.3, "live")
    expect(engine).to_have_text("\u25b2 12 s behind")
    expect(engine).to_have_text(re.compile(r"No word from the engine for \d+ s"))


def test_no_alarm_is_said_only_as_far_as_anybody_has_looked(serve, look):
    served = serve(1)
    page = look(served)
    alarm = tiles(page).first.locator(".alarm")
    served.call(served.hub.set_status, 0.3, "live")
    expect(alarm).to_have_text("No alarm")
    served.call(served.hub.set_status, float("nan"), "compiling")
    expect(alarm).to_have_text("Not watched yet: detectors are being compiled")
    served.call(served.hub.set_status, 140.2, "catching_up")
    expect(alarm).to_have_text(re.compile(r"^No alarm until 14\d s ago$"))
    tiles(page).first.locator(".name").click()
    opened = page.locator("#participant p.quiet")
    expect(opened.filter(has_text=re.compile(r"^No alarm until 1\d\d s ago$"))).to_be_visible()
    served.call(served.hub.set_status, float("nan"), "failed", "no memory")
    expect(opened.filter(has_text="Alarm state not known")).to_be_visible()


def test_an_engine_that_stopped_is_a_banner_with_its_reason(serve, look):
    served = serve(1)
    page = look(served)
    banner = page.locator("#banner")
    expect(banner).to_be_hidden()
    served.call(served.hub.set_status, float("nan"), "failed", "no memory")
    expect(banner).to_have_text("Engine stopped: no memory")
    expect(page.locator("#engine")).to_contain_text("Engine stopped")
    page.click("#language")
    expect(banner).to_have_text("엔진이 멈췄습니다: no memory")
    served.call(served.hub.set_status, 0.1, "live")
    expect(banner).to_be_hidden()


def test_a_silent_device_is_blanked_and_said_so(serve, look):
    served = serve(2, live=True)
    page = look(served)
    expect(tiles(page).first.locator(".number")).to_have_text(re.compile(r"^\d+$"))
    served.feeder.silent |= {0}
    expect(tiles(page).first.locator(".why")).to_have_text(re.compile(r"no ECG for \d+ s"))
    expect(tiles(page).nth(1).locator(".why")).to_be_hidden()


def test_a_lost_server_blanks_the_page_and_its_return_is_noticed(serve, look):
    served = serve(2, live=True)
    page = look(served)
    expect(tiles(page).first.locator(".number")).to_have_text(re.compile(r"^\d+$"))
    served.stop()
    expect(page.locator("#banner")).to_contain_text("lost")
    expect(page.locator("#connection")).to_contain_text("Not connected")
    expect(tiles(page).first.locator(".number")).to_have_text("--")
    expect(tiles(page).first.locator(".why")).to_have_text("no connection to the server")
    expect(page.locator("#banner")).to_contain_text("blanked")
    serve(3, live=True, port=served.port)
    expect(tiles(page)).to_have_count(3, timeout=12_000)
    expect(page.locator("#banner")).to_be_hidden()
    expect(tiles(page).first.locator(".number")).to_have_text(re.compile(r"^\d+$"))


def test_keys_open_a_participant_with_strips_and_come_back(serve, look):
    served = serve(4, live=True)
    for _ in range(60):  # 12 s of trace, so that the strip is complete
        served.call(served.feeder.step)
    page = look(served)
    expect(tiles(page)).to_have_count(4)
    served.call(served.feeder.finding, 1, "pause", 3.2)
    for _ in range(20):
        served.call(served.feeder.step)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#person-name")).to_have_text(served.feeder.people[1].name)
    strip = page.locator(".strip canvas")
    expect(strip).to_have_count(1)
    assert strip.bounding_box()["width"] == pytest.approx(10 * 25 * 96 / 25.4, abs=2)
    expect(page.locator(".strip-note")).to_contain_text("marks the onset")
    expect(page.locator(".values")).to_contain_text("bpm")
    page.keyboard.press("Escape")
    expect(page.locator("#participant")).to_be_hidden()
    expect(tiles(page).nth(1).locator(".name")).to_be_focused()


def test_a_finding_without_a_sentence_gives_its_evidence_in_words(serve, look):
    said = {
        "pvc_multiform": ({"form": 1.0, "other_form": 2.0}, ""),
        "lead_off": ({"by_device": 0.0, "railed": 1.0, "flat": 0.0}, "at the limit of its range"),
        "poor_signal": (
            {"score": 0.314, "noisy": 1.0, "peak_to_peak_mv": 2.345},
            "quality 31 %, noisy, 2.35 mV from peak to peak",
        ),
        "missed_beat": ({"rr_ms": 1630.0, "mean_rr_ms": 812.4}, "RR 1630 ms, mean RR 812 ms"),
        "pvc_run": ({"beats": 4.0, "rate": 104.6}, "4 beats, 105 /min"),
        "pvc_bigeminy": ({"cycles": 3.0}, "3 cycles"),
        "gap": ({"signal": 0.0, "lost_s": 2.5}, "2.5 s lost"),
        "unheard_of": ({"slope_mv": 0.25, "of_what": 7.0}, "slope 0.25 mV, of what 7"),
    }
    found = [
        Finding(code, 0, "P-0001", code, "point", k * 10**9, k * 10**9, k * 10**9, 1.0, evidence)
        for k, (code, (evidence, _)) in enumerate(said.items(), 1)
    ]
    served = serve(2, history=lambda _: ParticipantHistory(found))
    page = look(served, "/#p=P-0001")
    rows = page.locator(".finding .evidence")
    expect(rows).to_have_count(len(said))
    assert rows.all_text_contents() == [text for _, text in reversed(said.values())]
    page.click("#language")
    expect(rows.nth(1)).to_have_text("2.5초 누락")


def test_of_many_participants_only_those_in_view_exist_and_get_traces(serve, look):
    served = serve(500, live=True)
    page = look(served)
    expect(page.locator("#count")).to_have_text("500 participants")
    shown = tiles(page).count()
    assert 9 <= shown <= 24
    until(page, "vitalstreamPage.feeds.size > 0")
    assert served.call(lambda: {len(v.watched) for v in served.hub.viewers}) == {shown}
    # What monitors on Kafka show of the processing is nobody.
    stalled = Person("partition 0", "Processing, partition 0", "system")
    served.call(served.hub.set_participants, [*served.feeder.people, stalled])
    until(page, "vitalstreamPage.people.size === 501")
    expect(page.locator("#count")).to_have_text("500 participants")
    page.evaluate("document.getElementById('grid').scrollTop = 1e6")
    expect(page.locator(".tile", has_text="P-0499")).to_have_count(1)
    until(page, "vitalstreamPage.feeds.has(499)")
    page.fill("#filter", "p-0321")
    expect(tiles(page)).to_have_count(1)
    served.call(served.feeder.alarm, 77, "vf", "high", ("Ventricular fibrillation", "심실세동"))
    hidden = page.locator("#elsewhere")
    expect(hidden).to_contain_text(served.feeder.people[77].name)
    hidden.click()
    expect(tiles(page).first.locator(".name")).to_have_text(served.feeder.people[77].name)
    expect(hidden).to_be_hidden()
    page.click("#only")
    expect(tiles(page)).to_have_count(1)
    page.fill("#filter", "nobody")
    expect(page.locator("#empty")).to_have_text("No participant matches the filter.")
    page.fill("#filter", "")
    (raised,) = served.feeder.alarms.values()
    served.call(served.hub.on_alarms, [dataclasses.replace(raised, state="ended")])
    expect(page.locator("#empty")).to_have_text("No participant has an alarm.")


def test_korean_is_chosen_by_the_browser_and_the_button_changes_it(serve, look):
    served = serve(2, live=True)
    served.call(served.feeder.alarm, 1, "vt", "high", ("Ventricular tachycardia", "심실빈맥"))
    page = look(served, locale="ko-KR", viewport={"width": 390, "height": 800})
    expect(tiles(page).first.locator(".alarm")).to_contain_text("높음")
    expect(tiles(page).first.locator(".alarm")).to_contain_text("심실빈맥")
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("#language")
    expect(tiles(page).first.locator(".alarm")).to_contain_text("Ventricular tachycardia")
    expect(page.locator("#count")).to_have_text("2 participants")


def test_the_worst_alarm_is_heard_once_sound_is_on_until_it_is_acknowledged(serve, look):
    served = serve(3, live=True)
    page = look(served)
    playing = "vitalstreamPage.sounder.playing"
    served.call(served.feeder.alarm, 1, "spo2_low", "medium", ("SpO2 low", "산소"))
    expect(page.locator("#sound")).to_have_attribute("data-missed", "true")
    assert page.evaluate("vitalstreamPage.sounder.bursts") == 0
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("♪ Sound on")
    until(page, f"{playing} === 'medium' && vitalstreamPage.sounder.bursts >= 1")
    served.call(served.feeder.alarm, 2, "vt", "high", ("Ventricular tachycardia", "심실빈맥"))
    until(page, f"{playing} === 'high'")
    buttons = page.locator(".tile .acknowledge:visible")
    for left in (1, 0):
        buttons.first.click()
        expect(buttons).to_have_count(left)
    until(page, f"{playing} === ''")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")


def test_an_alarm_is_kept_quiet_with_a_reason_and_counts_down(serve, look):
    served = serve(3, live=True)
    raised = served.call(
        served.feeder.alarm, 1, "vt", "high", ("Ventricular tachycardia", "심실빈맥")
    )
    page = look(served, "/#p=P-0001")
    row = page.locator(".alarm-row")
    row.get_by_text("Why?").click()
    expect(row.locator(".grounds")).to_contain_text("a rule")
    row.get_by_text("Quiet…").click()
    page.locator(".quiet-dialog .acknowledge").click()
    assert served.asked == []  # no reason, no inactivation
    page.locator(".quiet-dialog input").fill("with the participant")
    page.locator(".quiet-dialog .acknowledge").click()
    expect(row).to_contain_text(re.compile(r"audio paused 1:5\d"))
    assert served.asked[0][1:6] == (
        "audio_paused", "", raised.id, 120.0, "with the participant",
    )  # fmt: skip
    page.locator(".act-row .end").click()
    expect(page.locator(".act-row")).to_have_count(0)
    expect(row).not_to_contain_text("audio paused")


def test_what_suspends_alarms_is_said_on_the_tile(serve, look):
    served = serve(3, live=True)
    page = look(served)
    expect(tiles(page)).to_have_count(3)
    served.call(served.feeder.suspend, 2, "lead_off", "ecg")
    expect(tiles(page).nth(2).locator(".alarm")).to_have_text("ECG alarms wait: Electrode off")


def test_the_burden_names_the_codes_that_make_most_noise(serve, look):
    served = serve(burden=lambda days: DemoBurden(person_days=60 * days))
    page = look(served, "/burden")
    expect(page.locator("#burden .lead")).to_contain_text(
        "in 420 person-days: 1.3 a person and day"
    )
    expect(page.locator("#burden")).to_contain_text("Most of the noise: Ventricular couplet 35 %")
    page.locator("#days").select_option("30")
    expect(page.locator("#burden .lead")).to_contain_text("in 1800 person-days")
    page.locator("#language").click()
    expect(page.locator("#burden")).to_contain_text("심실빈맥")


def test_the_screening_says_who_is_referred_and_why(serve, look):
    told = {
        "day": "2026-09-21", "least_watched_s": 600.0,
        "totals": [
            {"group": name, "people": 3, "referred": 1, "not_assessed": 1,
             "by_category": {"recovery": 1}, "only": {"recovery": 1}}
            for name in ("hikers", "all")
        ],
        "people": [
            {"participant": "p1", "name": "김서연", "group": "hikers", "referred": True,
             "assessed": True, "watched_s": 3600.0,
             "reasons": [{
                 "criterion": "recovery", "category": "recovery",
                 "title": {"en": "Delayed recovery", "ko": "회복 지연"},
                 "evidence": [{"finding": "f", "code": "heart_rate_recovery_delayed",
                               "onset_s": 1_790_000_900.0, "lasted_s": 0.0,
                               "evidence": {"hrr60": 8.0, "cutoff60": 12.0}}],
             }]},
            {"participant": "p2", "name": "", "group": "hikers", "referred": False,
             "assessed": False, "watched_s": 60.0, "reasons": []},
        ],
    }  # fmt: skip
    page = look(serve(screening=lambda _: told), "/screening")
    expect(page.locator("#screening .lead")).to_have_text("1 of 3 referred")
    expect(page.locator("#screening")).to_contain_text("1 not assessed: watched for less than 10")
    expect(page.locator(".referred > li")).to_have_count(1)
    expect(page.locator(".referred")).to_contain_text("fell 8 /min in 1 min")
    expect(page.locator(".referred .person")).to_have_attribute("href", "/#p=p1")
    expect(page.locator("#day")).to_have_value("2026-09-21")
    page.locator("#language").click()
    expect(page.locator("#screening .lead")).to_have_text("3명 중 1명 의뢰")
