"""Why an alarm is there: when, by which numbers, limits and rule, for whom, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from alerts.alarm import Alarm, Text
from alerts.limits import UNITS
from alerts.policy import Policy
from alerts.wording import PRIORITY_WORDS, span_words
from processors.records import NS_PER_S

_STATES = {
    "active": Text("active", "활성"),
    "acknowledged": Text("acknowledged", "확인됨"),
    "ended": Text("ended", "종료"),
}
_KINDS = {
    "audio_paused": Text("audio paused", "소리 일시 정지"),
    "audio_off": Text("audio off", "소리 끔"),
    "alarm_paused": Text("alarms paused", "경보 일시 정지"),
    "alarm_off": Text("alarms off", "경보 끔"),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """An alarm in words.

    Attributes
    ----------
    headline
        What the alarm says.
    lines
        What is told of it and how it is, in the order in which a person asks.
    strip
        Id of the finding, under which the waveform around it is kept.
    """

    headline: Text
    lines: tuple[tuple[Text, Text], ...]
    strip: str

    def english(self) -> list[str]:
        """Give headline and lines in English."""
        return _sheet(self, lambda text: text.en)

    def korean(self) -> list[str]:
        """Give headline and lines in Korean."""
        return _sheet(self, lambda text: text.ko)


def explain(alarm: Alarm, policy: Policy) -> Explanation:
    """Explain an alarm; a part of which nothing is known is left out."""
    zone = policy.routes.clock.zone
    lines = [
        (Text("began", "발생"), _at(alarm.onset_ns, zone)),
        *_emission(alarm, zone),
        (Text("state", "상태"), _state(alarm, zone)),
        (Text("rule", "규칙"), _rule(alarm, policy)),
    ]
    if alarm.limits:
        lines.append((Text("limits", "기준"), _numbers(alarm.limits)))
    if alarm.evidence:
        lines.append((Text("measured", "측정값"), _numbers(alarm.evidence)))
    if alarm.reached:
        said = ", ".join(alarm.reached)
        step = alarm.step + 1
        lines.append(
            (Text("reached", "수신자"), Text(f"{said} (step {step})", f"{said} ({step}단계)"))
        )
    lines += _quiet(alarm, zone)
    lines.append((Text("strip", "파형"), Text(alarm.finding_id, alarm.finding_id)))
    return Explanation(alarm.reason, tuple(lines), alarm.finding_id)


def _sheet(explanation: Explanation, of: Callable[[Text], str]) -> list[str]:
    return [of(explanation.headline)] + [f"  {of(k)}: {of(v)}" for k, v in explanation.lines]


def _at(t_ns: int, zone: tzinfo) -> Text:
    moment = datetime.fromtimestamp(t_ns / NS_PER_S, zone or UTC)
    said = moment.isoformat(sep=" ", timespec="milliseconds")
    return Text(said, said)


def _emission(alarm: Alarm, zone: tzinfo) -> list[tuple[Text, Text]]:
    if not alarm.raised_ns:
        return []
    at = _at(alarm.raised_ns, zone)
    after = (alarm.raised_ns - alarm.onset_ns) / NS_PER_S
    said = Text(f"{at.en}, {after:.1f} s later", f"{at.ko}, {after:.1f}초 뒤")
    return [(Text("told", "알림"), said)]


def _state(alarm: Alarm, zone: tzinfo) -> Text:
    state, at = _STATES[alarm.state], _at(alarm.t_ns, zone)
    en, ko = f"{state.en} since {at.en}", f"{at.ko}부터 {state.ko}"
    if alarm.latched:
        en, ko = (
            f"{en}; its condition is over, it stays until acknowledged",
            f"{ko}; 상태는 끝났고 확인까지 유지",
        )
    if alarm.acknowledged_by:
        en, ko = f"{en}, by {alarm.acknowledged_by}", f"{ko}, {alarm.acknowledged_by}"
    return Text(en, ko)


def _rule(alarm: Alarm, policy: Policy) -> Text:
    rule = policy.rules.get(alarm.code)
    said = alarm.rule
    if rule is None:
        return said
    if not said.en:  # stored before this was kept
        said = rule.words
    en, ko = f"{alarm.code}: {said.en}", f"{alarm.code}: {said.ko}"
    if alarm.priority != rule.priority:
        now = PRIORITY_WORDS[alarm.priority]
        en, ko = f"{en}, by its value now {now.en}", f"{ko}, 값에 따라 현재 {now.ko}"
    quiet = span_words(rule.refractory_ns / NS_PER_S)
    return Text(f"{en}; not again within {quiet.en}", f"{ko}; {quiet.ko} 안에는 다시 울리지 않음")


def _numbers(values: Mapping[str, float]) -> Text:
    pairs = [f"{name} {value:.4g} {UNITS.get(name, '')}".strip() for name, value in values.items()]
    return Text(", ".join(pairs), ", ".join(pairs))


def _quiet(alarm: Alarm, zone: tzinfo) -> list[tuple[Text, Text]]:
    act = alarm.inactivation
    if act is None:
        return []
    kind, until = _KINDS[act.kind], _at(act.until_ns, zone)
    said = Text(
        f"{kind.en} until {until.en} by {act.by}: {act.reason}",
        f"{until.ko}까지 {kind.ko}, {act.by}: {act.reason}",
    )
    return [(Text("quiet", "조용함"), said)]
