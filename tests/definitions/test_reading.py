"""Definition files: every fault with its file and line, and YAML without its surprises."""

from typing import Any

import pytest

from tests.conftest import MEADOW, SHOP_SECRET
from tests.definitions.conftest import Read

SURVEY = "{slug: s, pages: [{questions: [{id: nps, type: nps, text: How likely}]}]}"


def told(read: Read, *texts: str, **files: str) -> list[str]:
    return [str(fault) for fault in read(*texts, **files).faults]


def values(read: Read, text: str) -> Any:
    """The values that an ``in`` list of a condition is read as."""
    loaded = read(f"segments: [{{slug: x, if: {{field: contact.attributes.a, op: in, value: [{text}]}}}}]")
    assert not loaded.faults, loaded.faults
    return loaded.catalog.bodies["segments"]["x"]["if"]["value"]


def test_the_example_of_the_manual_has_no_fault(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", SHOP_SECRET)
    loaded = read(MEADOW)
    assert loaded.faults == []
    assert loaded.secrets == {"shop": [SHOP_SECRET]}
    assert {kind: list(found) for kind, found in loaded.catalog.bodies.items()} == {
        "departments": ["care"],
        "sources": ["shop"],
        "segments": ["premium"],
        "offers": ["winback-10"],
        "surveys": ["nps-upgrade"],
        "triggers": ["upgrade-nps", "unhappy-upgrade"],
    }


# -- Lines


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param(
            """
policy:
  limits:
    - name: a
      max: -1
      per: 30x
    - {name: a, max: 1, per: 1d}
  exempt: [nobody]
  quiet: true
""",
            [
                "3: policy.limits",
                "5: policy.limits.0.max",
                "6: policy.limits.0.per",
                "8: policy.exempt.0",
                "9: policy.quiet",
            ],
            id="a policy",
        ),
        pytest.param(
            """
departments:
  - slug: care
    email: nobody
    hours: Mo-Fr 18:00-09:00
    zone: Mars
  - name: nameless
""",
            [
                "4: departments.0.email",
                "5: departments.0.hours",
                "6: departments.0.zone",
                "7: departments.1: slug is missing",
            ],
            id="departments",
        ),
        pytest.param(
            """
surveys:
  - slug: S!
    languages: []
    pages:
      - questions:
          - {id: a b, type: nps, text: "Q"}
          - id: c
            type: mood
            text: "Q"
          - {id: d, type: single, text: "Q"}
          - {id: e, type: nps, text: "Q", options: [a]}
      - show_if: {field: answers.nps, op: like, value: 6}
        questions: []
    endings:
      - {if: {field: weather, op: eq, value: 1}, text: "T"}
""",
            [
                "3: surveys.0.slug",
                "4: surveys.0.languages",
                "7: surveys.0.pages.0.questions.0.id",
                "9: surveys.0.pages.0.questions.1.type",
                "11: surveys.0.pages.0.questions.2: options is missing",
                "12: surveys.0.pages.0.questions.3.options",
                "13: surveys.0.pages.1.show_if",
                "14: surveys.0.pages.1.questions",
                "16: surveys.0.endings.0.if",
            ],
            id="a survey",
        ),
        pytest.param(
            """
triggers:
  - slug: a
    status: alive
    class: spam
    priority: 101
    when: {event: x, every: 2}
    sample:
      rate: 1.5
      redraw: 1h
      quota: {responses: 0}
    then:
      - {send: {survey: s, channels: [pigeon]}}
      - {task: {title: "T"}}
      - {set: {attribute: a, from: weather.today}}
      - {shout: {}}
  - slug: b
    then: []
""",
            [
                "4: triggers.0.status",
                "5: triggers.0.class",
                "6: triggers.0.priority",
                "7: triggers.0.when.every",
                "9: triggers.0.sample.rate",
                "10: triggers.0.sample.redraw",
                "11: triggers.0.sample.quota",
                "13: triggers.0.then.0.send.channels.0",
                "14: triggers.0.then.1.task: department is missing",
                "15: triggers.0.then.2.set.from",
                "16: triggers.0.then.3",
                "17: triggers.1: when is missing",
                "18: triggers.1.then",
            ],
            id="triggers",
        ),
        pytest.param(
            """
sources:
  - slug: a
    scheme: magic
    secret: {env: SHOP_SECRET}
  - slug: b
    scheme: hmac
    secret: hush-hush
    map:
      contact.shoe_size: "body.x"
      id: "body.["
  - {slug: c, scheme: bearer}
  - {slug: api}
""",
            [
                "4: sources.0.scheme",
                "6: sources.1: header is missing",
                "8: sources.1.secret",
                "9: sources.1.map: type is missing",
                "10: sources.1.map.contact.shoe_size",
                "11: sources.1.map.id",
                "12: sources.2: secret is missing",
                "13: sources.3.slug: api is built in",
            ],
            id="sources",
        ),
        pytest.param(
            "segments:\n  - slug: a\n    if:\n      field: contact.segments\n      op: contains\n      value: b\n",
            ["3: segments.0.if"],
            id="a segment",
        ),
        pytest.param(
            "offers:\n  - slug: a\n    codes: [1, two]\n    expires: soon\n",
            ["3: offers.0.codes", "4: offers.0.expires"],
            id="an offer",
        ),
        pytest.param("trigers: []\npolicy: 7\nsurveys: {}\n", ["1: trigers", "2: policy", "3: surveys"], id="the top"),
        pytest.param("- policy\n", ["1: must be a mapping"], id="a list"),
        pytest.param("hello\n", ["1: must be a mapping"], id="a word"),
        pytest.param(
            "---\npolicy: {}\n---\n\npolicy: {}\n", ["5: policy: there is a policy already"], id="two policies"
        ),
        pytest.param(
            "departments:\n  - {slug: a}\n---\ndepartments:\n  - slug: b\n  - slug: a\n",
            ["6: departments.1.slug: there is already one called a"],
            id="a slug used twice in two documents",
        ),
    ],
)
def test_every_fault_is_told_with_its_line(
    read: Read, monkeypatch: pytest.MonkeyPatch, text: str, faults: list[str]
) -> None:
    monkeypatch.setenv("SHOP_SECRET", SHOP_SECRET)
    found = told(read, text)
    assert len(found) >= len(faults)
    for fault in faults:
        assert any(line.startswith(f"f.yaml:{fault}") for line in found), (fault, found)
    expected = {fault.split(":")[0] for fault in faults}
    assert {line.split(":")[1] for line in found} == expected
    assert "hush-hush" not in repr(found)


