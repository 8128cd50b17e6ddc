"""Who is watched: participants and what is known of them, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from processors.errors import VitalsError
from processors.records import Control


class UnknownParticipantError(VitalsError, LookupError):
    """Nobody is registered under an id."""

    def __init__(self, participant: str) -> None:
        super().__init__(participant)
        self.participant = participant

    def __str__(self) -> str:
        return f"{self.participant}: no such participant"


@dataclass(frozen=True, slots=True)
class Participant:
    """A person as the registry knows them.

    Attributes
    ----------
    id
        What samples carry.
    name
        Shown on screens; empty: the id is shown.
    age_years, heart_rate_max, heart_rate_rest
        None where not known.
    event
        Takes part in a hike or test: effort limits from the start.
    posture
        After a stop of effort: 0 upright or walking, 1 sitting, 2 supine; None where not known.
    beta_blocker
        Takes one; None where not known.
    sensitive
        The air limits for people with COPD or asthma apply.
    spo2_low
        Own limit of the oxygen saturation, %; None: the usual one.
    place
        Where they are: a ward, a site; recipients of alarms go by it.
    """

    id: str
    name: str = ""
    group: str = ""
    age_years: float | None = None
    heart_rate_max: float | None = None
    heart_rate_rest: float | None = None
    event: bool = False
    posture: int | None = None
    beta_blocker: bool | None = None
    sensitive: bool = False
    spo2_low: float | None = None
    place: str = ""

    @property
    def shown_name(self) -> str:
        return self.name or self.id


def participant_to_plain(participant: Participant) -> dict[str, Any]:
    """Give a participant as text, numbers, truth values and None, by name."""
    return {name: getattr(participant, name) for name in Participant.__slots__}


def participant_from_plain(plain: Mapping[str, Any]) -> Participant:
    """Give the participant that `participant_to_plain` was given."""
    return Participant(**plain)


def profile(participant: Participant, t_ns: int) -> Control:
    """Give what processors may know of a person, as a ``profile`` control of that time.

    What is not known is left out.

    >>> profile(Participant("p1", age_years=50.0), 0).values
    {'age_years': 50.0, 'event': 0.0, 'sensitive': 0.0}
    """
    known = {
        "age_years": participant.age_years,
        "heart_rate_max": participant.heart_rate_max,
        "heart_rate_rest": participant.heart_rate_rest,
        "event": float(participant.event),
        "posture": participant.posture,
        "beta_blocker": participant.beta_blocker,
        "sensitive": float(participant.sensitive),
        "spo2_low": participant.spo2_low,
    }
    values = {name: float(value) for name, value in known.items() if value is not None}
    return Control(participant.id, t_ns, "profile", values)


def consent(participant: str, t_ns: int, *, given: bool) -> Control:
    """Give what a person says of being watched, as a ``consent`` control of that time.

    Who has never said anything is watched: whom to watch at all is for the bridges.

    >>> consent("p1", 0, given=False).values
    {'given': 0.0}
    """
    return Control(participant, t_ns, "consent", {"given": float(given)})


class Registry:
    """Participants by id, in the order in which they came."""

    def __init__(self, participants: Iterable[Participant] = ()) -> None:
        self._by_id: dict[str, Participant] = {}
        for participant in participants:
            self.put(participant)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, participant: object) -> bool:
        return participant in self._by_id

    def __iter__(self) -> Iterator[Participant]:
        return iter(self._by_id.values())

    def put(self, participant: Participant) -> None:
        """Add a participant, or replace what is known of them; their place in the order stays."""
        self._by_id[participant.id] = participant

    def get(self, participant: str) -> Participant:
        """Give a participant.

        Raises
        ------
        UnknownParticipantError
            Nobody is registered under this id.
        """
        try:
            return self._by_id[participant]
        except KeyError:
            raise UnknownParticipantError(participant) from None

    def remove(self, participant: str) -> None:
        """Take a participant out; nothing happens if there is none."""
        self._by_id.pop(participant, None)

    def groups(self) -> tuple[str, ...]:
        """Name the groups that have somebody, sorted."""
        return tuple(sorted({one.group for one in self if one.group}))

    def members(self, group: str) -> tuple[Participant, ...]:
        return tuple(one for one in self if one.group == group)

    def profiles(self, t_ns: int) -> list[Control]:
        """Give a ``profile`` control of every participant."""
        return [profile(one, t_ns) for one in self]
