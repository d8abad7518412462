"""The contact policy read aloud."""

from collections.abc import Collection, Iterable

from babel.dates import get_day_names
from flask_babel import get_locale
from flask_babel import gettext as _

from app.admin.kinds import channel_word, consent_words, event_words, slug_words
from app.admin.reasons import often, percent
from app.admin.words import span
from surveys.contact_policy import (
    COMPLAINT_LAPSES,
    OF_CONTACT,
    Basis,
    ContactPolicy,
    Limit,
    QuietDays,
    QuietHours,
)


def policy_sentences(policy: ContactPolicy) -> list[str]:
    """The whole policy, a sentence for each thing that it says."""
    said = [limit_words(limit) for limit in policy.limits] or [_("There is no limit on how often somebody is asked.")]
    if policy.exempt:
        said.append(_exempt_words(policy))
    if policy.quiet_hours:
        said.append(_quiet_hour_words(policy.quiet_hours))
    if policy.quiet_days:
        said.append(_quiet_day_words(policy.quiet_days))
    if policy.complaint_opens:
        said.append(_complaint_words(policy))
    if policy.consent_required:
        scopes = ", ".join(sorted(consent_words(s) for s in policy.consent_required))
        said.append(_("Only with consent: %(scopes)s.", scopes=scopes))
    said += [_basis_words(basis) for basis in policy.legal_basis]
    if policy.holdout:
        said.append(_("%(share)s of all customers are never asked, as a control group.", share=percent(policy.holdout)))
    said += [_("In a crisis: %(rule)s", rule=_continued(limit_words(limit))) for limit in policy.crisis_limits]
    return said


def limit_words(limit: Limit) -> str:
    """One limit as a sentence."""
    what = _subject(limit)
    if limit.max == 0:
        return _("%(what)s: never.", what=what) if what else _("Nobody hears from us at all.")
    if what:
        return _("%(what)s: at most %(often)s.", what=what, often=often(limit))
    return _("Nobody hears from us more than %(often)s.", often=often(limit))


def _subject(limit: Limit) -> str:
    """Which messages a limit is about; nothing where it is about all."""
    kinds = _listed(consent_words(c) for c in sorted(limit.classes))
    only = [channel_word(c) for c in sorted(limit.channels)]
    only += [_("the survey “%(name)s”", name=slug_words(slug)) for slug in sorted(limit.surveys)]
    only += [_("the trigger “%(name)s”", name=slug_words(slug)) for slug in sorted(limit.triggers)]
    if not only:
        return _begun(kinds)
    return f"{_begun(kinds) or _('Messages')} ({_listed(only)})"


def _exempt_words(policy: ContactPolicy) -> str:
    """Which messages no limit counts, but for the limits that name them."""
    kinds = _listed(sorted(consent_words(c) for c in policy.exempt))
    named = {c for limit in (*policy.limits, *policy.crisis_limits) for c in limit.classes}
    if policy.exempt & named:
        return _("%(kinds)s count only in the limits that name them.", kinds=_begun(kinds))
    return _("%(kinds)s count in no limit.", kinds=_begun(kinds))


def _quiet_hour_words(quiet: QuietHours) -> str:
    hours = {"begin": quiet.begin.strftime("%H:%M"), "end": quiet.end.strftime("%H:%M")}
    if quiet.of_contact:
        return _("Nothing between %(begin)s and %(end)s where the customer lives.", **hours)
    return _("Nothing between %(begin)s and %(end)s, company time.", **hours)


def _quiet_day_words(quiet: QuietDays) -> str:
    names = get_day_names("wide", locale=get_locale())
    days = [_("on %(day)s", day=names[day]) for day in sorted(quiet.weekdays)]
    if quiet.holidays == OF_CONTACT:
        days.append(_("on holidays of the customer's country"))
    elif quiet.holidays:
        days.append(_("on holidays of %(country)s", country=_country(quiet.holidays)))
    return _("Nothing goes out %(days)s.", days=_listed(days))


def _complaint_words(policy: ContactPolicy) -> str:
    return _(
        "Whoever has an open complaint is left in peace and gets service messages only: from “%(opened)s”"
        " to “%(closed)s”, or for %(time)s if nobody closes it.",
        opened=_events(policy.complaint_opens),
        closed=_events(policy.complaint_closes),
        time=span(COMPLAINT_LAPSES),
    )


def _events(kinds: Collection[str]) -> str:
    return _("” or “").join(event_words(kind) for kind in sorted(kinds))


def _basis_words(basis: Basis) -> str:
    """One rule of the legal basis: about whom and what, and what it takes."""
    about = _listed(consent_words(c) for c in sorted(basis.classes)) or _("all messages")
    if basis.channels:
        about += f" ({_listed(channel_word(c) for c in sorted(basis.channels))})"
    if basis.countries:
        where = _listed(_country(code) for code in sorted(basis.countries))
        about = _("%(what)s to customers of %(countries)s", what=about, countries=where)
    needs = {
        "consent": _("only to whoever said yes"),
        "customer": _("to customers who were told how to say no, and did not"),
        "assumed": _("allowed unless somebody says no"),
    }
    return _("By law, %(about)s: %(needs)s.", about=about, needs=needs[basis.basis])


def _country(code: str) -> str:
    locale = get_locale()
    return str(locale.territories.get(code, code)) if locale else code


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _begun(text: str) -> str:
    """A text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _continued(sentence: str) -> str:
    """A sentence that goes on after a colon: only names and abbreviations keep their capital."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
