"""Times that persons type, in ns since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from processors.errors import SettingError

_ALWAYS_NS: Final = -(2**62), 2**62


def span_ns(begin: str, until: str) -> tuple[int, int]:
    """Give the span from ``--from`` to ``--to``; what is empty is not limited.

    >>> span_ns("1970-01-01T00:00:01", "1970-01-01T09:00:02+09:00")
    (1000000000, 2000000000)

    Raises
    ------
    SettingError
        One is no time, or the span is empty.
    """
    from_ns = _moment_ns("--from", begin) if begin else _ALWAYS_NS[0]
    until_ns = _moment_ns("--to", until) if until else _ALWAYS_NS[1]
    if from_ns >= until_ns:
        raise SettingError("--to", f"expected a time after {begin}, found {until}")
    return from_ns, until_ns


def _moment_ns(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        problem = f"expected a time as 2026-11-25T08:30:00+09:00, found {text!r}"
        raise SettingError(option, problem) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000
