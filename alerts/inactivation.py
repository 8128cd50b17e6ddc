"""Alarms that a person has made quiet for a while: the four states of IEC 60601-1-8.

``audio_paused`` and ``audio_off`` silence alarms and let new ones rise; escalation goes on, for
they concern the sound only. ``alarm_paused`` and ``alarm_off`` hold new alarms back as well, and
escalation rests. A pause is short and shown with a countdown; *off* is long. None of them deletes
an alarm, every one is shown on what it covers, and every one ends by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF = (
    "audio_paused", "audio_off", "alarm_paused", "alarm_off",
)  # fmt: skip
# In the order of their reach: of several the last is shown.
INACTIVATIONS: Final = (AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF)
WITHHOLDING: Final = frozenset({ALARM_PAUSED, ALARM_OFF})


@dataclass(frozen=True, slots=True)
class Inactivation:
    """One act of a person, about one participant.

    Attributes
    ----------
    id
        From all that follows but reason and end: telling it again replaces it.
    kind
        One of `INACTIVATIONS`.
    code, alarm_id
        What of the participant it covers: one code, one alarm; both empty for everything.
    place
        The group or place it was meant for, where it was meant for more than the participant.
    reason, by
        Why, and who.
    from_ns, until_ns
        Half-open.
    """

    id: str
    kind: str
    participant: str
    code: str
    alarm_id: str
    place: str
    reason: str
    by: str
    from_ns: int
    until_ns: int

    def covers(self, code: str, alarm_id: str, t_ns: int) -> bool:
        """Tell whether it is in force for an alarm at a time."""
        return (
            self.from_ns <= t_ns < self.until_ns
            and self.code in {"", code}
            and self.alarm_id in {"", alarm_id}
        )


def inactivation_id(
    kind: str, participant: str, code: str, alarm_id: str, place: str, from_ns: int
) -> str:
    """Give the identity of an inactivation, which a replay makes again."""
    key = "\0".join((kind, participant, code, alarm_id, place, str(from_ns)))
    return "i" + hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def strongest(several: Iterable[Inactivation]) -> Inactivation | None:
    """Give the one to be shown: that of the widest reach, of these the one that ends last."""
    return max(
        several, key=lambda one: (INACTIVATIONS.index(one.kind), one.until_ns, one.id), default=None
    )


def inactivation_to_plain(inactivation: Inactivation) -> dict[str, Any]:
    """Give it as strings and numbers."""
    return {name: getattr(inactivation, name) for name in Inactivation.__slots__}


def inactivation_from_plain(plain: Mapping[str, Any]) -> Inactivation:
    """Give the inactivation that `inactivation_to_plain` was given."""
    return Inactivation(**plain)
