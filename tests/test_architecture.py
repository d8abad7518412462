"""What imports cannot say: who commits, and that every word of the rules is in the manual."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from config import INSIDE, Settings
from surveys.conditions import OPERATORS
from surveys.decision import GATE_OF, SEND_GATES, TRIGGER_GATES
from surveys.questions import TYPES
from surveys.sources import SCHEMES
from surveys.triggers import CHANNELS, CLASSES

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("app/**/*.py"), *ROOT.glob("surveys/*.py"), ROOT / "worker.py"])
MANUAL = "\n".join(path.read_text() for path in ROOT.glob("docs/*.md"))


def calls(path: Path) -> set[str]:
    """The names of everything that is called in a file, as written after the last dot."""
    tree = ast.parse(path.read_text())
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_actions_change_anything(path: Path) -> None:
    if path.parent.name == "actions" or path.name == "extensions.py":
        return
    assert not calls(path) & {"commit", "transaction", "insert_into", "insert_rows"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("app/actions/[a-z]*.py")), ids=lambda p: p.name)
def test_actions_are_told_the_time(path: Path) -> None:
    assert "utcnow" not in calls(path)


@pytest.mark.parametrize("name", [f"OTKLIK_{f.name.upper()}" for f in fields(Settings) if f.name not in INSIDE])
def test_every_setting_is_in_the_manual(name: str) -> None:
    assert f"`{name}`" in MANUAL


@pytest.mark.parametrize(
    "word", [*OPERATORS, *GATE_OF, *TRIGGER_GATES, *SEND_GATES, *TYPES, *SCHEMES, *CHANNELS, *CLASSES]
)
def test_every_word_of_the_rules_is_in_the_manual(word: str) -> None:
    assert f"`{word}`" in MANUAL
