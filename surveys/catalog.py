"""Everything a company defines, together: read, and checked for what points to what."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from surveys.conditions import Facts, fields_of
from surveys.contact_policy import read_policy
from surveys.definition import Fault, Node, Path
from surveys.gates import ACTIVE
from surveys.lifecycle import read_department
from surveys.occasions import TIMER, Entry, Exit, Holiday, Occasion, Occurs, Once, Schedule
from surveys.offers import read_offer
from surveys.segments import read_segment
from surveys.sources import read_source
from surveys.survey import Survey, read_survey
from surveys.triggers import GiveOffer, Notify, Send, Task, Trigger, read_trigger

READERS: Mapping[str, Callable[[Node], Any]] = {
    "departments": read_department,
    "sources": read_source,
    "segments": read_segment,
    "offers": read_offer,
    "surveys": read_survey,
    "triggers": read_trigger,
}
"""The kinds that come as lists of objects with a slug, in the order they depend on each other."""
RESERVED = frozenset({"api", "otklik"})


@dataclass
class Catalog:
    """Definitions by kind and slug: the body as written, what was read from it, and where it stands."""

    policy: dict[str, Any] | None = None
    bodies: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in READERS})
    objects: dict[str, dict[str, Any]] = field(default_factory=lambda: {kind: {} for kind in READERS})
    places: dict[tuple[str, str], Path] = field(default_factory=dict)

    def slugs(self, kind: str) -> set[str]:
        return set(self.bodies[kind])


def read_catalog(documents: list[Any]) -> tuple[Catalog, list[Fault]]:
    """Read documents; paths of faults begin with the number of the document."""
    catalog, faults = Catalog(), list[Fault]()
    for number, document in enumerate(documents):
        if document is None:
            continue
        fields = Node(document, faults, (number,)).mapping(("policy", *READERS))
        if "policy" in fields:
            if catalog.policy is not None:
                fields["policy"].fault("there is a policy already")
            read_policy(fields["policy"])
            catalog.policy = fields["policy"].value
        for kind in READERS:
            if kind in fields:
                _read_kind(catalog, kind, fields[kind])
    faults += _feeding_themselves(catalog)
    return catalog, faults


NO_TIME = datetime.min.replace(tzinfo=UTC)
NOUNS = {"audiences": "segment or list"}
OF_SENDS = frozenset({"survey.answered", "invitation.sent", "invitation.expired"})
"""Events that come of what a trigger sends."""


def _feeding_themselves(catalog: Catalog) -> Iterator[Fault]:
    """Triggers that hear of what they make themselves, and would go on for ever."""
    for slug, trigger in catalog.objects["triggers"].items():
        place = (*catalog.places["triggers", slug], "when", "event")
        if trigger.event == f"{TIMER}{slug}" and isinstance(trigger.when, Occurs):
            yield Fault(place, "is the moment that this trigger itself would be")
        elif trigger.event in OF_SENDS:
            sent = {send.survey for _, send in trigger.sends if send.survey or trigger.event != "survey.answered"}
            if any(_hears_of(trigger, survey) for survey in sent):
                fault = "comes of what this trigger sends itself; a condition on properties.survey must exclude that"
                yield Fault(place, fault)


def _hears_of(trigger: Trigger, survey: str | None) -> bool:
    """Whether no clause keeps out the events that come of the trigger's own sends."""
    facts = Facts({"properties": {"survey": survey, "trigger": trigger.slug}}, NO_TIME)
    return not any(
        fields_of(tree) <= {"properties.survey", "properties.trigger"} and clause(facts) is not True
        for clause, tree in zip(trigger.condition.clauses, trigger.condition.trees, strict=True)
    )


def _read_kind(catalog: Catalog, kind: str, node: Node) -> None:
    for item in node.items():
        before = len(item.faults)
        read = READERS[kind](item)
        slug = read.slug
        if not slug:
            continue
        if slug in catalog.bodies[kind]:
            item.fault(f"there is already one called {slug}", "slug")
        if kind == "sources" and slug in RESERVED:
            item.fault(f"{slug} is built in", "slug")
        catalog.bodies[kind][slug] = item.value
        catalog.places[kind, slug] = item.path
        if len(item.faults) == before:
            catalog.objects[kind][slug] = read


def broken_references(catalog: Catalog, there: Mapping[str, Collection[str]]) -> list[Fault]:
    """What points to something that is neither in the catalog nor ``there`` already (slugs by kind).

    A trigger may point to a survey that is still missing, as long as it is not to be live.
    """
    known = {kind: set(there.get(kind, ())) | catalog.slugs(kind) for kind in READERS}
    known["audiences"] = known["segments"] | set(there.get("lists", ()))
    faults = []
    for slug, survey in catalog.objects["surveys"].items():
        for below, kind, wanted in _survey_references(survey):
            if wanted not in known[kind]:
                faults.append(Fault((*catalog.places["surveys", slug], *below), f"there is no {kind[:-1]} {wanted}"))
    for slug, trigger in catalog.objects["triggers"].items():
        if trigger.status not in ACTIVE:
            continue
        for below, kind, wanted in _trigger_references(trigger):
            if wanted not in known[kind]:
                message = (
                    f"there is no {NOUNS.get(kind, kind[:-1])} {wanted}, so the trigger cannot be {trigger.status}"
                )
                faults.append(Fault((*catalog.places["triggers", slug], *below), message))
    return faults


def _survey_references(survey: Survey) -> Iterator[tuple[Path, str, str]]:
    for number, ending in enumerate(survey.endings):
        if ending.offer:
            yield ("endings", number, "offer"), "offers", ending.offer


def _trigger_references(trigger: Trigger) -> Iterator[tuple[Path, str, str]]:
    yield from _occasion_references(trigger.when)
    for number, action in enumerate(trigger.actions):
        if isinstance(action, Send) and action.survey:
            yield ("then", number, "send", "survey"), "surveys", action.survey
        elif isinstance(action, Task):
            yield ("then", number, "task", "department"), "departments", action.department
        elif isinstance(action, Notify) and "@" not in action.channel:
            yield ("then", number, "notify", "channel"), "departments", action.channel
        elif isinstance(action, GiveOffer):
            yield ("then", number, "offer", "pool"), "offers", action.pool


def _occasion_references(when: Occasion) -> Iterator[tuple[Path, str, str]]:
    match when:
        case Once(audience):
            yield ("when", "now"), "audiences", audience
        case Entry(segment):
            yield ("when", "enters"), "segments", segment
        case Exit(segment):
            yield ("when", "exits"), "segments", segment
        case Holiday(segment=str(segment)) | Schedule(segment=segment):
            yield ("when", "segment"), "segments", segment
