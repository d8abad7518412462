"""Every sentence of the staff site is said in Russian too: whole, with its values, in all plural forms."""

import ast
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import PYTHON_FORMAT, Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale, get_babel, ngettext

from app.admin.faults import fault_lines, fault_words
from app.admin.policy_reading import limit_words
from app.admin.reading import condition_words
from app.admin.reasons import plain_reason, rung_words, sentence, short_reason
from app.admin.words import ended, inner, span
from app.clock import utcnow
from app.queries.explanations import Explained
from surveys.contact_policy import Limit
from surveys.decision import GATE_OF, Rung
from tests.wire import on_sqlite

ROOT = Path(__file__).parent.parent
RUSSIAN = ROOT / "app/translations/ru/LC_MESSAGES/messages.po"
SAID_BY = ("app", "dashboards")
CALLS = {"_": 1, "gettext": 1, "lazy_gettext": 1, "N_": 1, "ngettext": 2, "plural": 2, "pgettext": 2}
"""How many of the first arguments name a message."""
NBSP = "\u00a0"
POLICY = """
policy: {limits: [{name: one-a-month, max: 1, per: 30d}]}
surveys:
  - slug: quarterly
    name: NPS
    pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]
    endings: [{text: Thanks.}]
triggers:
  - {slug: quarterly, name: Quarterly «NPS», when: {event: order.paid}, then: [{send: {survey: quarterly}}]}
"""
Message = str | tuple[str, str]


def read_catalog() -> Catalog:
    with RUSSIAN.open("rb") as file:
        return read_po(file, locale="ru", abort_invalid=True)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog()


