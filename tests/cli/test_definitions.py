"""``apply`` and ``export``: the plan first, all or nothing, and what an operator reads when it goes wrong."""

from pathlib import Path

import pytest
import yaml

from app.models.departments import Department
from app.models.surveys import Survey
from app.models.triggers import Trigger
from tests.cli.conftest import Otklik
from tests.conftest import MEADOW, SHOP_SECRET
from tests.wire import everything, on_sqlite, stored

SURVEY = 'surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]\n'
TRIGGER = "triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]\n"


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path / "files")


class Write:
    """Writes files into a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


def test_a_plan_is_told_and_carried_out(otklik: Otklik, write: Write) -> None:
    file = write("meadow.yaml", MEADOW)
    before = everything()
    dry = otklik("apply", file, "--dry-run")
    assert everything() == before
    done = otklik("apply", file)
    assert dry.stdout.splitlines()[:-1] == done.stdout.splitlines()[:-1]
    assert (dry.stdout.splitlines()[-1], done.stdout.splitlines()[-1]) == ("8 would change.", "8 changed.")
    assert "  + survey nps-upgrade" in done.stdout.splitlines()
    assert otklik("apply", file).stdout == "Nothing to change.\n"
    assert SHOP_SECRET not in dry.output + done.output


def test_a_folder_is_applied_as_a_whole(otklik: Otklik, write: Write) -> None:
    write("triggers/t.yaml", TRIGGER)
    write("surveys.yml", SURVEY)
    write("notes.txt", "no: [yaml")
    assert "2 changed." in otklik("apply", write.folder).stdout
    assert [t.slug for t in stored(Trigger)] == ["t"]


def test_faults_are_told_by_file_and_line_and_nothing_is_changed(otklik: Otklik, write: Write) -> None:
    good = write("good.yaml", "departments: [{slug: care}]\n")
    bad = write("bad.yaml", "departments:\n  - slug: Care!\n  - {slug: b, colour: red}\n")
    result = otklik("apply", good, bad, status=1)
    assert result.stderr.splitlines() == [
        f"{bad}:2: departments.0.slug: must be lower-case letters, digits and dashes, like nps-upgrade",
        f"{bad}:3: departments.1.colour: unknown field; known here are email, hours, name, slug, zone",
        "Error: 2 faults; nothing was changed.",
    ]
    assert (result.stdout, stored(Department)) == ("", [])


@on_sqlite
def test_a_live_trigger_without_its_survey_is_refused_and_a_draft_is_not(otklik: Otklik, write: Write) -> None:
    result = otklik("apply", write("t.yaml", TRIGGER), status=1)
    assert "there is no survey s, so the trigger cannot be live" in result.stderr
    assert "1 changed." in otklik("apply", write("t.yaml", TRIGGER.replace("live", "draft"))).stdout
    assert "1 changed." in otklik("apply", write("s.yaml", SURVEY)).stdout
    assert "  ~ trigger t  (status)" in otklik("apply", write("t.yaml", TRIGGER)).stdout


def test_pruning_archives_the_rest(otklik: Otklik, write: Write) -> None:
    otklik("apply", write("all.yaml", SURVEY + TRIGGER + "departments: [{slug: care}]\n"))
    keep = write("keep.yaml", SURVEY)
    assert otklik("apply", keep).stdout == "Nothing to change.\n"
    dry = otklik("apply", keep, "--prune", "--dry-run").stdout.splitlines()
    assert dry == ["  - department care", "  - trigger t", "2 would change."]
    assert otklik("apply", keep, "--prune").stdout.splitlines()[-1] == "2 changed."
    assert yaml.safe_load(otklik("export").stdout).keys() == {"surveys"}


def test_pruning_away_what_a_live_trigger_points_to_is_refused(otklik: Otklik, write: Write) -> None:
    """The survey is there; but with this file pruned it would be archived under the trigger."""
    otklik("apply", write("all.yaml", SURVEY + TRIGGER))
    file = write("t.yaml", TRIGGER)
    assert otklik("apply", file).stdout == "Nothing to change.\n"
    otklik("apply", file, "--prune", "--dry-run", status=1)
    result = otklik("apply", file, "--prune", status=1)
    assert "there is no survey s" in result.stderr
    assert [s.archived_at for s in stored(Survey)] == [None]


def test_what_is_exported_can_be_applied(otklik: Otklik, write: Write, tmp_path: Path) -> None:
    otklik("apply", write("meadow.yaml", MEADOW))
    screen = otklik("export").stdout
    assert [list(document) for document in yaml.safe_load_all(screen)] == [
        [kind] for kind in ("policy", "departments", "sources", "segments", "offers", "surveys", "triggers")
    ]
    folder = tmp_path / "out" / "deeper"
    told = otklik("export", "--out", folder).stdout.splitlines()
    assert sorted(told) == sorted(str(path) for path in folder.iterdir())
    assert otklik("apply", folder, "--prune").stdout == "Nothing to change.\n"
    assert otklik("apply", write("screen.yaml", screen), "--prune").stdout == "Nothing to change.\n"
    assert SHOP_SECRET not in screen
    assert "A1B2" not in screen


@on_sqlite
def test_a_missing_secret_is_told_by_its_name(otklik: Otklik, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_SECRET")
    result = otklik("apply", write("meadow.yaml", MEADOW), status=1)
    assert "SHOP_SECRET is not set in the environment" in result.stderr
    keep = write("keep.yaml", "sources: [{slug: s, scheme: bearer, secret: {keep: true}}]")
    kept = otklik("apply", keep, status=1)
    assert "source s has no secret to keep" in kept.stderr
    assert "nothing was changed" in kept.stderr


@on_sqlite
@pytest.mark.parametrize("content", [b"\xff\xfe", b"policy: {", b"[" * 3000, b"\x00", b"08: x", b"a: !x"])
def test_a_file_that_is_no_yaml_is_told_by_its_name(otklik: Otklik, write: Write, content: bytes) -> None:
    file = write("odd.yaml", content)
    result = otklik("apply", file, status=1)
    assert str(file) in result.stderr


@on_sqlite
def test_a_file_that_is_not_there_is_a_matter_of_usage(otklik: Otklik, tmp_path: Path) -> None:
    assert "does not exist" in otklik("apply", tmp_path / "nothing.yaml", status=2).stderr
    assert "Missing argument" in otklik("apply", status=2).stderr


@on_sqlite
def test_an_empty_installation_exports_nothing(otklik: Otklik) -> None:
    assert otklik("export").stdout == ""


SILENT = """
segments: [{slug: known, if: {field: contact.locale, op: exists}}]
triggers:
  - {slug: silent, status: live, when: {inactive_for: 30d, since: [order.paid]}, then: [{message: {text: Hi}}]}
  - {slug: enters, status: live, when: {enters: known}, existing: {per_day: 2}, then: [{message: {text: Hi}}]}
  - {slug: now, status: live, when: {now: known}, then: [{message: {text: Hi}}]}
  - {slug: each, status: live, when: {event: order.paid}, then: [{message: {text: Hi}}]}
"""
LEFT_OUT = "they are left out, and existing: {per_day: 500} would let so many a day come up"


@on_sqlite
def test_the_plan_says_how_many_match_already(otklik: Otklik, write: Write) -> None:
    people = "".join(f'{{"id": "{n}", "locale": "en"}}\n' for n in range(3))
    otklik("import", "contacts", write("people.ndjson", people))
    orders = '{"id": "o", "type": "order.paid", "occurred_at": "2020-01-01T00:00:00Z", "contact": {"id": "1"}}\n'
    otklik("import", "events", write("orders.ndjson", orders), "--history")
    file = write("silent.yaml", SILENT)
    for done in (otklik("apply", file, "--dry-run"), otklik("apply", file)):
        told = [line for line in done.stdout.splitlines() if "match already" in line]
        assert told == [
            f"  ! trigger silent: 1 customers match already; {LEFT_OUT}",
            "  ! trigger enters: 3 customers match already; 2 a day come up, for 2 days",
            "  ! trigger now: 3 customers match already; all come up at once",
        ]
    assert "match already" not in otklik("apply", file).stdout
