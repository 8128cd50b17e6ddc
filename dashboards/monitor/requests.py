"""What a browser may ask over the websocket: small JSON texts, read with suspicion.

::

    {"type": "watch", "participants": [0, 7, ...], "detail": 7 | null}   whose traces it shows
    {"type": "acknowledge", "alarm": "<id>", "useful": true | false | null}
    {"type": "inactivate", "kind": "audio_paused", "participant": 7, "code": "" | "<code>",
     "alarm": "" | "<id>", "seconds": 120, "reason": "..."}
    {"type": "reactivate", "inactivation": "<id>", "participant": 7}
    {"type": "alive"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from processors.errors import InputError

MAX_TEXT = 16_384  # characters; 200 indices of five digits are far below
MAX_WATCHED = 200  # more tiles than fit on a 4K screen
MAX_ID = 200
MAX_REASON = 500
MAX_INACTIVE_S = 7 * 86_400.0  # the system has stricter limits by kind; this is what can be read


class RequestError(InputError):
    """A message of a browser that is not one of these; the connection is closed with this."""

    def __init__(self, problem: str) -> None:
        super().__init__("monitor request", problem)

    def __reduce__(self) -> tuple[type[RequestError], tuple[str]]:
        return type(self), (self.problem,)


@dataclass(frozen=True, slots=True)
class Watch:
    """The participants whose traces are on the screen, and the one that is shown large."""

    participants: tuple[int, ...]
    detail: int | None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Acknowledge one alarm; `useful`: whether it was worth being called for, None: not said."""

    alarm: str
    useful: bool | None = None


@dataclass(frozen=True, slots=True)
class Inactivate:
    """Keep alarms of a participant quiet for a while.

    Attributes
    ----------
    kind
        ``audio_paused``, ``audio_off``, ``alarm_paused``, ``alarm_off``.
    code, alarm
        One code, one alarm; both empty for all of the participant.
    reason
        In the person's own words, never empty.
    """

    kind: str
    participant: int
    code: str
    alarm: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Reactivate:
    """End an inactivation before its time."""

    inactivation: str
    participant: int


@dataclass(frozen=True, slots=True)
class Alive:
    """Nothing to say."""


Request = Watch | Acknowledge | Inactivate | Reactivate | Alive


def read_request(data: str | bytes) -> Request:
    """Give what a message asks for.

    Raises
    ------
    RequestError
        Anything else: too long, not JSON, another shape, numbers that cannot be an index.
    """
    if len(data) > MAX_TEXT:
        raise RequestError(f"expected at most {MAX_TEXT} characters, found {len(data)}")
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"expected JSON: {type(error).__name__}") from None
    if not isinstance(message, dict):
        raise RequestError("expected an object")
    reader = _READERS.get(str(message.get("type")))
    if reader is None:
        raise RequestError(f"expected a type of {', '.join(_READERS)}")
    return reader(message)


def _acknowledge(message: dict[str, object]) -> Acknowledge:
    useful = message.get("useful")
    if not (useful is None or isinstance(useful, bool)):
        raise RequestError("acknowledge: expected useful to be true, false or null")
    return Acknowledge(_text(message, "acknowledge", "alarm", MAX_ID), useful)


def _inactivate(message: dict[str, object]) -> Inactivate:
    what, participant, seconds = "inactivate", message.get("participant"), message.get("seconds")
    if not isinstance(participant, int) or not _is_index(participant):
        raise RequestError(f"{what}: expected the index of a participant")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise RequestError(f"{what}: expected seconds")
    if not math.isfinite(seconds) or not 0 < seconds <= MAX_INACTIVE_S:
        raise RequestError(f"{what}: expected seconds up to {MAX_INACTIVE_S:g}")
    return Inactivate(
        _text(message, what, "kind", MAX_ID),
        participant,
        _text(message, what, "code", MAX_ID, empty=True),
        _text(message, what, "alarm", MAX_ID, empty=True),
        float(seconds),
        _text(message, what, "reason", MAX_REASON).strip(),
    )


def _reactivate(message: dict[str, object]) -> Reactivate:
    participant = message.get("participant")
    if not isinstance(participant, int) or not _is_index(participant):
        raise RequestError("reactivate: expected the index of a participant")
    return Reactivate(_text(message, "reactivate", "inactivation", MAX_ID), participant)


def _text(
    message: dict[str, object], what: str, name: str, longest: int, *, empty: bool = False
) -> str:
    text = message.get(name, "" if empty else None)
    if not isinstance(text, str) or len(text) > longest or not (empty or text.strip()):
        raise RequestError(f"{what}: expected {name}, a text of at most {longest} characters")
    return text


def _watch(message: dict[str, object]) -> Watch:
    listed, detail = message.get("participants"), message.get("detail")
    if not isinstance(listed, list) or len(listed) > MAX_WATCHED:
        raise RequestError(f"watch: expected a list of at most {MAX_WATCHED} participants")
    if not all(_is_index(each) for each in listed) or not (detail is None or _is_index(detail)):
        raise RequestError("watch: expected participant indices from 0 to 65535")
    # A set in the order given: doubled indices would be drawn from one ring twice.
    return Watch(tuple(dict.fromkeys(listed)), detail if isinstance(detail, int) else None)


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFF


_READERS: Mapping[str, Callable[[dict[str, object]], Request]] = {
    "watch": _watch,
    "acknowledge": _acknowledge,
    "inactivate": _inactivate,
    "reactivate": _reactivate,
    "alive": lambda _: Alive(),
}