@pytest.fixture(scope="module")
def extracted() -> set[tuple[Message, str | None]]:
    """What the extractor finds, as `make words` does."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(ROOT, methods, options, keywords={**DEFAULT_KEYWORDS, "lazy_gettext": None})
    return {(said if isinstance(said, str) else (said[0], said[1]), context) for _f, _l, said, _c, context in found}


@pytest.fixture
def speaking(app: Flask, catalog: Catalog, tmp_path: Path) -> Iterator[Flask]:
    """The application with the catalogue as it stands, whether or not it was compiled, and a request to speak in."""
    speak(app, catalog, tmp_path)
    with app.test_request_context("/"):
        yield app


def speak(app: Flask, catalog: Catalog, folder: Path) -> None:
    place = folder / "words/ru/LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "messages.mo").open("wb") as file:
        write_mo(file, catalog)
    babel = get_babel(app)
    babel.translation_directories[:] = [str(folder / "words")]
    babel.instance.domain_instance.cache.clear()


# -- The catalogue


def known(catalog: Catalog) -> set[tuple[Message, str | None]]:
    return {(m.id if isinstance(m.id, str) else (m.id[0], m.id[1]), m.context) for m in catalog if m.id}


def test_everything_that_pages_say_has_its_russian(catalog: Catalog, extracted: set[Any]) -> None:
    assert sorted(map(str, extracted - known(catalog))) == []


def test_nothing_in_the_catalogue_is_left_over(catalog: Catalog, extracted: set[Any]) -> None:
    assert sorted(map(str, known(catalog) - extracted)) == []
    assert not catalog.obsolete
    assert not [m.id for m in catalog if m.id and m.fuzzy]
    assert len(re.findall(r'^msgid "', RUSSIAN.read_text(), re.MULTILINE)) == len(known(catalog)) + 1, "said twice"


def values(text: str) -> set[str]:
    return {name for name, _form, _kind in PYTHON_FORMAT.findall(text) if name}


def test_translations_are_whole_and_keep_their_values(catalog: Catalog) -> None:
    wrong = []
    for message in catalog:
        if not message.id:
            continue
        forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
        said = message.id if isinstance(message.id, str) else message.id[1]
        if len(forms) != (1 if isinstance(message.id, str) else 3) or not all(forms):
            wrong.append((message.id, "lacks a form"))
        elif any(values(form) != values(said) for form in forms):
            wrong.append((message.id, "loses a value"))
        elif any(form.strip(" ,;") and form[0].isspace() != said[0].isspace() for form in forms):
            wrong.append((message.id, "begins otherwise"))
        elif list(message.check(catalog)):
            wrong.append((message.id, "is no translation of it"))
    assert wrong == []


ANSWERS = {
    0: "0 ответов",
    1: "1 ответ",
    2: "2 ответа",
    5: "5 ответов",
    11: "11 ответов",
    21: "21 ответ",
    112: "112 ответов",
}


@on_sqlite
@pytest.mark.parametrize("n", ANSWERS)
def test_plural_forms_are_those_of_russian(speaking: Flask, n: int) -> None:
    with force_locale("ru"):
        assert ngettext("%(num)d answer", "%(num)d answers", n).replace(NBSP, " ") == ANSWERS[n]


def test_no_message_hides_from_the_extractor(catalog: Catalog) -> None:
    """It does not look into f-strings, for one."""
    there, hidden = known(catalog), []
    for path in (p for folder in SAID_BY for p in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                said = [a.value for a in node.args[: CALLS[node.func.id]] if isinstance(a, ast.Constant)]
                texts = tuple(str(s) for s in said)
                if node.func.id == "pgettext" and len(texts) == 2:
                    wanted: tuple[Message, str | None] = (texts[1], texts[0])
                elif len(texts) == CALLS[node.func.id]:
                    wanted = (texts[0] if len(texts) == 1 else (texts[0], texts[1]), None)
                else:
                    continue
                if wanted not in there:
                    hidden.append(f"{path.relative_to(ROOT)}:{node.lineno}: {wanted}")
    assert hidden == []


# -- Why not


def day_of(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


THIS_YEAR = utcnow().year
DECIDED = day_of(THIS_YEAR, 6, 20)


def decided(reason: str, closing: Rung, next_possible_at: datetime | None = None) -> Explained:
    return Explained(
        event_id=1,
        trigger_id=1,
        event="order.paid",
        source="shop",
        contact="ada",
        trigger="quarterly",
        outcome="skipped",
        reason=reason,
        gates=[Rung("live", passed=True, observed="live", limit="live"), closing],
        next_possible_at=next_possible_at,
        decided_at=DECIDED,
        trigger_version=1,
        policy_version=1,
    )


def no(gate: str, observed: Any = None, limit: Any = None, rule: str | None = None) -> Rung:
    return Rung(gate, passed=False, observed=observed, limit=limit, rule=rule)


NOVEMBER = day_of(THIS_YEAR, 11, 3).isoformat()
SENTENCES = [
    ("loop", no("depth", 9, 8), "Stopped: one answer led to the next too many times.",
     "Остановлено: слишком длинная цепочка событий."),
    ("not_live", no("live", "paused", "live"), "The trigger was on pause at that moment.", "Триггер был на паузе."),
    ("stale", no("fresh", 3 * 86400, 2 * 86400), "The event came 3 days late.", "Событие пришло на 3 дня позже."),
    ("stale", no("limits", NOVEMBER, NOVEMBER), "Would have waited until 3 November: too late to ask.",
     "Ждали бы до 3 ноября, спрашивать поздно."),
    ("condition", no("condition", 640, 1000, "properties.amount gte"), "Amount was 640, asked from 1,000.",
     "Сумма 640, спрашиваем от 1 000."),
    ("condition", no("condition", None, 1000, "properties.amount gte"), "Amount is not known.", "Сумма: нет данных."),
    ("condition", no("condition", rule="occurrence"), "It was not the first time.", "Это было не впервые."),
    ("not_sampled", no("sample", 0.6, 0.3), "Not in the sample of 30 %; this draw holds until 3 February.",
     "Вне выборки 30 %; жребий действует до 3 февраля."),
    ("unknown_contact", no("contact"), "The event does not say who it was about.", "В событии не указан клиент."),
    ("ambiguous_contact", no("contact"), "The event names two different customers.",
     "В событии указаны два разных клиента."),
    ("no_consent", no("consent", rule="sms"), "No consent for SMS.", "Нет согласия на SMS."),
    ("no_consent", no("consent", rule="relationship"), "No consent for messages about us.",
     "Нет согласия на сообщения о компании."),
    ("unsubscribed", no("unsubscribe", NOVEMBER), "Unsubscribed on 3 November.", "Отписка 3 ноября."),
    ("suppressed", no("suppression", NOVEMBER), "The address bounces since 3 November.",
     "Адрес не принимает письма с 3 ноября."),
    ("complaint_open", no("complaint", NOVEMBER), "A complaint is open since 3 November; we leave them in peace.",
     "Открыта жалоба с 3 ноября, не беспокоим."),
    ("crisis", no("crisis", "place", rule="Riverside"), "Paused: crisis mode for Riverside.",
     "Пауза: кризисный режим, Riverside."),
    ("holdout", no("holdout", 0.01, 0.05), "In the control group that is never asked.",
     "В контрольной группе, её не спрашиваем."),
    ("quota_full", no("quota", 400, 400), "400 of 400 answers of this period are in.",
     "Уже есть 400 из 400 ответов за этот период."),
    ("unreachable", no("reachable", rule="email"), "No address for e-mail.", "Нет адреса для почты."),
    ("unreachable", no("reachable", rule="sms"), "No address for SMS.", "Нет адреса для SMS."),
    ("contact_limit", no("limits", 1, 1, "one-a-month"), "Heard from us 12 days before; the limit is once in 30 days.",
     "Обращались 12 дней назад, предел: раз в 30 дней."),
    ("superseded", no("priority", rule="quarterly"), "Another survey went first: Quarterly «NPS».",
     "Уступил опросу «Quarterly „NPS“»."),
]  # fmt: skip


def test_every_reason_has_an_example_here() -> None:
    assert {reason for reason, *_rest in SENTENCES} == set(GATE_OF)


@on_sqlite
@pytest.mark.parametrize(("reason", "closing", "english", "russian"), SENTENCES)
def test_a_no_is_a_sentence_in_both_languages(
    speaking: Flask, define: Callable[[str], None], reason: str, closing: Rung, english: str, russian: str
) -> None:
    define(POLICY)
    found = decided(reason, closing, day_of(THIS_YEAR, 2, 3) if reason == "not_sampled" else None)
    for language, expected in (("en", english), ("ru", russian)):
        with force_locale(language):
            assert sentence(found, [DECIDED - timedelta(days=12)]).replace(NBSP, " ") == expected


@on_sqlite
@pytest.mark.parametrize("reason", GATE_OF)
def test_a_reason_has_a_short_word_a_plain_sentence_and_a_check_in_both_languages(speaking: Flask, reason: str) -> None:
    for language, letter in (("en", "[a-z]"), ("ru", "[а-яё]")):
        with force_locale(language):
            plain, check, short = plain_reason(reason), rung_words(no(GATE_OF[reason]))[0], short_reason(reason)
        assert re.fullmatch(f"[A-ZА-Я].*{letter}.*\\.", plain)
        assert re.fullmatch(f"[A-ZА-Я].*{letter}.*[^.]", check)
        if reason != "condition":  # is counted by clause, never in a decision
            assert re.search(letter, short)


# -- Small words


@on_sqlite
@pytest.mark.parametrize(
    ("length", "english", "russian"),
    [
        (timedelta(seconds=1), "1 second", "1 секунду"),
        (timedelta(seconds=45), "45 seconds", "45 секунд"),
        (timedelta(minutes=21), "21 minutes", "21 минуту"),
        (timedelta(minutes=22), "22 minutes", "22 минуты"),
        (timedelta(hours=2), "2 hours", "2 часа"),
        (timedelta(days=2), "2 days", "2 дня"),
        (timedelta(days=12), "12 days", "12 дней"),
    ],
)
def test_a_length_of_time_fits_into_a_sentence(speaking: Flask, length: timedelta, english: str, russian: str) -> None:
    with force_locale("en"):
        assert span(length) == english
    with force_locale("ru"):
        assert span(length) == russian.replace(" ", NBSP)


@on_sqlite
@pytest.mark.parametrize(
    ("limit", "english", "russian"),
    [
        (Limit("a", 1, timedelta(days=30)), "Nobody hears from us more than once in 30 days.",
         "К каждому обращаемся не чаще чем раз в 30 дней."),
        (Limit("a", 2, timedelta(days=7)), "Nobody hears from us more than 2 times in 7 days.",
         "К каждому обращаемся не чаще чем 2 раза за 7 дней."),
        (Limit("a", 0, timedelta(days=7)), "Nobody hears from us at all.", "Не обращаемся ни к кому."),
        (Limit("a", 1, timedelta(days=90), classes=frozenset({"relationship"})),
         "Messages about us: at most once in 90 days.", "Сообщения о компании: не чаще чем раз в 90 дней."),
    ],
)  # fmt: skip
def test_a_limit_is_read_aloud(speaking: Flask, limit: Limit, english: str, russian: str) -> None:
    for language, expected in (("en", english), ("ru", russian)):
        with force_locale(language):
            assert limit_words(limit).replace(NBSP, " ") == expected


@on_sqlite
@pytest.mark.parametrize(
    ("tree", "english", "russian"),
    [
        ({"field": "properties.amount", "op": "gte", "value": 1000}, "amount is at least 1,000",
         "сумма не меньше 1 000"),
        ({"field": "contact.attributes.plan", "op": "in", "value": ["a", "b"]}, "plan is one of a, b",
         "тариф — что-то из: a, b"),
        ({"field": "answers.nps", "op": "between", "value": [0, 6]}, "the answer to “nps” is between 0 and 6",
         "ответ на «nps» между 0 и 6"),
        ({"any": [{"field": "answers.call", "op": "eq", "value": True}, {"events": "order.paid", "op": "lt",
          "value": 3, "count": True, "within": "30d"}]},
         "the answer to “call” is yes or number of order paid in 30 days is less than 3",
         "ответ на «call» — да или число событий «оплата заказа» за 30 дней меньше 3"),
        ({"field": "properties.my_own", "op": "exists"}, "my own is known", "my own: есть данные"),
    ],
)  # fmt: skip
def test_a_condition_is_read_aloud(speaking: Flask, tree: Any, english: str, russian: str) -> None:
    for language, expected in (("en", english), ("ru", russian)):
        with force_locale(language):
            assert condition_words(tree).replace(NBSP, " ") == expected


@on_sqlite
@pytest.mark.parametrize(
    ("language", "text", "inside", "at_the_end"),
    [
        ("en", "NPS", "NPS", "NPS."),
        ("ru", "Как мы справились?", "Как мы справились?", "Как мы справились?"),
        ("ru", "Переход на «Премиум»", "Переход на „Премиум“", "Переход на «Премиум»."),
        ("en", "the “plus” plan", "the ‘plus’ plan", "the “plus” plan."),
    ],
)
def test_a_name_fits_into_quotes_and_ends_a_sentence(
    speaking: Flask, language: str, text: str, inside: str, at_the_end: str
) -> None:
    with force_locale(language):
        assert inner(text) == inside
        assert ended(text) == at_the_end


# -- Faults


NAMES_A_FAULT = {"fault": 0, "_fault": 1, "Fault": 1, "MissingSecret": 0}
"""Which argument says what is wrong."""


def faults_of_definitions() -> Iterator[str]:
    """Every fault that the rules and the reader of files can name, with 7 for its values."""
    files = [*ROOT.glob("surveys/*.py"), *ROOT.glob("app/definitions/*.py"), ROOT / "app/queries/definitions.py"]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in NAMES_A_FAULT and len(node.args) > NAMES_A_FAULT[name]:
                said = node.args[NAMES_A_FAULT[name]]
                if isinstance(said, ast.Constant):
                    yield str(said.value)
                elif isinstance(said, ast.JoinedStr):
                    yield "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in said.values)


@on_sqlite
def test_every_fault_of_a_definition_is_said_in_russian(speaking: Flask) -> None:
    faults = sorted(set(faults_of_definitions()))
    assert len(faults) > 60
    with force_locale("ru"):
        assert not [f for f in faults if not re.search("[а-яё]", fault_words(f))]
        assert fault_words("limits.0.max: must be a whole number from 0 to 1000") == (
            "limits.0.max: нужно целое число от 0 до 1000"
        )
    with force_locale("en"):
        assert not [f for f in faults if fault_words(f) != f]


@on_sqlite
@pytest.mark.parametrize(
    ("errors", "russian"),
    [
        ({"occurred_at": ["Not a valid datetime."]}, [("occurred_at", "Это не дата и время.")]),
        ({"contact": {"id": ["Length must be between 1 and 200."]}}, [("contact.id", "Нужна длина от 1 до 200.")]),
        ({"_schema": ["Nobody knows this."]}, [("", "Nobody knows this.")]),
        ({"id": "Is taken by another event."}, [("id", "Уже занят другим событием.")]),
        (None, []),
    ],
)
def test_the_faults_of_a_payload_are_told_field_by_field(speaking: Flask, errors: Any, russian: Any) -> None:
    with force_locale("ru"):
        assert list(fault_lines(errors)) == russian
