"""What came of a rehearsal, in words and pictures: the draft beside what is in force."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app.admin.kinds import channel_word
from app.admin.reasons import because, percent, plain_reason
from app.admin.words import day, inner, number
from app.auth.staff import signed_in
from app.queries.simulations import differing_contacts
from app.queries.stories import customers_seen
from app.queries.triggers import trigger_names
from surveys.contact_policy import Limit
from surveys.decision import Rung
from surveys.expectation import expected_answers, nps_half_width

PAGE = 25
"""How many of those whose outcome differs stand on one page."""
RULES_SHOWN = 6
DAYS_DRAWN = 92
"""A longer time is drawn by weeks: more days could not be told apart on a phone."""
WEEK = 7
WIDTH, HEIGHT = 560.0, 120.0
Told = Mapping[str, Any]
Row = tuple[str, int, int]
"""What is compared, in force, and by the draft."""


def result_words(result: Told, first: date, last: date, typed: Mapping[str, str]) -> dict[str, Any]:
    """Everything that the page says of both courses; ``typed`` may say how many answer: ``rate-email``, of 100."""
    assumed = {channel: _share_typed(typed.get(f"rate-{channel}")) for channel in result["rates"]}
    rates = {channel: rate for channel, rate in assumed.items() if rate is not None}
    result = {**_at_rates(result, rates), "in_force": _at_rates(result["in_force"], rates)}
    before, after = result["in_force"], result
    return {
        "sentence": _sentence(result, first, last),
        "pairs": [*_pairs(before, after), *_quota_pairs(before, after)],
        "rates": [
            (channel, channel_word(channel), _assumption(channel, rate, assumed=channel in rates), f"{100 * rate:g}")
            for channel, rate in after["rates"].items()
        ],
        "rates_refused": [
            channel_word(c) for c, rate in assumed.items() if rate is None and typed.get(f"rate-{c}", "").strip()
        ],
        "sent": _sent(before["days"], after["days"], first, last),
        "times": _times(before["contacts"], after["contacts"]),
        "reasons": _reasons(before["triggers"], after["triggers"]),
        "behind": _behind(after["triggers"]),
        "total": result["differing"]["total"],
        "not_rehearsed": [trigger_names().get(slug, slug) for slug in after["not_rehearsed"]],
    }


def _share_typed(text: str | None) -> float | None:
    """``25`` of 100 as a share; None where it is none."""
    try:
        share = float((text or "").replace(",", ".")) / 100
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _at_rates(told: Told, rates: Mapping[str, float]) -> dict[str, Any]:
    """What a course is expected to bring, if these shares of those who are asked through a channel answered."""
    if not rates:
        return dict(told)
    rates = {**told["rates"], **rates}
    return {
        **told,
        "rates": rates,
        "answers": round(expected_answers(told["asked"], rates), 1),
        "nps_half_width": nps_half_width(told["nps"]["value"], expected_answers(told["nps"]["asked"], rates)),
    }


def _assumption(channel: str, rate: float, *, assumed: bool) -> str:
    told = {"share": percent(rate), "channel": channel_word(channel)}
    if assumed:
        return _("%(share)s answer by %(channel)s, as you say", **told)
    return _("%(share)s answer by %(channel)s, as in the last 90 days", **told)


def _asked(told: Told) -> int:
    return sum(n for times, n in told["contacts"].items() if times != "0")


def _sentence(result: Told, first: date, last: date) -> str:
    before, after = result["in_force"], result
    said = {"first": day(first), "last": day(last), "asked": _asked_words(_asked(before), _asked(after)),
            "brought": _answers_words(round(before["answers"]), round(after["answers"])),
            "apart": _apart_words(after)}  # fmt: skip
    if not result["differing"]["total"] and before["days"] == after["days"]:
        changed = _("From %(first)s to %(last)s this would have changed nothing: it %(asked)s and %(brought)s.", **said)
        return str(changed)
    if not said["apart"]:
        return _("From %(first)s to %(last)s this would have %(asked)s and %(brought)s.", **said)
    return _("From %(first)s to %(last)s this would have %(asked)s, %(brought)s, and %(apart)s.", **said)


def _asked_words(was: int, now: int) -> str:
    told = {"new": number(now), "old": number(was)}
    if was == now:
        return ngettext("asked %(new)s customer as before", "asked %(new)s customers as before", now, **told)
    return ngettext(
        "asked %(new)s customer instead of %(old)s",
        "asked %(new)s customers instead of %(old)s",
        now,
        **told,
    )


def _answers_words(was: int, now: int) -> str:
    told = {"new": number(now), "old": number(was)}
    if was == now:
        return ngettext(
            "brought about %(new)s answer as before", "brought about %(new)s answers as before", now, **told
        )
    return ngettext(
        "brought about %(new)s answer instead of %(old)s",
        "brought about %(new)s answers instead of %(old)s",
        now,
        **told,
    )


def _apart_words(after: Told) -> str:
    """How far apart the questions to one customer really were; nothing where that is not worth a word."""
    if not _asked(after):
        return ""
    if after["closest"] is None:
        return _("nobody twice")
    everything, counted = (after[name] and after[name] // 86_400 for name in ("closest", "closest_counted"))
    if everything and everything == counted:
        return ngettext("nobody twice within %(num)d day", "nobody twice within %(num)d days", everything)
    if counted:
        return ngettext(
            "nobody twice within %(num)d day, exempt messages aside",
            "nobody twice within %(num)d days, exempt messages aside",
            counted,
        )
    return ""


def _pairs(before: Told, after: Told) -> list[tuple[str, str, str, bool]]:
    def waiting(told: Told) -> int:
        return sum(count["deferred"] for count in told["triggers"].values())

    def sent(told: Told) -> int:
        return sum(n for by_channel in told["days"].values() for n in by_channel.values())

    def half(told: Told) -> str:
        return "–" if told["nps_half_width"] is None else f"± {number(told['nps_half_width'], 1)}"

    rows = [
        (_("Invitations and messages"), number(sent(before)), number(sent(after))),
        (_("Customers asked"), number(_asked(before)), number(_asked(after))),
        (_("Expected answers"), number(before["answers"]), number(after["answers"])),
        (_("Most questions to one person"), number(before["most"]), number(after["most"])),
        (_("How sure the NPS is"), half(before), half(after)),
        (_("Still waiting at the end"), number(waiting(before)), number(waiting(after))),
    ]
    return [(name, old, new, old != new) for name, old, new in rows]


def _quota_pairs(before: Told, after: Told) -> list[tuple[str, str, str, bool]]:
    """How many days every quota takes to be reached."""
    rows = []
    for slug in dict.fromkeys((*before["quotas"], *after["quotas"])):
        name = _("Days to the quota of “%(trigger)s”", trigger=inner(trigger_names().get(slug, slug)))
        old, new = (_days_words(told["quotas"].get(slug)) for told in (before, after))
        rows.append((name, old, new, old != new))
    return rows


def _days_words(quota: Told | None) -> str:
    if quota is None:
        return _("no quota")
    return _("never") if quota["days"] is None else number(quota["days"], 1 if quota["days"] < WEEK else 0)


def _sent(before: Told, after: Told, first: date, last: date) -> dict[str, Any]:
    """Invitations by day, or in a longer time by week: both courses in one picture, a line each."""
    planned = [date.fromisoformat(text) for told in (before, after) for text in told]
    last = max([last, *planned])  # what falls into quiet hours goes out a little later
    length = WEEK if (last - first).days >= DAYS_DRAWN else 1
    counted: dict[date, list[int]] = {
        first + timedelta(days=n): [0, 0] for n in range(0, (last - first).days + 1, length)
    }
    for place, told in enumerate((before, after)):
        for text, channels in told.items():
            since = (date.fromisoformat(text) - first).days // length * length
            counted[first + timedelta(days=since)][place] += sum(channels.values())
    rows = [(at, old, new) for at, (old, new) in counted.items()]
    highest = max(max(old, new) for _at, old, new in rows) or 1
    step = WIDTH / max(1, len(rows) - 1)
    lines = [
        " ".join(f"{n * step:.1f},{HEIGHT - HEIGHT * height / highest:.1f}" for n, height in enumerate(heights))
        for heights in ([old for _at, old, _new in rows], [new for _at, _old, new in rows])
    ]
    rest = ((last - first).days + 1) % WEEK if length == WEEK else 0
    return {"rows": rows, "lines": lines, "highest": highest, "width": WIDTH, "height": HEIGHT,
            "weekly": length == WEEK, "rest": rest}  # fmt: skip


def _times(before: Mapping[str, int], after: Mapping[str, int]) -> list[Row]:
    """Customers by how often they are asked; five times and more together."""
    found = [Counter[int](), Counter[int]()]
    for place, told in enumerate((before, after)):
        for times, n in told.items():
            found[place][min(5, int(times))] += n
    last = _("5 or more")
    return [(last if n == 5 else number(n), found[0][n], found[1][n]) for n in range(6)]  # noqa: PLR2004 the last


def _reasons(before: Told, after: Told) -> list[Row]:
    found = [Counter[str](), Counter[str]()]
    for place, triggers in enumerate((before, after)):
        for count in triggers.values():
            found[place].update(count["skipped"])
    order = sorted({*found[0], *found[1]}, key=lambda code: -max(found[0][code], found[1][code]))
    return [(plain_reason(code), found[0][code], found[1][code]) for code in order]


def _behind(triggers: Told) -> list[str]:
    """Who keeps whom out, in words; the most frequent first."""
    names = trigger_names()
    pairs: Sequence[tuple[int, str, str]] = sorted(
        ((n, loser, winner) for loser, count in triggers.items() for winner, n in count["behind"].items() if winner),
        reverse=True,
    )
    said = []
    for n, loser, winner in pairs[:RULES_SHOWN]:
        told = {"loser": inner(names.get(loser, loser)), "winner": inner(names.get(winner, winner)),
                "count": number(n)}  # fmt: skip
        if loser == winner:
            said.append(
                ngettext(
                    "“%(loser)s” came too soon after itself %(count)s time.",
                    "“%(loser)s” came too soon after itself %(count)s times.",
                    n,
                    **told,
                )
            )
        else:
            said.append(
                ngettext(
                    "“%(winner)s” left no room for “%(loser)s” %(count)s time.",
                    "“%(winner)s” left no room for “%(loser)s” %(count)s times.",
                    n,
                    **told,
                )
            )
    return said


def differing_rows(simulation_id: int, page: int) -> list[dict[str, Any]]:
    """Customers whose outcome differs, each with what changed for them and why."""
    told = differing_contacts(simulation_id, offset=PAGE * (page - 1), limit=PAGE)
    known = customers_seen([one["contact"] for one in told], signed_in().only_department)
    names = trigger_names()
    return [
        {
            "who": known.get(one["contact"]),
            "before": one["before"],
            "after": one["after"],
            "trigger": _concerned(one),
            "why": _why(one, names),
        }
        for one in told
    ]


def _concerned(one: Told) -> str:
    """The trigger by which it differs: that of the sentence."""
    return str(one["trigger"] or [*one["lost"], *one["gained"]][0])


def _why(one: Told, names: Mapping[str, str]) -> str:
    """One sentence: what the draft takes away and why, else what it adds and why it was not so before."""
    slug = _concerned(one)
    said = {"trigger": inner(names.get(slug, slug)), "why": _refusal(one)}
    if one["lost"]:
        if said["why"]:
            return _("With the draft, “%(trigger)s”: %(why)s", **said)
        return _("“%(trigger)s” does not ask them any more with the draft.", **said)
    if said["why"]:
        return _("In force, “%(trigger)s”: %(why)s", **said)
    return _("“%(trigger)s” asks them only with the draft.", **said)


def _refusal(one: Told) -> str:
    seen = one["refused"]
    if not seen:
        return ""
    limit = None
    if "per" in seen:
        limit = Limit(seen.get("rule", ""), seen["limit"], timedelta(seconds=seen["per"]))
    return because(
        one["reason"],
        Rung("", passed=False, observed=seen.get("observed"), limit=seen.get("limit"), rule=seen.get("rule")),
        at=datetime.fromisoformat(seen["at"]),
        limit=limit,
        heard=[datetime.fromisoformat(seen["heard_at"])] if "heard_at" in seen else [],
        next_possible_at=datetime.fromisoformat(seen["next_possible_at"]) if "next_possible_at" in seen else None,
    )
