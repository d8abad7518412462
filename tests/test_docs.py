"""The documents say what the program does: every command, package and operation; and their links lead somewhere."""

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from app.admin.reference import as_markdown
from app.cli import cli
from tests.wire import on_sqlite

ROOT = Path(__file__).parent.parent


def document(name: str) -> str:
    return (ROOT / name).read_text()


def commands(group: click.Group, before: str = "") -> list[str]:
    """Every command as it is typed, hidden ones left out."""
    found = []
    for name, command in group.commands.items():
        typed = f"{before} {name}".strip()
        if isinstance(command, click.Group):
            found += commands(command, typed)
        elif not command.hidden:
            found.append(typed)
    return found


@pytest.mark.parametrize("typed", commands(cli))
def test_every_command_is_explained(typed: str) -> None:
    said = document("docs/operations.md")
    assert f"`otklik {typed}" in said or f"`{typed}" in said


def test_every_package_is_named_with_its_licence() -> None:
    said = document("docs/third-party.md")
    for name in set(re.findall(r"^([a-z0-9][\w.-]*)==", document("requirements.lock"), re.MULTILINE)):
        assert re.search(rf"^\| {re.escape(name)} \| \S", said, re.MULTILINE), name


@on_sqlite
def test_the_reference_is_what_the_code_says(app: Flask) -> None:
    with app.test_request_context("/"):
        assert as_markdown().strip() == document("docs/api.md").strip()


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document(name)):
        assert (folder / target).exists(), target
