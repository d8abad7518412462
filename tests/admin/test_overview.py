"""The overview over real tables: every figure counted again from the facts, who may see it, files, marked changes."""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from app.actions.responses import score_responses
from app.actions.rollups import recount_days, tally_events
from app.actions.segments import note_segments
from app.extensions import transaction
from app.models.accounts import AuditEntry
from app.models.decisions import Decision
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.rollups import Marker, Target
from app.models.surveys import Survey, SurveyVersion
from app.models.tasks import Task
from app.models.triggers import Trigger
from app.queries import overview
from app.queries.overview import Chosen
from app.text.topics import topics
from dashboards import figures
from dashboards.filters import Filters, read_address
from dashboards.overview import PLACES as CARDS
from dashboards.readers import Counts
from tests.admin.conftest import Person, token_of
from tests.company import belongs, found_company, turned
from tests.conftest import Filling
from tests.dashboards.cards import draw
from tests.wire import Clock, everything, on_sqlite, stored

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Tokyo")
DAYS = 60
NASTY = '=HYPERLINK("http://evil.example","x") <script>alert(1)</script> {{ 7*7 }}'
LOOKS = (
    "",
    "?period=7d",
    "?place=Riverside",
    "?touchpoint=Delivery",
    "?touchpoint=Kitchen&place=Centre",
    "?survey=relation",
    "?survey=delivery&channel=email&period=30d",
    "?from=2026-03-05&to=2026-03-12&with=year",
    "?segment=premium",
    "?segment=frequent&place=Riverside&period=30d",
    "?segment=premium&touchpoint=Delivery&channel=email&survey=delivery",
)


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling | None:
    return found if "counted" in request.fixturenames else None


