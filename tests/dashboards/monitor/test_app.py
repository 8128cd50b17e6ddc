"""The application behind a real server, spoken to over real sockets."""

import contextlib
import http.client
import json
import struct

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dashboards.monitor import wire
from dashboards.monitor.history import ParticipantHistory
from dashboards.monitor.requests import MAX_TEXT
from processors.records import Finding
from tests.dashboards.feeder import DemoBurden


def get(served, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    with contextlib.closing(connection):
        connection.putrequest("GET", path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def page(served, **options):
    options.setdefault("origin", served.url)
    return connect(served.url.replace("http", "ws") + "/ws", compression=None, **options)


def said(socket):
    """Give every JSON frame that comes."""
    while True:
        for frame in wire.decode(socket.recv(timeout=10)):
            if frame.kind == wire.JSON:
                yield wire.decode_json(frame)


def of(heard, kind):
    """Give the next of this type of what `said` gives."""
    return next(message for message in heard if message["type"] == kind)


def words(socket, kind):
    """Read until a JSON frame of this type comes; what came with it is lost."""
    return of(said(socket), kind)


def closed_with(socket):
    try:
        while True:
            socket.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def test_the_page_and_its_modules_are_served_with_a_strict_policy(shared):
    for path in ("/", "/static/main.js", "/static/style.css", "/healthz"):
        status, headers, body = get(shared, path)
        assert status == 200
        assert body
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert get(shared, "/")[1]["cache-control"] == "no-store"
    assert get(shared, "/static/main.js")[1]["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/", "/x"])
def test_nothing_else_is_served(shared, path):
    assert get(shared, path)[0] == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "127.0.0.1.evil.example:8080", "", "[::2]:80", "[::1].evil.com",
        "[::1]evil", "[::1]:", "[::1]:80x", "[::1", "127.0.0.1:evil", "localhost:80:80",
        "localhost:",
    ],
)  # fmt: skip
def test_a_foreign_host_name_is_refused_with_the_headers(shared, host):
    status, headers, body = get(shared, "/healthz", Host=host)
    assert status == 421
    assert body
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_names_of_this_machine_are_served(serve):
    served = serve(hosts=["ward-3.local"])
    for host in ("localhost", f"LOCALHOST:{served.port}", "[::1]:8080", "ward-3.local:80"):
        assert get(served, "/", Host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://"])
def test_a_websocket_from_a_foreign_page_is_refused(shared, origin):
    with pytest.raises(InvalidStatus) as caught, page(shared, origin=origin):
        pass
    refused = caught.value.response
    assert refused.status_code == 403
    assert "default-src 'none'" in refused.headers["content-security-policy"]
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_a_websocket_from_a_page_of_another_scheme_is_refused(shared):
    with (
        pytest.raises(InvalidStatus) as caught,
        page(shared, origin=shared.url.replace("http", "https")),
    ):
        pass
    assert caught.value.response.status_code == 403


def test_a_probe_without_origin_may_connect(shared):
    with page(shared, origin=None) as socket:
        assert words(socket, "hello")["operator"] == "local operator"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 1008),
        ("[" * 5000, 1008),
        (b"\xff" * 50, 1008),
        ('{"type":"watch","participants":[-1]}', 1008),
        (json.dumps({"type": "watch", "participants": list(range(5000))}), 1008),
        ("x" * (MAX_TEXT + 1), 1008),
        ("x" * (5 * MAX_TEXT), 1009),
    ],
    ids=["cut", "deep", "bytes", "negative", "list", "long", "oversize"],
)
def test_a_hostile_message_closes_its_page_with_a_reason_and_no_other(shared, message, code):
    with page(shared) as good, page(shared) as bad:
        words(good, "hello")
        bad.send(message)
        found, reason = closed_with(bad)
        assert found == code
        assert reason
        good.send('{"type":"acknowledge","alarm":"nothing"}')
        assert words(good, "refused")


