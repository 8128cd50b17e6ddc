"""What a browser may ask over the websocket: small JSON texts, read with suspicion.

::

    {"type": "watch", "participants": [0, 7, ...], "detail": 7 | null}   whose traces it shows
    {"type": "acknowledge", "alarm": "<id>"}
    {"type": "alive"}
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from processors.errors import InputError

MAX_TEXT = 16_384  # characters; 200 indices of five digits are far below
MAX_WATCHED = 200  # more tiles than fit on a 4K screen
MAX_ALARM_ID = 200


class RequestError(InputError):
    """A message of a browser that is not one of the three; the connection is closed with this."""

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
    """Acknowledge one alarm."""

    alarm: str


@dataclass(frozen=True, slots=True)
class Alive:
    """Nothing to say."""


Request = Watch | Acknowledge | Alive


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
    kind = message.get("type")
    if kind == "watch":
        return _watch(message)
    if kind == "acknowledge":
        alarm = message.get("alarm")
        if not isinstance(alarm, str) or not 0 < len(alarm) <= MAX_ALARM_ID:
            raise RequestError("acknowledge: expected the id of an alarm")
        return Acknowledge(alarm)
    if kind == "alive":
        return Alive()
    raise RequestError("expected type watch, acknowledge or alive")


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
