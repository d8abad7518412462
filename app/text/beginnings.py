"""What a new survey says before its author has written a word: one score, one why, one ending, one message."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.text.phrases import phrases

SCORES = ("nps", "csat", "ces")
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "why": "What is the main reason for your answer?",
        "thanks": "Thank you! Your answer helps us to get better.",
        "subject": "{{ contact.first_name | Hello }}, a short question",
        "preview": "One minute, two questions.",
        "benefit": "Your answer is read by a person, and decides what we change next.",
        "option": "Answer",
        "row": "Row",
        "ending": "Thank you!",
        "text.nps": "How likely are you to recommend us to a friend?",
        "text.csat": "How satisfied are you with us?",
        "text.ces": "How easy was it to get what you needed?",
        "text.rating": "How do you rate it?",
        "text.yes_no": "Did you find what you were looking for?",
        "text.single": "Which of these fits best?",
        "text.multiple": "Which of these fit?",
        "text.dropdown": "Which of these fits best?",
        "text.image_choice": "Which one do you like best?",
        "text.matrix": "How do you rate each of these?",
        "text.ranking": "What matters most to you?",
        "text.slider": "How much, on this scale?",
        "text.number": "How many?",
        "text.text": "Is there anything you would like to tell us?",
        "text.date": "On which day?",
        "text.email": "Your e-mail address",
        "text.phone": "Your phone number",
        "text.consent": "May we contact you about your answer?",
        "text.statement": "A few more words from us.",
    },
    "ru": {
        "why": "Какова главная причина вашей оценки?",
        "thanks": "Спасибо! Ваш ответ поможет нам стать лучше.",
        "subject": "{{ contact.first_name | Здравствуйте }}, один короткий вопрос",
        "preview": "Одна минута, два вопроса.",
        "benefit": "Ответ прочитает человек: по нему мы решаем, что улучшить.",
        "option": "Вариант",
        "row": "Строка",
        "ending": "Спасибо!",
        "text.nps": "Насколько вероятно, что вы порекомендуете нас друзьям?",
        "text.csat": "Насколько вы нами довольны?",
        "text.ces": "Насколько легко было получить то, что вам нужно?",
        "text.rating": "Как вы это оцениваете?",
        "text.yes_no": "Вы нашли то, что искали?",
        "text.single": "Что подходит лучше всего?",
        "text.multiple": "Что из этого подходит?",
        "text.dropdown": "Что подходит лучше всего?",
        "text.image_choice": "Что вам нравится больше?",
        "text.matrix": "Как вы оцениваете каждый пункт?",
        "text.ranking": "Что для вас важнее?",
        "text.slider": "Сколько по этой шкале?",
        "text.number": "Сколько?",
        "text.text": "Что ещё вы хотели бы нам сказать?",
        "text.date": "В какой день?",
        "text.email": "Ваш адрес почты",
        "text.phone": "Ваш номер телефона",
        "text.consent": "Можно связаться с вами по поводу ответа?",
        "text.statement": "Несколько слов от нас.",
    },
}


def beginnings() -> Mapping[str, Mapping[str, str]]:
    """What a new part says before its author does, by language."""
    return TEXTS


def first_body(slug: str, name: str, score: str, languages: Iterable[str]) -> dict[str, Any]:
    """A survey that could be sent as it is, in languages that we speak."""
    spoken = list(languages)

    def said(key: str) -> dict[str, str]:
        return {language: TEXTS[language][key] for language in spoken}

    return {
        "slug": slug,
        "name": name,
        "languages": spoken,
        "pages": [
            {
                "questions": [
                    {"id": score, "type": score, "text": said(f"text.{score}"), "required": True},
                    {"id": "why", "type": "text", "text": said("why"), "long": True},
                ]
            }
        ],
        "endings": [{"text": said("thanks")}],
        "message": {
            "subject": said("subject"),
            "preview": said("preview"),
            "reason": {language: phrases(language)["reason"] for language in spoken},
            "benefit": said("benefit"),
        },
    }
