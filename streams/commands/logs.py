"""What a role that runs for long writes for its supervisor: warnings and faults, a line each."""

from __future__ import annotations

import logging
from typing import Final

EVERY_S: Final = 10.0  # Kafka's client tries again many times a second while a broker is away
FORMAT: Final = "%(levelname)s %(name)s %(message)s"


class Repeats(logging.Filter):
    """Passes a message, and its next one after `EVERY_S` with how often it came meanwhile.

    Messages are alike that are of one logger and one wording, whatever is filled in. Time is that
    of the records.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed_s: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is passed on; it is given the number of those that were not."""
        kind = (record.name, str(record.msg))
        if record.created - self._passed_s.get(kind, -EVERY_S) < EVERY_S:
            self._held[kind] = self._held.get(kind, 0) + 1
            return False
        self._passed_s[kind] = record.created
        if held := self._held.pop(kind, 0):
            record.msg = f"{record.getMessage()} (and {held} more like it)"
            record.args = ()
        return True


def log_to_terminal() -> None:
    """Write warnings and faults to the standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(Repeats())
    logging.basicConfig(level=logging.WARNING, format=FORMAT, handlers=[handler])
