import itertools

from alerts.alarm import Alarm, Text
from alerts.urgency import urgency as rule_of_alerts
from dashboards.monitor.alarm_view import AlarmView, as_json, is_shown, urgency


def alarm(priority="high", state="active", *, onset_ns=5_000_000, latched=False, k=0) -> Alarm:
    return Alarm(f"a{k}", "p", "vt", priority, "low", state, latched, True, onset_ns, onset_ns, "",
                 f"f{k}", 1, 0, 1.0, Text("in words", "말로"))  # fmt: skip


ALL = [
    alarm(priority, state, onset_ns=onset)
    for priority, state, onset in itertools.product(
        ("high", "medium", "low", "technical"), ("active", "acknowledged", "ended"), (1, 2)
    )
]


def test_an_alarm_of_alerts_is_an_alarm_view():
    view: AlarmView = alarm()
    told = as_json(view, 7, 0)
    assert (told["reason"], told["reason_ko"], told["onset_ms"]) == ("in words", "말로", 5.0)


def test_the_default_order_is_the_rule_of_alerts():
    for pair in itertools.product(ALL, ALL):
        assert urgency(pair) == rule_of_alerts(pair), pair


def test_an_ended_alarm_leaves_the_tile_and_a_latched_one_stays():
    assert not is_shown(alarm(state="ended"))
    assert is_shown(alarm(latched=True))
