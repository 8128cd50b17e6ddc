"""The examples of CONTRIBUTING.md are followed in a copy of the tree, and hold what it promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from processors.kernels.finding import put

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "CONTRIBUTING.md"
PACKAGES = ("processors", "streams", "device_bridges", "alerts", "dashboards", "registry")
NEEDED = (
    "pyproject.toml",
    "tests/scenes.py",
    "tests/naive",
    "tests/contributing_checks.py",
    "tests/processors/test_every_processor.py",
)
NAMED = re.compile(r"`([\w./]+\.\w+)`[^`]*$")


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block: a new file, or a change to one that is there."""

    path: str
    text: str
    is_change: bool


def examples(guide: str) -> list[Example]:
    """Give the fenced blocks in their order."""
    found = []
    for block in re.finditer(r"^```(\w+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL):
        language, text = block.groups()
        if language == "diff":
            first, _, rest = text.partition("\n")
            found.append(Example(first.removeprefix("--- "), rest, True))
        else:
            named = NAMED.search(guide[: block.start()].rstrip())
            assert named, f"no file is named before the block that begins with {text[:40]!r}"
            found.append(Example(named[1], text, False))
    return found


def follow(example: Example, tree: Path) -> None:
    """Write the new file, or make the change: its context must be there exactly once."""
    path = tree / example.path
    if not example.is_change:
        assert not path.exists(), f"the tree has a {example.path} now: choose another example"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.text, "utf-8")
        return
    lines = example.text.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{example.path}: where the change belongs is not to be found"
    path.write_text(text.replace(before, after), "utf-8")


def run(tree: Path, *command: str) -> str:
    """Run Python in a tree; what it imports comes from there."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return done.stdout


def run_tests(tree: Path, *arguments: str) -> int:
    """Run tests in a tree, all must pass; give how many there were."""
    said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    assert "skipped" not in said, said
    passed = re.search(r"(\d+) passed", said)
    assert passed, said
    return int(passed[1])


def bring_compiled_kernels(tree: Path) -> None:
    """Take what is compiled along: the sources are the same, so only its place differs."""
    where = "from processors.kernels.finding import put; print(put.stats.cache_path)"
    compiled, place = Path(put.stats.cache_path or ""), Path(run(tree, "-c", where).strip())
    assert compiled != place
    if compiled.is_dir():
        shutil.copytree(compiled, place, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tree and follow every example of the guide in it."""
    copy = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__", "static")
    for name in (*PACKAGES, *NEEDED):
        source = ROOT / name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=skip)
        else:
            shutil.copy2(source, copy / name)
    for example in examples(GUIDE.read_text("utf-8")):
        follow(example, copy)
    bring_compiled_kernels(copy)
    return copy


def test_the_guide_has_the_examples_it_promises() -> None:
    found = examples(GUIDE.read_text("utf-8"))
    assert [(example.path, example.is_change) for example in found] == [
        ("processors/signals.py", True),
        ("processors/detectors/hypercapnia.py", False),
        ("tests/processors/detectors/test_hypercapnia.py", False),
        ("tests/scenes.py", True),
        ("alerts/catalogue.toml", True),
    ]


def test_what_the_guide_promises_follows_and_the_test_of_the_new_detector_passes(
    tree: Path,
) -> None:
    own_test = "tests/processors/detectors/test_hypercapnia.py"
    assert run_tests(tree, "tests/contributing_checks.py", own_test) >= 12


def test_the_new_detector_keeps_the_laws_of_every_processor(tree: Path, tmp_path: Path) -> None:
    """The others are left out of the tree here: with them the laws take twice as long."""
    alone = tmp_path / "alone"
    shutil.copytree(tree, alone, ignore=shutil.ignore_patterns("__pycache__"))
    bring_compiled_kernels(alone)
    for folder in ("features", "detectors"):
        for module in (alone / "processors" / folder).glob("*.py"):
            if module.name not in {"__init__.py", "hypercapnia.py"}:
                module.unlink()
    assert run_tests(alone, "tests/processors/test_every_processor.py", "-k", "hypercapnia") >= 18


def test_the_new_files_are_in_the_form_of_the_house(tree: Path) -> None:
    found = examples(GUIDE.read_text("utf-8"))
    new = [example.path for example in found if not example.is_change]
    run(tree, "-m", "ruff", "check", "--no-cache", *new)
    run(tree, "-m", "ruff", "format", "--no-cache", "--check", *new)
