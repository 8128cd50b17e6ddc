"""The topics: their names, and how long each keeps what is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from processors.signals import SIGNALS

RAW: Final = "vitals.raw."
CONTROL: Final = "vitals.control"
FEATURES: Final = "vitals.features"
EVENTS: Final = "vitals.events"
ALARMS: Final = "vitals.alarms"
ACTS: Final = "vitals.acts"
PROGRESS: Final = "vitals.progress"
DEAD_LETTER: Final = "vitals.dead-letter"
TURNS: Final = "vitals.turns"  # what workers did in which order, for those who take over

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes
    ----------
    keep_ms
        How long a record stays, by the time its publisher gave it; default of this design. The
        stores keep things longer, the bus as long as a reader may be away.
    """

    name: str
    keep_ms: int

    @property
    def settings(self) -> dict[str, str]:
        """What Kafka is told about it."""
        # Records are batches of many people, without a key: compaction has nothing to go by.
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.keep_ms),
            "message.timestamp.type": "CreateTime",
            "max.message.bytes": str(16 * 1024 * 1024),
        }


def raw(signal: str) -> str:
    """Give the topic of a signal's samples."""
    return RAW + signal


def topics() -> tuple[Topic, ...]:
    """Give all topics: one for each signal, and what follows from them."""
    return (
        *(Topic(raw(signal), _DAY_MS) for signal in SIGNALS),
        Topic(CONTROL, 7 * _DAY_MS),
        Topic(FEATURES, _DAY_MS),
        Topic(EVENTS, 7 * _DAY_MS),
        Topic(ALARMS, 7 * _DAY_MS),
        Topic(ACTS, 7 * _DAY_MS),
        Topic(PROGRESS, _HOUR_MS),
        Topic(DEAD_LETTER, 7 * _DAY_MS),
        Topic(TURNS, _DAY_MS),
    )


def inputs() -> tuple[str, ...]:
    """Give the topics that a worker reads, in the order of what has one time.

    Controls come first: samples are what they say. Acts come last: persons have seen what was.
    """
    return (CONTROL, *(raw(signal) for signal in SIGNALS), ACTS)
