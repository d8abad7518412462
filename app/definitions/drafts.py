"""What a file of definitions would lay over what is in force."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.definitions import load_definitions
from app.queries.rehearsals import Draft, Span
from surveys.catalog import Catalog
from surveys.contact_policy import read_policy
from surveys.definition import read


def span_of(begin: date, end: date, company_zone: str) -> Span:
    """From the first company day to the end of the last one."""
    where = ZoneInfo(company_zone)
    since, until = (datetime.combine(day, time(0), where).astimezone(UTC) for day in (begin, end + timedelta(days=1)))
    return Span(since, until, company_zone)


def draft_of(catalog: Catalog) -> Draft:
    """The triggers, segments and policy of a catalog, ready to rehearse with."""
    return Draft(
        triggers=catalog.objects["triggers"],
        segments={slug: segment.condition for slug, segment in catalog.objects["segments"].items()},
        policy=read(catalog.policy, read_policy) if catalog.policy is not None else None,
    )


def read_again(text: str) -> Catalog:
    """The definitions of a draft that was without fault when it was kept.

    Raises ``ValueError`` when it is not any more: what it stands on has changed.
    """
    loaded = load_definitions({"": text})
    if loaded.faults:
        raise ValueError("; ".join(fault.message for fault in loaded.faults))
    return loaded.catalog