def test_a_flood_of_requests_closes_the_page(shared):
    with page(shared) as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(100):
                socket.send('{"type":"alive"}')
        assert closed_with(socket) == (1008, "too many requests")


def test_one_page_too_many_is_turned_away(serve):
    served = serve(max_viewers=1)
    with page(served) as first, page(served) as second:
        words(first, "hello")
        assert closed_with(second)[0] == 1013


def test_a_page_that_leaves_makes_room(serve):
    served = serve(max_viewers=1)
    for _ in range(3):
        with page(served) as socket:
            words(socket, "hello")


def test_watched_traces_come_and_status_every_second(shared):
    with page(shared) as socket:
        words(socket, "hello")
        socket.send('{"type":"watch","participants":[1],"detail":null}')
        rows = []
        while not rows:
            for frame in wire.decode(socket.recv(timeout=10)):
                rows += wire.decode_waves(frame) if frame.kind == wire.WAVEFORMS else []
        assert {row.participant for row in rows} == {1}
        assert words(socket, "status")["phase"] == "live"


def test_an_acknowledgement_reaches_the_system_and_comes_back(serve):
    served = serve(operator="Dr Kim")
    raised = served.call(served.feeder.alarm, 1, "vt", "high", ("fast", "빠름"))
    with page(served) as socket:
        words(socket, "hello")
        socket.send(json.dumps({"type": "acknowledge", "alarm": raised.id}))
        (alarm,) = words(socket, "alarms")["alarms"]
        assert (alarm["state"], alarm["acknowledged_by"]) == ("acknowledged", "Dr Kim")
    assert served.acknowledged == [(raised.id, "Dr Kim")]


def test_an_unknown_alarm_is_refused_in_words_and_the_page_stays(shared):
    with page(shared) as socket:
        socket.send('{"type":"acknowledge","alarm":"nothing"}')
        assert words(socket, "refused")["reason"] == "this alarm is no longer shown"
        socket.send('{"type":"acknowledge","alarm":"nothing else"}')
        assert words(socket, "refused")["alarm"] == "nothing else"
    assert shared.acknowledged == []


class Refuses:
    """A system that takes no acknowledgement."""

    def acknowledge(self, alarm_id, by, useful):
        raise ValueError("needs a note")


def test_a_refusal_by_the_system_is_told(serve):
    served = serve(actions=Refuses())
    raised = served.call(served.feeder.alarm, 1, "vt", "high", ("fast", "빠름"))
    with page(served) as socket:
        socket.send(json.dumps({"type": "acknowledge", "alarm": raised.id}))
        assert words(socket, "refused")["reason"] == "needs a note"


def test_alarms_are_kept_quiet_and_sound_again_when_asked(serve):
    served = serve(operator="Dr Kim")
    served.call(served.feeder.alarm, 1, "vt", "high", ("fast", "빠름"))
    asked = {
        "type": "inactivate", "kind": "audio_paused", "participant": 1, "seconds": 120,
        "reason": "  with the participant ",
    }  # fmt: skip
    with page(served) as socket:
        heard = said(socket)
        of(heard, "hello")
        socket.send(json.dumps(asked))
        (alarm,) = of(heard, "alarms")["alarms"]
        assert alarm["inactivation"]["kind"] == "audio_paused"
        assert alarm["inactivation"]["reason"] == "with the participant"
        (holds,) = of(heard, "holds")["holds"]
        (act,) = holds["inactivations"]
        assert act["until_ms"] - act["from_ms"] == 120_000
        with page(served) as other:
            assert words(other, "hello")["holds"] == [holds]
        socket.send(json.dumps({"type": "reactivate", "inactivation": act["id"], "participant": 1}))
        assert of(heard, "holds")["holds"][0]["inactivations"] == []
        socket.send(json.dumps({**asked, "seconds": 9999}))
        assert of(heard, "refused") == {"type": "refused", "alarm": None, "reason": "too long"}
        socket.send(json.dumps({**asked, "participant": 60}))
        assert of(heard, "refused")["reason"] == "no such participant"


