import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.monitor.requests import (
    MAX_TEXT,
    MAX_WATCHED,
    Acknowledge,
    Alive,
    Inactivate,
    Reactivate,
    RequestError,
    Watch,
    read_request,
)

INACTIVATE = {
    "type": "inactivate", "kind": "audio_off", "participant": 3, "code": "vt", "seconds": 60,
    "reason": " being treated ",
}  # fmt: skip

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_requests_are_read():
    assert read_request('{"type":"watch","participants":[3,1,3],"detail":null}') == Watch(
        (3, 1), None
    )
    assert read_request('{"type":"watch","participants":[],"detail":0}') == Watch((), 0)
    assert read_request(b'{"type":"acknowledge","alarm":"a1"}') == Acknowledge("a1")
    assert read_request('{"type":"acknowledge","alarm":"a1","useful":false}').useful is False
    assert read_request('{"type":"alive","more":1}') == Alive()
    assert read_request(json.dumps(INACTIVATE)) == Inactivate(
        "audio_off", 3, "vt", "", 60.0, "being treated"
    )
    assert read_request('{"type":"reactivate","inactivation":"i1","participant":3}') == Reactivate(
        "i1", 3
    )


@pytest.mark.parametrize(
    "change",
    [
        {"kind": 1}, {"participant": -1}, {"participant": True}, {"participant": "3"},
        {"participant": None}, {"code": None}, {"alarm": 7}, {"seconds": 0}, {"seconds": -1},
        {"seconds": 1e9}, {"seconds": True}, {"seconds": "60"}, {"reason": " "}, {"reason": None},
        {"reason": "x" * 501},
    ],
)  # fmt: skip
def test_an_inactivation_that_is_not_whole_is_refused(change):
    with pytest.raises(RequestError):
        read_request(json.dumps({**INACTIVATE, **change}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "7",
        "null",
        "{}",
        '{"type":"delete"}',
        '{"type":["watch"]}',
        '{"type":"watch"}',
        '{"type":"watch","participants":"0"}',
        '{"type":"watch","participants":[-1]}',
        '{"type":"watch","participants":[65536]}',
        '{"type":"watch","participants":[true]}',
        '{"type":"watch","participants":[1.0]}',
        '{"type":"watch","participants":[[0]]}',
        '{"type":"watch","participants":[],"detail":"0"}',
        '{"type":"watch","participants":[],"detail":false}',
        '{"type":"acknowledge"}',
        '{"type":"acknowledge","alarm":""}',
        '{"type":"acknowledge","alarm":"a1","useful":1}',
        '{"type":"reactivate","inactivation":"i1"}',
        '{"type":"reactivate","inactivation":"","participant":1}',
        '{"type":"acknowledge","alarm":7}',
        '{"type":"acknowledge","alarm":"' + "a" * 300 + '"}',
        "[" * 10_000,
        '{"type":"alive","n":' + "9" * 8000 + "}",
        b"\xff\xfe{}",
        b"\x00\x01\x02",
        " " * (MAX_TEXT + 1),
    ],
)
def test_anything_else_is_refused_with_a_reason(text):
    with pytest.raises(RequestError) as caught:
        read_request(text)
    assert caught.value.problem


def test_a_huge_list_is_refused():
    listed = list(range(MAX_WATCHED + 1))
    with pytest.raises(RequestError, match="at most"):
        read_request(json.dumps({"type": "watch", "participants": listed}))


@given(st.text() | st.binary())
def test_arbitrary_text_and_bytes_never_crash(data):
    with contextlib.suppress(RequestError):
        read_request(data)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["watch", "acknowledge", "alive"])},
        optional={"participants": anything, "detail": anything, "alarm": anything},
    )
)
def test_arbitrary_fields_never_crash_and_indices_stay_in_range(message):
    try:
        request = read_request(json.dumps(message))
    except RequestError:
        return
    if isinstance(request, Watch):
        assert all(0 <= index <= 65535 for index in request.participants)
