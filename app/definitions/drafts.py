"""What a file of definitions would lay over what is in force."""

from app.queries.rehearsals import Draft
from surveys.catalog import Catalog
from surveys.contact_policy import read_policy
from surveys.definition import read


def draft_of(catalog: Catalog) -> Draft:
    """The triggers, segments and policy of a catalog, ready to rehearse with."""
    return Draft(
        triggers=catalog.objects["triggers"],
        segments={slug: segment.condition for slug, segment in catalog.objects["segments"].items()},
        policy=read(catalog.policy, read_policy) if catalog.policy is not None else None,
    )