def test_faults_of_several_files_are_told_file_by_file_in_order(read: Read) -> None:
    found = told(read, b="departments:\n  - {slug: x, color: red}\n  - {slug: x}\n", a="\n\noffers: 7\npolicy: 8\n")
    assert [line.rsplit(": ", 1)[0].split(":")[:2] for line in found] == [
        ["a.yaml", "3"],
        ["a.yaml", "4"],
        ["b.yaml", "2"],
        ["b.yaml", "3"],
    ]


def test_the_same_slug_in_two_files_is_a_fault(read: Read) -> None:
    found = told(read, a="departments:\n  - {slug: x}\n", b="departments:\n  - {slug: x}\n")
    assert [line.split(": ")[0] for line in found] == ["b.yaml:2"]


# -- References


@pytest.mark.parametrize("status", ["live", "pilot", "paused", "draft"])
def test_a_trigger_that_acts_needs_what_it_points_to(read: Read, status: str) -> None:
    text = f"""
triggers:
  - slug: t
    status: {status}
    when: {{event: x}}
    then:
      - send:
          survey: missing
      - task: {{department: nowhere, title: T}}
      - notify:
          text: N
          channel: nobody
      - notify: {{text: N, channel: somebody@example.com}}
"""
    found = told(read, text)
    if status in ("live", "pilot"):
        assert [line.split(": ")[0] for line in found] == ["f.yaml:8", "f.yaml:9", "f.yaml:12"]
        assert "there is no survey missing" in found[0]
    else:
        assert found == []


def test_what_a_trigger_points_to_may_stand_in_another_file_after_it(read: Read) -> None:
    trigger = "triggers: [{slug: t, status: live, when: {event: x}, then: [{send: {survey: s}}]}]"
    assert told(read, a=trigger, b=f"surveys: [{SURVEY}]") == []


def test_an_ending_needs_its_offer(read: Read) -> None:
    text = SURVEY.replace("}]}]}", "}]}], endings: [{text: T, offer: gone}]}")
    assert "there is no offer gone" in told(read, f"surveys: [{text}]")[0]


# -- Secrets


