"""Packages that only some commands need, and the sentence for who has not installed them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from processors.errors import SettingError


@contextlib.contextmanager
def needed_by(what: str, extras: str = "kafka") -> Iterator[None]:
    """Import in this block what an extra of the package brings.

    Raises
    ------
    SettingError
        It is not there; the sentence says how to install it.
    """
    try:
        yield
    except ImportError as error:
        problem = f"needs more packages: pip install 'vitalstream[{extras}]'"
        raise SettingError(what, problem) from error