def test_what_suspends_alarms_is_told(serve):
    served = serve()
    with page(served) as socket:
        words(socket, "hello")
        served.call(served.feeder.suspend, 2, "lead_off", "ecg")
        (holds,) = words(socket, "holds")["holds"]
        assert (holds["participant"], holds["suspensions"][0]["signal"]) == (2, "ecg")


def test_burden_is_read_for_a_number_of_days(serve):
    served = serve(burden=lambda days: DemoBurden(person_days=days))
    told = json.loads(get(served, "/api/burden?days=30")[2])
    assert (told["person_days"], told["useful_share"]) == (30.0, None)
    assert told["answers"]["high"] == {"n": 2, "median_s": 12.0, "p90_s": 40.0}
    for wrong in ("0", "-1", "nan", "inf", "9999", "x"):
        assert get(served, f"/api/burden?days={wrong}")[0] == 400
    assert get(serve(), "/api/burden")[0] == 404


def test_screening_is_read_for_a_day(serve):
    served = serve(screening=lambda day: {"day": str(day)})
    assert json.loads(get(served, "/api/screening?day=2026-11-25")[2]) == {"day": "2026-11-25"}
    assert json.loads(get(served, "/api/screening")[2]) == {"day": "None"}
    for wrong in ("yesterday", "2026-13-01", "2026-11-25%00"):
        assert get(served, f"/api/screening?day={wrong}")[0] == 400
    assert get(serve(), "/api/screening")[0] == 404


def test_findings_of_store_and_memory_are_joined_newest_first(serve):
    old = Finding(
        "f1", 0, "P-0001", "pause", "point", 10**9, 10**9, 10**9, float("nan"), {"rr_ms": 3100.0}
    )

    def history(participant):
        assert participant == "P-0001"
        return ParticipantHistory([old])

    served = serve(history=history)
    served.call(served.feeder.finding, 1, "vt", 4.0)
    status, headers, body = get(served, "/api/participants/P-0001/findings")
    assert status == 200
    assert headers["cache-control"] == "no-store"
    found = json.loads(body)["findings"]
    assert [each["code"] for each in found] == ["vt", "pause"]
    assert found[1]["evidence"] == {"rr_ms": 3100.0}
    assert get(served, "/api/participants/nobody/findings")[0] == 404


def test_health_is_ok_with_the_age_of_the_newest_sample(shared):
    status, _, body = get(shared, "/healthz")
    told = json.loads(body)
    assert (status, told["status"], told["reason"]) == (200, "ok", "")
    assert 0 <= told["newest_sample_age_s"] < 5


@pytest.mark.parametrize(
    ("phase", "detail", "reason"),
    [
        ("live", "store writer: disk is full", "store writer: disk is full"),
        ("failed", "division by zero", "engine stopped: division by zero"),
        ("failed", "", "engine stopped"),
    ],
)
def test_health_fails_with_the_reason_the_system_gives(serve, phase, detail, reason):
    served = serve()
    served.call(served.hub.set_status, 0.2, phase, detail)
    status, headers, body = get(served, "/healthz")
    told = json.loads(body)
    assert (status, told["status"], told["reason"]) == (503, "failing", reason)
    assert told["newest_sample_age_s"] is None
    assert headers["cache-control"] == "no-store"
    served.call(served.hub.set_status, 0.2, "live")
    assert get(served, "/healthz")[0] == 200


def test_the_server_survives_bytes_that_are_no_websocket_frame(shared):
    with page(shared) as socket:
        words(socket, "hello")
        socket.socket.sendall(struct.pack("<Q", 0xFFFFFFFFFFFFFFFF))
        assert closed_with(socket)[0] == 1002
    assert get(shared, "/healthz")[0] == 200
