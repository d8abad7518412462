"""Codes of offers, given by triggers."""

from collections.abc import Collection
from datetime import datetime

from app.extensions import transaction
from app.queries.effects import lock_effects
from app.queries.offers import take_code
from app.queries.triggers import trigger_version
from surveys.triggers import GiveOffer


class PoolEmpty(LookupError):
    """All codes of this offer are given."""


def give_offers(effect_ids: Collection[int], now: datetime) -> int:
    """Give the codes that these effects ask for; returns how many effects were done.

    Raises :class:`PoolEmpty`. An event that names no customer gives nobody a code.
    """
    with transaction():
        effects = lock_effects(effect_ids)
        for effect in effects:
            action = trigger_version(effect.trigger_id, effect.trigger_version).actions[effect.action]
            assert isinstance(action, GiveOffer)
            if effect.contact_id is not None:
                code = take_code(action.pool, now)
                if code is None:
                    raise PoolEmpty(action.pool)
                code.effect_id = effect.id
            effect.done_at = now
    return len(effects)
