"""The documents say what the program does: every command, package and operation; and their links lead somewhere."""

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
import yaml
from flask import Flask

import config
from app.admin.reference import as_markdown
from app.cli import cli
from tests.screens import ON_A_PHONE, SHOTS
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


def test_every_page_has_its_picture_and_no_picture_is_of_a_page_that_is_gone() -> None:
    pictures = {*SHOTS, "first-run", "login", *(f"{name}-390-dark-ru" for name in ON_A_PHONE)}
    assert {p.stem for p in (ROOT / "docs" / "screens").iterdir()} == pictures


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile"])
def test_what_containers_are_told_is_a_setting(name: str) -> None:
    settings = {f"OTKLIK_{field.name.upper()}" for field in fields(config.Settings)}
    told = set(re.findall(r"^ *(?:ENV )?(OTKLIK_[A-Z_]+)[:=]", document(name), re.MULTILINE))
    assert told
    assert told <= settings


def test_the_containers_are_what_an_installation_needs_and_start_in_order() -> None:
    services = yaml.safe_load(document("compose.yaml"))["services"]
    assert set(services) == {"migrate", "web", "worker", "postgres", "redis", "proxy"}
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
    for name in ("web", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_image_copies_what_there_is() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", document("Dockerfile"), re.MULTILINE)
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
