"""What the builder says: every word of its scripts, in the language of whoever is at the screen."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _

from app.admin.segments import operator_words
from app.admin.surveys import question_types
from app.admin.words import LANGUAGES, inner, number, role_word, span
from app.queries.results import Stops
from surveys.definition import Path
from surveys.drafts import Draft, place_of
from surveys.questions import KINDS
from surveys.review import Notice, review
from surveys.statistics import Figure
from surveys.survey import ROLES


def type_fields() -> dict[str, dict[str, list[str]]]:
    """What a question of each type may and must have."""
    return {
        name: {"may": [*kind.may, *kind.must], "must": [*kind.must], "looks": [*kind.looks]}
        for name, kind in KINDS.items()
    }


def type_groups() -> list[tuple[str, tuple[str, ...]]]:
    """The types of questions as they are chosen from."""
    return [
        (_("Scores"), ("nps", "csat", "ces", "rating", "slider")),
        (_("Choices"), ("single", "multiple", "dropdown", "yes_no", "image_choice", "matrix", "ranking")),
        (_("Typed answers"), ("text", "number", "date", "email", "phone")),
        (_("Besides"), ("consent", "statement")),
    ]


def warning_words(draft: Draft, body: Mapping[str, Any]) -> Iterator[tuple[str, Path, str]]:
    """What an author would want to know, in words, by part."""
    for notice in review(body):
        key, place = place_of(draft, notice.path)
        yield key, place, _notice_words(notice)


def _notice_words(notice: Notice) -> str:
    said = {
        "long": _("It takes about %(time)s; beyond two minutes many leave before the end."),
        "page_unreachable": _("Nobody can reach this page: another way always passes it by."),
        "page_never": _("Nobody can reach this page: what it depends on never happens."),
        "question_never": _("Nobody can see this question: what it depends on never happens."),
        "ending_never": _("Nobody can reach this ending."),
        "quota_never": _("Nobody is counted: what this quota depends on never happens."),
        "untranslated": _("%(language)s is missing."),
        "double": _("Two questions in one? “%(words)s”: whoever thinks differently of the two cannot answer."),
        "leading": _("This leads to an answer: “%(words)s”."),
        "event_told": _("Mails of a sensitive survey say nothing of the event: “%(words)s” stays empty."),
        "wordy": _("%(count)s words: a question of up to 30 is read to its end."),
    }[notice.code]
    return said % {
        "time": span(int(notice.detail)) if notice.code == "long" else "",
        "language": LANGUAGES.get(notice.detail, notice.detail),
        "words": inner(notice.detail),
        "count": notice.detail,
    }


def stop_words(found: Stops | None) -> dict[str, Any]:
    """Where people stop: said under each page, by the id of its first question, and at the foot."""
    if found is None:
        return {"pages": {}, "all": ""}
    pages = {name: _stop(_("%(share)s %% stop here (± %(half)s, n %(n)s)"), at) for name, at in found.pages.items()}
    return {"pages": pages, "all": _stop(_("%(share)s %% do not finish (± %(half)s, n %(n)s)"), found.all)}


def _stop(words: str, figure: Figure) -> str:
    half = ((figure.high or 0) - (figure.low or 0)) / 2
    return words % {"share": number(figure.value), "half": number(half), "n": number(figure.n)}


def builder_words() -> dict[str, str]:
    """Every word by its name; values stand in {braces}."""
    found: dict[str, str] = {}
    for words in (
        _page(),
        _saving(),
        _parts(),
        _questions(),
        _conditions(),
        _message(),
        _theme(),
        _endings(),
        _counts(),
    ):
        found |= words
    found |= {f"type.{name}": words for name, words in question_types().items()}
    return found | {f"op.{name}": words for name, words in operator_words().items()}


def _page() -> dict[str, str]:
    return {
        "preview": _("Preview"),
        "language": _("Language"),
        "shape": _("Seen on"),
        "seen.as": _("Seen as"),
        "seen.who": _("Customer’s id, mail or phone"),
        "seen.nobody": _("No customer is known by this."),
        "seen.many": _("Several customers are known by this."),
        "seen.everybody": _("Seen as somebody made up"),
        "shape.phone": _("Phone"),
        "shape.desktop": _("Desktop"),
        "shape.mail": _("Mail"),
        "shape.popup": _("On a site"),
        "move.up": _("Move up"),
        "move.down": _("Move down"),
        "add": _("Add"),
        "add.after": _("Add something after it"),
        "copy": _("Duplicate"),
        "remove": _("Remove"),
        "remove.what": _("Remove: {what}"),
        "removed": _("Removed."),
        "undo": _("Undo"),
        "reload": _("Load anew"),
        "no.text": _("(no text yet)"),
        "only.if": _("only if {what}"),
        "otherwise": _("otherwise"),
        "has.fault": _("not right yet"),
        "has.warning": _("worth a look"),
        "none": _("none"),
        "more": _("More"),
        "yes": _("Yes"),
        "no": _("No"),
        "other": _("Other"),
        "text": _("Text"),
        "name": _("Name"),
        "address": _("Address"),
    }


def _saving() -> dict[str, str]:
    return {
        "saved.at": _("Saved {at}"),
        "saved.saving": _("Saving…"),
        "saved.away": _("Not saved yet: no connection. It is tried again."),
        "saved.conflict": _("Somebody changed the same thing: please choose."),
        "saved.gone": _("Not saved: this draft is gone."),
        "saved.replaced": _("Not saved: there is another draft now."),
        "saved.signed_out": _("Not saved: please sign in again."),
        "saved.refused": _("Not saved: this could not be stored."),
        "told.gone": _("Somebody gave up this draft, so what you type is not saved any more."),
        "told.replaced": _("What this draft was made from has changed. Load it anew to go on."),
        "told.signed_out": _("Your session has ended. Sign in again in another window, then load this page anew."),
        "told.refused": _("The last change could not be stored. Load the page anew to see what was."),
        "is.here": _("{who} is here too"),
        "somebody": _("somebody"),
        "other.changed": _("{who} changed “{what}”."),
        "conflict.told": _("{who} wanted “{what}” otherwise at the same time, and chooses now."),
        "conflict.title": _("{who} changed “{what}” at the same time"),
        "conflict.text": _("Nothing is lost: both stand here. Which one shall stay?"),
        "yours": _("Yours"),
        "theirs.of": _("That of {who}"),
        "keep.mine": _("Keep mine"),
        "take.theirs": _("Take theirs"),
        "you.removed": _("You removed it."),
        "they.removed": _("They removed it."),
    }


def _parts() -> dict[str, str]:
    return {
        "part.head": _("Survey"),
        "part.message": _("Message"),
        "part.theme": _("Appearance"),
        "kind.question": _("Question"),
        "kind.page": _("Page"),
        "kind.ending": _("Ending"),
        "page.n": _("Page {n}"),
        "languages": _("Languages"),
        "fallback": _("for everybody else"),
        "make.first": _("Make it the first"),
        "another.language": _("Another language, by its code"),
        "progress": _("Show how far one is"),
        "back.button": _("One may go back"),
        "anonymous": _("Anonymous: answers are kept without whose they are"),
        "sensitive": _("Sensitive: only these may read what was answered"),
        "sensitive.help": _("Every reading is recorded. Mails say nothing of the event, and no list tells an answer."),
        **{f"role.{role}": role_word(role) for role in ROLES},
        "quotas": _("Quotas by answer"),
        "quotas.help": _(
            "So many whole answers are kept. Once a quota is full, whoever falls under it is thanked and let go. "
            "What was counted stays counted under its name."
        ),
        "quota.n": _("Quota {n}"),
        "quota.if": _("Counts only if"),
        "quota.max": _("At most so many answers"),
        "quota.add": _("Another quota"),
        "page.show_if": _("Show this page only if"),
        "page.for": _("Who sees it"),
        "for.everybody": _("whoever answers"),
        "for.known": _("customers we know"),
        "for.anonymous": _("those who come by an open link"),
        "jumps": _("Where it goes on"),
        "jump.if": _("If"),
        "jump.to": _("go to"),
        "jump.end": _("the end"),
        "jump.add": _("Another way"),
        "jump.help": _("The first that fits is taken; else the next page comes."),
    }


def _questions() -> dict[str, str]:
    return {
        "type": _("Type"),
        "question.text": _("Question"),
        "statement.text": _("Words"),
        "answers": _("Answers"),
        "columns": _("Answers in each row"),
        "rows": _("Rows"),
        "required": _("Must be answered"),
        "required.short": _("required"),
        "several": _("Several answers"),
        "mixed": _("In an order of each customer’s own"),
        "long": _("Room for several lines"),
        "whole": _("Whole numbers only"),
        "look": _("Drawn as"),
        "look.numbers": _("numbers"),
        "look.stars": _("stars"),
        "look.smileys": _("smileys"),
        "look.hearts": _("hearts"),
        "more.scale": _("Bounds and words at the ends"),
        "low": _("Words at the low end"),
        "high": _("Words at the high end"),
        "min.number": _("At least"),
        "max.number": _("At most"),
        "min.chosen": _("At least so many answers"),
        "max.chosen": _("At most so many answers"),
        "min.length": _("At least so many characters"),
        "max.length": _("At most so many characters"),
        "min.date": _("From this day on, or today"),
        "max.date": _("Up to this day, or today"),
        "step": _("Step"),
        "unit": _("Unit"),
        "show_if": _("Show it only if"),
        "help": _("Help under the question"),
        "id": _("Id"),
        "id.help": _("Figures go on under it across versions: change it only for another question."),
        "other.allow": _("Allow an answer in one’s own words"),
        "other.text": _("What that answer is called"),
        "option.label": _("Answer {n}, {language}"),
        "option.value": _("Value of answer {n}, as it is stored"),
        "option.fixed": _("keeps its place"),
        "option.picture": _("Picture of answer {n}"),
        "option.away": _("It could not be sent. Try again."),
        "option.add": _("Another answer"),
        "option.remove": _("Remove answer {n}"),
        "option.help": _("What is stored stands under each: it stays when the words change."),
    }


def condition_form_words() -> dict[str, str]:
    """The words of conditions as choices."""
    return {
        **_conditions(),
        **{f"op.{op}": words for op, words in operator_words().items()},
        "yes": _("yes"),
        "no": _("no"),
        "other": _("something else"),
    }


def _conditions() -> dict[str, str]:
    return {
        "condition.first": _("A condition"),
        "condition.more": _("One more"),
        "condition.what": _("What is looked at"),
        "condition.how": _("Compared how"),
        "condition.value": _("Value"),
        "condition.joint": _("All of these, or one of them"),
        "condition.remove": _("Remove this comparison"),
        "condition.text": _("As text"),
        "condition.complex": _("This condition is more than a few comparisons: it is written as text."),
        "condition.broken": _("This cannot be read as a condition; it must be JSON."),
        "condition.nothing": _("Nothing stands above it that it could look at."),
        "joint.all": _("and"),
        "joint.any": _("or"),
        "answer.to": _("the answer to “{question}”"),
        "field.contact.locale": _("the customer’s language"),
        "field.contact.attributes.plan": _("the customer’s plan"),
        "field.contact.attributes.country": _("the customer’s country"),
        "field.properties.touchpoint": _("the touchpoint of the event"),
        "field.properties.place": _("the place of the event"),
    }


def _message() -> dict[str, str]:
    return {
        "message.help": _("What the invitation says round the first question. What a trigger says itself comes first."),
        "message.subject": _("Subject"),
        "message.preview": _("Preview line, beside the subject"),
        "message.reason": _("Why you get this"),
        "message.benefit": _("What you get for it"),
        "message.sender": _("Sender’s name"),
        "message.reply_to": _("Answers go to"),
        "message.signature": _("Signature"),
        "message.reminder": _("Subject of a reminder"),
    }


def _theme() -> dict[str, str]:
    return {
        "theme.help": _("Only where it is not to look as all pages of the company do."),
        "theme.colour": _("Colour of buttons"),
        "theme.company": _("As the company"),
        "theme.corner": _("Roundness of corners"),
        "theme.size": _("Size of letters"),
        "size.normal": _("usual"),
        "size.small": _("small"),
        "size.large": _("large"),
        "theme.next": _("Button that leads on"),
        "theme.send": _("Button that sends"),
        "colour.pick": _("Choose a colour"),
        "colour.company": _("The company’s own colour."),
        "colour.both": _("Can be read by day and by night."),
        "colour.light": _("Can be read by day only; by night our own colour is worn."),
        "colour.dark": _("Can be read by night only; by day our own colour is worn."),
        "colour.none": _("Words on it could not be read, so it is not worn."),
    }


def _endings() -> dict[str, str]:
    return {
        "ending.text": _("What is said"),
        "ending.if": _("Said only if"),
        "ending.offer": _("Bonus"),
        "ending.links": _("Where it leads"),
        "ending.link": _("A button that leads elsewhere"),
        "ending.link.text": _("What the button says"),
        "ending.redirect": _("Go on at once, to this address"),
        "ending.call": _("Ask: may we call you?"),
    }


def _counts() -> dict[str, str]:
    """Numbers with their nouns: one word for each form of the language."""
    russian = str(get_locale()) == "ru"
    questions = (
        {"one": "{n} вопрос", "few": "{n} вопроса", "many": "{n} вопросов", "other": "{n} вопроса"}
        if russian
        else {"one": "{n} question", "other": "{n} questions"}
    )
    return {
        **{f"questions.{form}": words for form, words in questions.items()},
        "about.time": _("about {time}"),
        "seconds": _("{n} s"),
        "minutes": _("{n} min"),
    }
