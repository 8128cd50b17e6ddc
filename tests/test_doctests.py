"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ("processors", "registry", "device_bridges", "alerts", "dashboards", "streams",
            "loadtest")  # fmt: skip


def modules() -> list[str]:
    found = []
    for package in PACKAGES:
        root = importlib.import_module(package)
        found += [m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return found


@pytest.mark.parametrize("name", modules())
def test_examples_of(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    examples = [t for name in modules() for t in finder.find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in examples) > 10
