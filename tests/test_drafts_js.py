"""What the builder sends leads the server to what its author sees: the browser's differences, done by both."""

from hashlib import blake2b
from typing import Any

import pytest
from flask import Flask

from surveys.definition import read
from surveys.drafts import Draft, change_draft, from_stored, read_changes
from tests.browser import chromium, served
from tests.wire import on_sqlite

PAIRS = 300
BOTH = """async ([module, pairs]) => {
  const { difference, replay } = await import(module);
  return pairs.map(([from, to]) => {
    const changes = difference(from, to);
    return [changes, replay(from, changes)];
  });
}"""


def drawn(seed: str, most: int) -> int:
    """A number below ``most`` that looks like chance, and is the same in every run."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) % most


def state(seed: str) -> dict[str, Any]:
    """A survey in parts: some of ten questions on some of four pages, some of three endings, in some order."""

    def some(kind: str, count: int, least: int) -> list[str]:
        keys = sorted((f"{kind}{n}" for n in range(count)), key=lambda key: drawn(f"{seed}.{key}", 10**6))
        return keys[: max(least, drawn(f"{seed}.{kind}", count + 1))]

    pages: list[tuple[str, list[str]]] = [(page, []) for page in some("p", 4, 1)]
    for question in some("q", 10, 0):
        pages[drawn(f"{seed}.{question}.page", len(pages))][1].append(question)
    endings = some("e", 3, 0)
    keys = ["head", "message", "theme", *endings, *(key for page, inside in pages for key in (page, *inside))]
    return {"parts": {key: {"n": drawn(f"{seed}.{key}.n", 3)} for key in keys}, "pages": pages, "endings": endings}


def done_by_the_server(before: dict[str, Any], changes: list[dict[str, Any]]) -> Draft:
    draft = from_stored({**before, "marks": {}})
    assert change_draft(draft, read(changes, read_changes), "anna", 1) == []
    return draft


@on_sqlite
@pytest.mark.browser
def test_differences_lead_from_any_survey_to_any_other(app: Flask) -> None:
    pairs = [(state(f"{n}.from"), state(f"{n}.to")) for n in range(PAIRS)]
    with served(app) as site, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{site}/login")
        told = page.evaluate(BOTH, [f"{site}/static/builder/outline-diff.js", pairs])
    for (before, after), (changes, replayed) in zip(pairs, told, strict=True):
        wanted = (after["parts"], [(page, inside) for page, inside in after["pages"]], after["endings"])
        assert (replayed["parts"], [(p, q) for p, q in replayed["pages"]], replayed["endings"]) == wanted
        draft = done_by_the_server(before, changes)
        assert (draft.parts, draft.pages, draft.endings) == wanted


@on_sqlite
@pytest.mark.browser
def test_moving_one_part_is_one_change(app: Flask) -> None:
    keys = [f"q{n}" for n in range(200)]
    before = {"parts": {key: {} for key in ("p", *keys)}, "pages": [("p", keys)], "endings": []}
    down = {**before, "pages": [("p", [*keys[1:], keys[0]])]}
    up = {**before, "pages": [("p", [keys[-1], *keys[:-1]])]}
    with served(app) as site, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{site}/login")
        told = page.evaluate(BOTH, [f"{site}/static/builder/outline-diff.js", [(before, down), (before, up)]])
    assert [len(changes) for changes, _ in told] == [1, 1]