@pytest.fixture
def counted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A company of 800 events in sixty days, all counted."""
    app.config["COMPANY_ZONE"] = str(ZONE)
    return Clock(monkeypatch, NOW)


def found(app: Flask, patch: pytest.MonkeyPatch) -> None:
    app.config["COMPANY_ZONE"] = str(ZONE)
    Clock(patch, NOW)
    found_company(800, DAYS, NOW)
    settle()


def settle() -> None:
    while (
        score_responses(500, NOW)
        + note_segments(500)
        + recount_days(500, str(ZONE))
        + tally_events(500, NOW, str(ZONE))
    ):
        pass


class Facts:
    """Everything that happened, one by one."""

    def __init__(self, filters: Filters) -> None:
        self.days, self.where = filters.days, filters.where
        self.events = {e.id: e for e in stored(Event)}
        self.invitations = {i.id: i for i in stored(Invitation)}
        names = {s.id: s.slug for s in stored(Survey)}
        self.surveys = {v.id: names[v.survey_id] for v in stored(SurveyVersion)}
        self.triggers = {t.id: t.slug for t in stored(Trigger)}

    def within(self, moment: datetime | None) -> bool:
        return moment is not None and self.days.begin <= moment.astimezone(ZONE).date() <= self.days.end

    def about(self, invitation: Invitation, at: datetime | None) -> bool:
        """``at`` is the moment whose segments count."""
        place = self.events[invitation.event_id].properties.get("place")
        mine = (invitation.touchpoint, place, self.surveys[invitation.survey_version_id or 0], invitation.channel)
        wanted = (self.where.touchpoint, self.where.place, self.where.survey, self.where.channel)
        return all(w in (None, m) for w, m in zip(wanted, mine, strict=True)) and self.segmented(invitation, at)

    def segmented(self, invitation: Invitation, at: datetime | None) -> bool:
        if self.where.segment is None or at is None:
            return self.where.segment is None
        mine = [
            e.occurred_at
            for e in self.events.values()
            if e.type == "box.delivered" and e.contact_id == invitation.contact_id
        ]
        return self.where.segment in belongs(invitation.contact_id, at, turned(DAYS, NOW), mine)

    def sent(self) -> list[Invitation]:
        return [
            i for i in self.invitations.values() if self.within(i.handed_over_at) and self.about(i, i.handed_over_at)
        ]

    def responses(self) -> list[Response]:
        return [
            r
            for r in stored(Response)
            if self.within(r.completed_at) and self.about(self.invitations[r.invitation_id], r.completed_at)
        ]

    def counts(self) -> Counts:
        found: Counter[str] = Counter()
        for invitation in self.sent():
            found.update(handed_over=1, answered=int(invitation.completed_at is not None))
        for response in self.responses():
            answers = response.answers
            if "nps" in answers:
                found["promoters" if answers["nps"] > 8 else "passives" if answers["nps"] > 6 else "detractors"] += 1
            for name in ("csat", "ces"):
                if name in answers:
                    score = answers[name]
                    found.update({f"{name}_count": 1, f"{name}_sum": score, f"{name}_squares": score * score})
            found["satisfied"] += answers.get("csat", 0) > 3
        return Counts(**found)


def looked_at(search: str) -> Filters:
    return read_address(search, overview.today())


@pytest.mark.parametrize("search", LOOKS)
def test_every_figure_is_what_the_facts_come_to(app: Flask, counted: Clock, search: str) -> None:
    filters = looked_at(search)
    facts = Facts(filters)
    expected = facts.counts()
    assert figures.total(overview.counts(None, filters.where, filters.days, ())) == expected
    for by in (("day",), ("touchpoint",), ("day", "touchpoint")):
        assert figures.total(overview.counts(None, filters.where, filters.days, by)) == expected, by
    places = overview.counts(None, filters.where, filters.days, ("touchpoint", "place"))
    for cell in places:
        narrow = filters.only(place=cell.place, touchpoint=cell.touchpoint)
        if cell.touchpoint:
            assert cell.counts == Facts(narrow).counts(), cell


@on_sqlite
@pytest.mark.parametrize("search", LOOKS)
def test_behind_every_figure_stand_as_many_answers_as_its_n(app: Flask, counted: Clock, search: str) -> None:
    filters = looked_at(search)
    facts = Facts(filters)

    def behind(of: str | None, topic: str | None = None) -> int:
        return overview.count_answers(Chosen(filters.where, filters.days, of, topic))

    counts = facts.counts()
    assert behind(None) == len(facts.responses())
    assert behind("nps") == counts.nps_count
    assert [behind(c) for c in ("promoters", "passives", "detractors")] == [
        counts.promoters, counts.passives, counts.detractors
    ]  # fmt: skip
    assert (behind("csat"), behind("satisfied"), behind("ces")) == (
        counts.csat_count, counts.satisfied, counts.ces_count
    )  # fmt: skip
    late = [r for r in facts.responses() if "late" in topics(r.answers.get("why", ""))]
    assert behind(None, "late") == len(late)
    reasons = overview.reasons(None, filters.where, filters.days)
    assert sum(n for named in reasons.values() for name, n in named.items() if name == "late") == sum(
        r.answers.get("nps", 10) < 7 or r.answers.get("csat", 5) < 4 for r in late
    )


@on_sqlite
@pytest.mark.parametrize("search", LOOKS)
def test_the_way_from_event_to_task_is_counted_again(app: Flask, counted: Clock, search: str) -> None:
    filters = looked_at(search)
    facts, where = Facts(filters), filters.where
    funnel = overview.funnel(None, where, filters.days)
    asks = {"upgrade-nps": ("Upgrade", "relation", "subscription.upgraded"),
            "delivery-csat": ("Delivery", "delivery", "box.delivered"),
            "support-ces": (None, "support", "complaint.resolved")}  # fmt: skip
    outcomes: Counter[str | None] = Counter()
    for decision in stored(Decision):
        event = facts.events[decision.event_id]
        touchpoint, survey, _kind = asks[facts.triggers[decision.trigger_id]]
        touchpoint = event.properties.get("touchpoint", touchpoint)
        fits = where.touchpoint in (None, touchpoint) and where.survey in (None, survey)
        if facts.within(event.occurred_at) and fits and where.place in (None, event.properties.get("place")):
            outcomes[decision.reason] += 1
    assert (funnel.sent, funnel.answered) == (facts.counts().handed_over, facts.counts().answered)
    if where.segment:
        answered = {facts.invitations[r.invitation_id].public_id for r in facts.responses()}
        told = [facts.events[t.event_id].properties for t in stored(Task) if facts.within(t.created_at)]
        assert (funnel.first, funnel.events) == ("sent", 0)
        assert funnel.tasks == sum(p["invitation"] in answered for p in told) or where.survey
        return
    assert funnel.matched == outcomes.total()
    assert funnel.sampled == funnel.matched - outcomes["not_sampled"]
    assert funnel.asked == outcomes[None]
    assert dict(funnel.lost["asked"]) == {r: outcomes[r] for r in ("contact_limit", "holdout") if outcomes[r]}
    tasks = [t for t in stored(Task) if facts.within(t.created_at)]
    about = [facts.events[t.event_id].properties for t in tasks]
    if not (where.survey or where.channel):
        assert funnel.tasks == sum(
            where.place in (None, p.get("place")) and where.touchpoint in (None, p.get("touchpoint")) for p in about
        )
    if not (where.touchpoint or where.survey or where.channel):
        assert funnel.events == sum(
            e.type not in ("survey.answered", "contact.changed")
            and facts.within(e.occurred_at)
            and where.place in (None, e.properties.get("place"))
            for e in facts.events.values()
        )
    assert funnel.events >= funnel.matched


@on_sqlite
def test_comments_are_the_latest_and_name_nobody_to_those_who_may_not_know(app: Flask, counted: Clock) -> None:
    filters = looked_at("")
    worded = sorted(
        (r for r in Facts(filters).responses() if r.answers.get("why")),
        key=lambda r: (r.changed_at, r.id),
        reverse=True,
    )
    found = overview.comments(None, filters.where, filters.days, 6)
    assert [c.response_id for c in found] == [r.id for r in worded[:6]]
    assert all(c.customer for c in found)

    class Stranger:
        def may(self, right: str) -> bool:
            return right != "customers"

    masked = overview.comments(Stranger(), filters.where, filters.days, 6)
    assert [c.response_id for c in masked] == [c.response_id for c in found]
    assert not any(c.customer or c.customer_id for c in masked)


# -- On screen


def drawn(person: Person, card: str, search: str = "") -> str:
    return draw(person.client, card, search)


def links(told: str) -> Iterator[str]:
    """Every address in a card."""
    return iter(sorted({json.loads(f'"{href}"') for href in re.findall(r'"href":"([^"]*)"', told)}))


@on_sqlite
@pytest.mark.parametrize("search", ["", "?place=Riverside", "?touchpoint=Kitchen&period=30d"])
def test_every_link_of_the_overview_leads_somewhere(
    app: Flask, counted: Clock, sign_in: Callable[..., Person], search: str
) -> None:
    anna = sign_in("manager")
    followed = set()
    for card in CARDS:
        told = drawn(anna, card, search)
        assert "could not be worked out" not in told, card
        for href in links(told):
            address = f"/dashboards/{href}" if href.startswith("?") else href
            if address not in followed:
                followed.add(address)
                assert anna.get(address).status_code == 200, address
    assert len(followed) > 5


@on_sqlite
@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("designer", 200), ("manager", 200), ("agent", 403), (None, 302)]
)
def test_the_overview_is_for_those_who_have_the_right(
    app: Flask, sign_in: Callable[..., Person], role: str | None, status: int
) -> None:
    client = sign_in(role, "").client if role else app.test_client()
    for address in ("/dashboards/", "/answers", "/changes", "/overview.xlsx", "/answers.csv"):
        assert client.get(address, headers={"Accept": "text/html"}).status_code == status, address
    for address in ("/dashboards/_dash-layout", "/dashboards/_dash-dependencies"):
        assert client.get(address, headers={"Accept": "application/json"}).status_code == (status if role else 401)
    posted = client.post("/dashboards/_dash-update-component", json={})
    assert posted.status_code == {200: 400, 403: 403, 302: 401}[status]


@on_sqlite
def test_an_answer_is_on_the_overview_once_it_is_scored(
    app: Flask, counted: Clock, sign_in: Callable[..., Person]
) -> None:
    anna = sign_in("manager")
    before = overview.pulse(None)
    assert "Better than ever" not in drawn(anna, "comments")
    with transaction() as session:
        open_one = session.query(Invitation).filter(Invitation.state == "open").order_by(Invitation.id.desc()).first()
        assert open_one is not None
        session.add(
            Response(
                invitation_id=open_one.id,
                survey_version_id=open_one.survey_version_id or 0,
                contact_id=open_one.contact_id,
                language="en",
                answers={"csat": 5, "why": "Better than ever"},
                complete=True,
                started_at=NOW,
                changed_at=NOW,
                completed_at=NOW,
            )
        )
    assert overview.pulse(None) != before
    n = figures.total(overview.counts(None, looked_at("").where, looked_at("").days, ())).csat_count
    settle()
    assert "Better than ever" in drawn(anna, "comments")
    assert figures.total(overview.counts(None, looked_at("").where, looked_at("").days, ())).csat_count == n + 1


@on_sqlite
def test_what_customers_wrote_is_only_ever_text(app: Flask, counted: Clock, sign_in: Callable[..., Person]) -> None:
    with transaction() as session:
        for response in session.query(Response):
            response.answers = {**response.answers, "why": NASTY}
    anna = sign_in("manager")
    page = anna.get("/answers").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    rows = list(csv.reader(io.StringIO(anna.get("/answers.csv").data.decode("utf-8-sig"))))
    said = [cell for row in rows[1:] for cell in row if "HYPERLINK" in cell]
    assert said
    assert all(cell.startswith("'=") for cell in said)
    book = zipfile.ZipFile(io.BytesIO(anna.get("/answers.xlsx").data))
    sheets = "".join(book.read(name).decode() for name in book.namelist() if "sheet" in name)
    assert "<f>" not in sheets
    assert "=HYPERLINK" in book.read("xl/sharedStrings.xml").decode()
    assert "hyperlinks" not in sheets


@on_sqlite
def test_the_files_hold_what_the_page_shows_and_hide_what_it_hides(
    app: Flask, counted: Clock, sign_in: Callable[..., Person]
) -> None:
    anna = sign_in("manager")
    rows = list(csv.DictReader(io.StringIO(anna.get("/overview.csv").data.decode("utf-8-sig"))))
    whole = {row["Touchpoint"]: row for row in rows if not row["Place"]}
    filters = looked_at("")
    cells = {
        c.touchpoint or "No touchpoint": c.counts
        for c in overview.counts(None, filters.where, filters.days, ("touchpoint",))
    }
    assert set(whole) == set(cells)
    csat = figures.SATISFACTION.figure(cells["Delivery"])
    assert float(whole["Delivery"]["Value"]) == round(csat.value or 0, 2)
    assert int(whole["Delivery"]["n"]) == csat.n
    few = list(
        csv.DictReader(io.StringIO(anna.get("/overview.csv?from=2026-03-19&to=2026-03-20").data.decode("utf-8-sig")))
    )
    assert few
    assert all(not row["Value"] and row["Verdict"] == "too_few" for row in few if int(row["n"]) < 10)
    answers = list(csv.reader(io.StringIO(anna.get("/answers.csv?place=Riverside").data.decode("utf-8-sig"))))
    assert len(answers) - 1 == len(Facts(looked_at("?place=Riverside")).responses())
    assert anna.get("/overview.pdf").status_code == anna.get("/answers.exe").status_code == 404
    book = zipfile.ZipFile(io.BytesIO(anna.get("/overview.xlsx").data))
    assert sum("worksheets/sheet" in name for name in book.namelist()) == 4


@on_sqlite
def test_answers_are_read_on_page_by_page_each_once(app: Flask, counted: Clock, sign_in: Callable[..., Person]) -> None:
    anna = sign_in("manager")
    address, seen = "/answers?period=90d&from=2026-01-01&to=2026-03-20", 0
    for _page in range(20):
        page = anna.get(address).text
        seen += page.count('<div class="row-main">')
        further = re.search(r'href="([^"]+)">Earlier answers', page)
        if not further:
            break
        address = further[1].replace("&amp;", "&")
    assert seen == len(Facts(read_address("?from=2026-01-01&to=2026-03-20", overview.today())).responses()) > 50


@on_sqlite
@pytest.mark.parametrize(
    "query",
    ["after=nonsense", "after=2026-01-01~1", "after=~", "of=<script>", "topic=' OR 1=1", "from=x&to=y", "place=Gone",
     "survey=gone&touchpoint=gone&channel=gone"],
)  # fmt: skip
def test_an_address_that_makes_no_sense_is_a_calm_page(
    app: Flask, counted: Clock, sign_in: Callable[..., Person], query: str
) -> None:
    anna = sign_in("manager")
    page = anna.get(f"/answers?{query}")
    assert page.status_code == 200
    assert "<script>" not in page.text.replace("<script src", "")
    assert anna.get(f"/dashboards/?{query}").status_code == 200
    for card in CARDS:
        assert "could not be worked out" not in drawn(anna, card, f"?{query}")


@on_sqlite
def test_a_company_without_anything_is_told_what_will_come(app: Flask, sign_in: Callable[..., Person]) -> None:
    anna = sign_in("manager")
    assert "No invitation is out." in drawn(anna, "sentence")
    for card in CARDS:
        assert "could not be worked out" not in drawn(anna, card), card
    assert "Answers appear here within seconds." in anna.get("/answers").text
    assert anna.get("/overview.xlsx").status_code == 200


@on_sqlite
def test_looking_changes_nothing(app: Flask, counted: Clock, sign_in: Callable[..., Person]) -> None:
    anna = sign_in("manager")
    before = everything()
    for address in ("/dashboards/", "/answers", "/changes", "/overview.xlsx", "/overview.csv", "/answers.csv"):
        assert anna.get(address).status_code == 200
    for card in CARDS:
        drawn(anna, card)
    assert everything() == before


@on_sqlite
def test_a_change_is_marked_stands_in_the_line_and_is_taken_away(
    app: Flask, counted: Clock, sign_in: Callable[..., Person]
) -> None:
    anna = sign_in("manager")
    marked = anna.post("/changes", day="2026-03-01", text="  slots by app ", place="Northside", touchpoint="")
    assert marked.status_code == 302
    (marker,) = stored(Marker)
    assert (marker.text, marker.place, marker.touchpoint, marker.author) == (
        "slots by app", "Northside", None, anna.email
    )  # fmt: skip
    assert "slots by app" in drawn(anna, "trend")
    assert "slots by app" not in drawn(anna, "trend", "?place=Centre")
    assert anna.post("/changes/remove", id=str(marker.id)).status_code == 302
    assert stored(Marker) == []
    kept = [(e.verb, e.actor, e.object) for e in stored(AuditEntry) if e.kind == "changes"]
    assert kept == [("create", anna.email, "slots by app"), ("remove", anna.email, "slots by app")]
    assert anna.post("/changes/remove", id=str(marker.id)).status_code == 302
    assert anna.post("/changes/remove", id="x").status_code == 302


@on_sqlite
def test_a_target_stands_in_its_card_and_in_the_file_until_it_is_taken_away(
    app: Flask, counted: Clock, sign_in: Callable[..., Person]
) -> None:
    anna = sign_in("manager")
    assert "Target" not in drawn(anna, "cards")
    assert anna.post("/targets", nps="-99", csat="", ces="", rate="99,5").status_code == 302
    told = drawn(anna, "cards")
    assert "Target \u221299: reached" in told
    assert "Target 99.5\u00a0%: not reached" in told
    assert told.count('"className":"target"') == 2
    book = zipfile.ZipFile(io.BytesIO(anna.get("/overview.xlsx").data))
    assert "99.5" in book.read("xl/worksheets/sheet1.xml").decode()
    assert 'value="99.5"' in anna.get("/targets").text
    assert anna.post("/targets", nps="-99", csat="80", ces="", rate="").status_code == 302
    assert {t.metric: t.value for t in stored(Target)} == {"nps": -99.0, "csat": 80.0}
    kept = [(e.verb, e.object) for e in stored(AuditEntry) if e.kind == "targets"]
    assert kept == [("create", "nps"), ("create", "rate"), ("create", "csat"), ("remove", "rate")]


@on_sqlite
@pytest.mark.parametrize("typed", ["101", "-101", "nan", "inf", "lots"])
def test_a_target_that_is_no_score_keeps_what_was_typed(
    app: Flask, counted: Clock, sign_in: Callable[..., Person], typed: str
) -> None:
    anna = sign_in("manager")
    page = anna.post("/targets", nps=typed, csat="80", ces="", rate="")
    assert page.status_code == 422
    assert f'value="{typed}"' in page.text
    assert 'id="nps-fault"' in page.text
    assert stored(Target) == []
    assert sign_in("agent", "care").get("/targets").status_code == 403


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"day": "2026-03-21", "text": "tomorrow"}, "This day has not come yet."),
        ({"day": "soon", "text": "sometime"}, "Not a valid date"),
        ({"day": "2026-03-01", "text": ""}, "required"),
        ({"day": "2026-03-01", "text": "x" * 121}, "120"),
    ],
)
def test_a_change_that_cannot_be_marked_keeps_what_was_typed(
    app: Flask, counted: Clock, sign_in: Callable[..., Person], fields: dict[str, str], fault: str
) -> None:
    anna = sign_in("manager")
    page = anna.post("/changes", **fields)
    assert page.status_code == 422
    assert fault in page.text
    assert fields["text"][:50] in page.text
    assert stored(Marker) == []
    bare = anna.client.post("/changes", data=fields)
    assert bare.status_code == 400, "without the session's token nothing is changed"
    assert token_of(page.text)