def test_a_secret_that_is_not_in_the_environment_is_a_fault(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_SECRET", raising=False)
    monkeypatch.setenv("EMPTY_SECRET", "")
    text = "sources:\n  - slug: s\n    scheme: bearer\n    secret:\n      env: SHOP_SECRET\n"
    found = told(read, text)
    assert (len(found), "SHOP_SECRET" in found[0], found[0].split(":")[1] in ("4", "5")) == (1, True, True)
    assert len(told(read, text.replace("SHOP_SECRET", "EMPTY_SECRET"))) == 1


@pytest.mark.parametrize(
    "secret",
    [
        "plain-text",
        '"plain-text"',
        "[plain-text]",
        "{}",
        "{env: A, keep: true}",
        "{keep: false}",
        "{file: /etc/passwd}",
        "[]",
        "7",
        "[{keep: true}, {keep: true}, {keep: true}]",
        "{env: }",
        "{env: [A]}",
    ],
)
def test_a_secret_has_no_place_in_a_file(read: Read, secret: str) -> None:
    found = told(read, f"sources:\n  - slug: s\n    scheme: bearer\n    secret: {secret}\n")
    assert found
    assert {line.split(":")[1] for line in found} == {"4"}
    assert "plain-text" not in repr(found)


# -- YAML


@pytest.mark.parametrize(
    "text",
    [
        "policy: {",
        "policy:\n\t- a",
        "policy: 'open",
        "a: b: c",
        "policy: *nothing",
        "\x07: x",
        "policy: {a}: b",
        "%YAML 7\n--- a",
        "[" * 5000,
        "a: &x [*x]",
        "&x {policy: *x}",
        "- - - - -" * 3000,
        "{a: " * 3000,
        "? [policy]\n: x",
        "? {policy: 1}\n: x",
        "!secret key: x",
        "08: x",
        "~: x",
        "1: x",
        "true: x",
        "2026-01-01: x",
        "policy: !!python/object/apply:os.system [echo]",
        "policy: !include other.yaml",
        "policy: !!binary x",
        "policy: !!int nonsense",
        "policy: 08",
        "policy: {limits: !!set {a}}",
        "policy: !!omap [a: 1]",
        "policy: {<<: {limits: []}}",
        "policy: " + "9" * 5000,
        "policy: 1e999",
        "policy: !!float nan",
    ],
)
def test_odd_yaml_is_a_fault_with_a_line_and_nothing_worse(read: Read, text: str) -> None:
    found = told(read, text)
    assert found
    assert all(line.startswith("f.yaml:") and int(line.split(":")[1]) >= 1 for line in found)


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n---\n", "\ufeff", "~", "policy:\n", "\ufeffpolicy: {}"]
)
def test_an_empty_file_defines_nothing(read: Read, text: str) -> None:
    loaded = read(text)
    assert loaded.faults == [] or text == "policy:\n"
    assert not any(loaded.catalog.bodies.values())


def test_a_field_that_stands_twice_is_a_fault_where_it_stands_again(read: Read) -> None:
    found = told(read, "departments:\n  - slug: a\n    name: A\n    name: B\npolicy: {}\npolicy: {}\n")
    assert found == ["f.yaml:4: name stands here twice", "f.yaml:6: policy stands here twice"]


def test_a_bomb_of_aliases_is_defused(read: Read) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    found = told(read, "\n".join(levels))
    assert any("unfolds to more than" in line for line in found)
    assert len(found) < 20


def test_an_alias_used_with_measure_is_fine(read: Read) -> None:
    condition = "{field: contact.attributes.plan, op: exists}"
    text = f"segments:\n  - {{slug: a, if: &paying {condition}}}\n  - {{slug: b, if: *paying}}\n"
    loaded = read(text)
    assert (loaded.faults, set(loaded.catalog.bodies["segments"])) == ([], {"a", "b"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on, off, yes, no, y, n, On, NO", ["on", "off", "yes", "no", "y", "n", "On", "NO"]),
        ("true, True, FALSE", [True, True, False]),
        (
            "21:00, 1:30:00, 2026-11-21, 2026-11-21T10:00:00Z",
            ["21:00", "1:30:00", "2026-11-21", "2026-11-21T10:00:00Z"],
        ),
        ("1, -1, +1, 0", [1, -1, 1, 0]),
        ("010, 007, 08, 0900", [10, 7, 8, 900]),
        ("1.5, .5, 1., 1e3, -1.5E-2", [1.5, 0.5, 1.0, 1000.0, -0.015]),
        ("0x1F, 0o17, 0b1, 1_000, 1:2", ["0x1F", "0o17", "0b1", "1_000", "1:2"]),
        (".inf, .nan, Infinity", [".inf", ".nan", "Infinity"]),
        ("'1', \"true\", '~', '010'", ["1", "true", "~", "010"]),
        ("=, привет, 😀, a#b, http://x", ["=", "привет", "😀", "a#b", "http://x"]),
    ],
)
def test_plain_values_are_read_as_yaml_1_2_says(read: Read, written: str, meant: list[Any]) -> None:
    """A shop in Norway is ``no``, and a branch 0900 is not 576."""
    assert values(read, written) == meant
    assert [type(v) for v in values(read, written)] == [type(v) for v in meant]
