"""Rules and times in words, in English and in Korean."""

from __future__ import annotations

from typing import Final

from alerts.alarm import Text

PRIORITY_WORDS: Final = {
    "high": Text("high priority", "높은 우선순위"),
    "medium": Text("medium priority", "중간 우선순위"),
    "low": Text("low priority", "낮은 우선순위"),
    "technical": Text("technical", "기술"),
}


def words_of(when: Text, priority: str, *, delay_s: float, from_onset: bool) -> Text:
    """Say what it takes for an alarm of a rule.

    >>> words_of(Text("below 90", "90 미만"), "medium", delay_s=15, from_onset=False).en
    'below 90, for 15 s; medium priority'
    """
    said = PRIORITY_WORDS[priority]
    en, ko = when.en or "as the detector defines it", when.ko or "검출기의 정의에 따름"
    if delay_s:
        span = span_words(delay_s)
        since = Text(" from the onset", " (발생 시점부터)") if from_onset else Text("", "")
        en, ko = f"{en}, for {span.en}{since.en}", f"{ko}, {span.ko} 지속{since.ko}"
    return Text(f"{en}; {said.en}", f"{ko}; {said.ko}")


def span_words(seconds: float) -> Text:
    """Say a length of time in its largest whole unit.

    >>> span_words(300).en, span_words(90).ko
    ('5 min', '90초')
    """
    for size, en, ko in ((86_400, "d", "일"), (3600, "h", "시간"), (60, "min", "분")):
        if seconds >= size and seconds % size == 0:
            return Text(f"{seconds / size:.0f} {en}", f"{seconds / size:.0f}{ko}")
    return Text(f"{seconds:g} s", f"{seconds:g}초")
