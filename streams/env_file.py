"""Writes `.env`: the secrets that docker-compose.yml and the settings ask for (``make env``).

Only the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import os
import secrets
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Final


def _secret() -> str:
    return _no_option(lambda: secrets.token_urlsafe(32))


def _cluster() -> str:
    return _no_option(lambda: urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))


def _no_option(make: Callable[[], str]) -> str:
    """Draw until it does not begin as an option does: servers get these on their command lines."""
    while (found := make()).startswith("-"):
        pass
    return found


NAMES: Final[dict[str, Callable[[], str]]] = {
    "VITALS__INFLUX_TOKEN": _secret,
    "VITALS__POSTGRES_PASSWORD": _secret,
    "VITALS__REDIS_PASSWORD": _secret,
    "INFLUX_ADMIN_PASSWORD": _secret,
    "KAFKA_CLUSTER_ID": _cluster,  # not secret, but it must stay the same
}


def write_missing(path: Path) -> list[str]:
    """Add the names that are not in the file yet, each with a random value; give them.

    What is there stays as it is, for the servers have been set up with it. Only its owner may read
    the file, before a secret is in it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with open(descriptor, "r+", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        os.fchmod(descriptor, 0o600)
        text = file.read()
        there = {line.partition("=")[0].strip() for line in text.splitlines()}
        missing = [name for name in NAMES if name not in there]
        if missing and text and not text.endswith("\n"):
            file.write("\n")
        file.writelines(f"{name}={NAMES[name]()}\n" for name in missing)
    return missing


if __name__ == "__main__":
    _new = write_missing(Path(".env"))
    print(f".env: {', '.join(_new)} written" if _new else ".env has all that is needed")
