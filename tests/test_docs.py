"""What the documents name exists: make targets, commands and their options, paths, settings."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from streams.cli import build
from streams.config import ENV_PREFIX, Settings
from tests.test_contributing import examples

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
)
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"^(\.\./|\./)?[\w.*-]+(/[\w.*-]*)*$")
SHELL = {"", "sh", "bash", "console", "shell"}
OURS = (".py", ".md", ".toml", ".sh", ".js", ".txt")
NOT_IN_THE_TREE = {
    "vitals.toml": "the user's own",
    "my_event.toml": "the example of docs/scenarios.md",
    "utils.py": "named to say that there is none",
}


@dataclass(frozen=True, slots=True)
class Named:
    """Something a document names as code."""

    document: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.text}"


def named(document: str) -> Iterator[Named]:
    """Give the inline code and the command lines of a document."""
    text = (ROOT / document).read_text("utf-8")

    def at(position: int) -> int:
        return text.count("\n", 0, position) + 1

    for fence in FENCE.finditer(text):
        if fence[1] in SHELL:
            joined = fence[2].replace("\\\n", "  ")
            for k, line in enumerate(joined.splitlines()):
                yield Named(document, at(fence.start()) + 1 + k, line.strip().removeprefix("$ "))
    prose = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for code in INLINE.finditer(prose):
        line = prose.count("\n", 0, code.start()) + 1
        yield Named(document, line, code[1])


def words(code: Named) -> list[str]:
    """Split as a shell does, without comments; what is no shell at all is split at spaces."""
    try:
        return shlex.split(code.text, comments=True)
    except ValueError:
        return code.text.split()


def calls(program: str) -> list[tuple[Named, list[str]]]:
    """Give every call of a program with its arguments."""
    found = []
    for document in DOCUMENTS:
        for code in named(document):
            parts = words(code)
            heads = [k for k, part in enumerate(parts) if part in {program, f".venv/bin/{program}"}]
            # A name in front of the program may only be a setting of the environment.
            if heads and all("=" in part for part in parts[: heads[0]]):
                found.append((code, parts[heads[0] + 1 :]))
    return found


@cache
def options() -> dict[str, set[str]]:
    """Give the options of each command of ``vitals``, those of its subcommands included."""

    def own(command: Any) -> set[str]:
        found = {"-h", "--help"}.union(
            *(set(param.opts) | set(param.secondary_opts) for param in command.params)
        )
        return found.union(*(own(each) for each in getattr(command, "commands", {}).values()))

    group = typer.main.get_command(build())
    return {name: own(command) for name, command in group.commands.items()}  # type: ignore[attr-defined]


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    found = [
        (code, word)
        for code, arguments in calls("make")
        for word in arguments
        if "=" not in word and not word.startswith("-")
    ]
    assert found
    assert not [f"{code} ({word})" for code, word in found if word not in known]


def test_every_command_exists() -> None:
    found = [
        (code, arguments[0])
        for code, arguments in calls("vitals")
        if arguments and arguments[0][0].islower()
    ]
    assert found
    assert not [str(code) for code, name in found if name not in options()]


def test_every_option_exists() -> None:
    wrong = []
    for code, arguments in calls("vitals"):
        name = arguments[0] if arguments else ""
        known = options().get(name, {"-h", "--help"})
        given = [word.split("=")[0] for word in arguments if re.match(r"--?[a-z]", word)]
        wrong += [f"{code} ({word})" for word in given if word not in known]
    anywhere = set().union(*options().values())
    for document in DOCUMENTS:
        for code in named(document):
            alone = re.match(r"--[a-z][\w-]*", code.text)
            if alone and alone[0] not in anywhere:
                wrong.append(str(code))
    assert not wrong


def paths(document: str) -> Iterator[tuple[Named, str]]:
    """Give what looks like a path of this tree, and every relative link."""
    top = {path.name for path in ROOT.iterdir() if path.is_dir()} - {".venv", "out"}
    for code in named(document):
        for word in words(code):
            bare = word.rpartition("=")[2].rstrip(".,;:")
            if not PATH.match(bare) or "__pycache__" in bare or "..." in bare:
                continue
            if ("/" in bare and bare.split("/")[0] in top | {".."}) or (
                "/" not in bare and bare.endswith(OURS)
            ):
                yield code, bare
    text = (ROOT / document).read_text("utf-8")
    text = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for link in LINK.finditer(text):
        target = link[1].partition("#")[0]
        if target and not re.match(r"[a-z]+:", target):
            beside = os.path.normpath(Path(document).parent / target)
            yield Named(document, text.count("\n", 0, link.start()) + 1, link[0]), beside


def is_there(path: str) -> bool:
    if path in NOT_IN_THE_TREE:
        return True
    if path.startswith("../"):
        first = ROOT.joinpath(*Path(path).parts[:2])
        return not first.exists() or bool(list(ROOT.parent.glob(path.removeprefix("../"))))
    if "/" in path:
        return any(True for _ in ROOT.glob(path))
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name[0] != "."]
    return (ROOT / path).exists() or any(any(folder.rglob(path)) for folder in folders)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document: str) -> None:
    guide = (ROOT / document).read_text("utf-8")
    made = {example.path for example in examples(guide)} if document == "CONTRIBUTING.md" else set()
    assert not [
        str(code) for code, path in paths(document) if path not in made and not is_there(path)
    ]


def test_the_settings_are_those_of_the_program() -> None:
    text = (ROOT / "docs" / "operation.md").read_text("utf-8")
    rows = {
        cells[0].strip("`"): cells
        for line in text.splitlines()
        if (cells := [cell.strip() for cell in line.strip("|").split("|")]) and len(cells) == 5
    }
    for name, field in Settings.model_fields.items():
        _, environment, option, default, _ = rows.pop(name)
        assert environment == f"`{ENV_PREFIX}{name.upper()}`"
        assert default.replace(",", "") == str(field.default)
        assert not option or any(option.strip("`") in known for known in options().values())
    everywhere = "".join((ROOT / document).read_text("utf-8") for document in DOCUMENTS)
    named_keys = {key.lower() for key in re.findall(ENV_PREFIX + r"([A-Z_]+)", everywhere)}
    assert named_keys <= set(Settings.model_fields)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_in_python_run(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    parser = doctest.DocTestParser()
    for fence in FENCE.finditer(text):
        if fence[1] == "python" and ">>>" in fence[2]:
            line = text.count("\n", 0, fence.start())
            runner.run(parser.get_doctest(fence[2], {}, document, document, line))
    assert not runner.failures


def test_tables_of_accuracy_are_generated_and_name_a_commit() -> None:
    text = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
    blocks = dict(re.findall(r"<!-- evaluate (\w+): begin -->\n(.*?)<!-- end -->", text, re.DOTALL))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    command = re.search(r"vitals evaluate ([\w ]+) --docs docs/accuracy.md", makefile)
    assert command
    assert sorted(blocks) == sorted(command[1].split())
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout: commits cannot be looked up")
    for name, inside in blocks.items():
        found = re.match(rf"`vitals evaluate {name}[^`]*` at commit ([0-9a-f]{{7,}}): ", inside)
        assert found, name
        looked_up = subprocess.run(
            ["git", "cat-file", "-e", f"{found[1]}^{{commit}}"], cwd=ROOT, check=False
        )
        assert looked_up.returncode == 0, f"{name}: no commit {found[1]}"
