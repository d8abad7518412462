"""How far the quotas of triggers are used in their running periods."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.extensions import among, db
from app.models.decisions import QuotaUse
from app.models.invitations import Invitation
from app.models.rollups import Rollup
from app.queries.triggers import CurrentTrigger
from surveys.lifecycle import ANSWERABLE
from surveys.quotas import Standing, answer_rate, period

LOOKED_BACK, RIPE = timedelta(days=90), timedelta(days=7)
"""Over which time, and after how long a wait, it is seen which share answers."""


def standings(
    triggers: Sequence[CurrentTrigger], now: datetime, company_zone: str, *, exact: bool = False
) -> dict[str, Standing]:
    """The standing of every trigger that has a quota, by slug.

    ``exact`` takes the counts of invitations, so that nobody else can add to them until this is over.
    """
    zone = ZoneInfo(company_zone)
    with_quota = [(i, rule, rule.sample.quota) for i, _, rule in triggers if rule.sample.quota]
    if not with_quota:
        return {}
    periods = {i: period(now, quota.per, zone) for i, _, quota in with_quota}
    given = _given([i for i, _, quota in with_quota if quota.of == "invitations"], periods, exact=exact)
    asking = [i for i, _, quota in with_quota if quota.of == "responses"]
    rates, out = answer_rates(asking, now, zone), _outstanding(asking)
    found = {}
    for i, rule, quota in with_quota:
        starts, ends = periods[i]
        if quota.of == "invitations":
            found[rule.slug] = Standing(starts, ends, given.get(i, 0))
        else:
            used = _answers(i, starts) + out.get(i, 0) * rates[i]
            found[rule.slug] = Standing(starts, ends, used, rates[i])
    return found


def _given(trigger_ids: Sequence[int], periods: dict[int, tuple[datetime, datetime]], *, exact: bool) -> dict[int, int]:
    query = select(QuotaUse.trigger_id, QuotaUse.starts_at, QuotaUse.used).where(
        among(QuotaUse.trigger_id, trigger_ids)
    )
    if exact:
        query = query.order_by(QuotaUse.trigger_id, QuotaUse.starts_at).with_for_update()
    return {i: used for i, starts_at, used in db.session.execute(query) if starts_at == periods[i][0]}


def _answers(trigger_id: int, since: datetime) -> int:
    completed = select(func.count()).where(Invitation.completed_at >= since, Invitation.trigger_id == trigger_id)
    return db.session.scalar(completed.where(Invitation.survey_version_id.is_not(None))) or 0


def _outstanding(trigger_ids: Sequence[int]) -> dict[int, int]:
    """Invitations that may still be answered, by trigger."""
    rows = db.session.execute(
        select(Invitation.trigger_id, func.count())
        .where(among(Invitation.trigger_id, trigger_ids), Invitation.state.in_(("planned", *sorted(ANSWERABLE))))
        .group_by(Invitation.trigger_id)
    )
    return {trigger_id: n for trigger_id, n in rows}


def answer_rates(trigger_ids: Sequence[int], now: datetime, zone: ZoneInfo) -> dict[int, float]:
    """Which share of those asked answers, by trigger, as seen over the last 90 days; the newest week is not ripe."""
    today = now.astimezone(zone).date()
    rows = db.session.execute(
        select(Rollup.trigger_id, func.sum(Rollup.answered), func.sum(Rollup.handed_over))
        .where(
            among(Rollup.trigger_id, trigger_ids),
            Rollup.dimension == "",
            Rollup.day.between(today - LOOKED_BACK, today - RIPE),
        )
        .group_by(Rollup.trigger_id)
    )
    seen = {trigger_id: (answered, asked) for trigger_id, answered, asked in rows}
    return {i: answer_rate(*seen.get(i, (0, 0))) for i in trigger_ids}
