"""Whether another system may write to a contact now."""

from app.queries.decisions import present_contact
from app.queries.policies import rules_at
from app.queries.segments import segment_conditions
from surveys.conditions import Facts
from surveys.contact_policy import Reservation
from surveys.gates import Closed
from surveys.permission import permission
from surveys.segments import segments_of


def may_contact(contact_id: int, asked: Reservation, company_zone: str) -> tuple[int, Closed | None]:
    """The version of the policy that answers, and what stands in the way; None when nothing does."""
    now = asked.counts_at
    number, rules = rules_at(now, company_zone)
    person, tree = present_contact(contact_id, rules, number, now)
    facts = Facts({"type": "", "properties": {}, "contact": tree, "answers": {}}, now)
    if rules.crises and (segments := segment_conditions()):
        tree["segments"] = segments_of(segments, facts)
    return number, permission(person, facts, asked, rules)
