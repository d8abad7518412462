"""The message of a survey to somebody who only looks: as customers would get it, its links leading to a preview."""

from collections.abc import Mapping
from typing import Any

from app.text.colours import Button
from app.text.messages import Choice, Message
from app.text.phrases import phrases
from surveys.survey import Survey
from surveys.wording import MESSAGE_TEXTS, fill, pick


def message_to_look_at(
    survey: Survey, language: str, facts: Mapping[str, Any], *, to: str, url: str, button: Button
) -> Message:
    """The survey's own words where it has them, else ours; the first question, its scale as links."""
    said, question = phrases(language), survey.pages[0].questions[0]
    texts: dict[str, Any] = {
        name: fill(pick(survey.message[name], language) if name in survey.message else said.get(name, ""), facts)
        for name in MESSAGE_TEXTS
    }
    values = [(str(n), str(n)) for n in question.scale]
    if question.type == "yes_no":
        values = [("yes", said["yes"]), ("no", said["no"])]
    return Message(
        to=to,
        language=language,
        text=fill(pick(question.text, language), facts),
        url=url,
        choices=[Choice(label, f"{url}?{question.id}={value}") for value, label in values],
        low=fill(pick(question.low, language), facts) if question.low else said.get(f"scale.{question.type}.low", ""),
        high=fill(pick(question.high, language), facts)
        if question.high
        else said.get(f"scale.{question.type}.high", ""),
        unsubscribe_url=url,
        reference=f"test-{survey.slug}",
        button=button,
        **texts,
    )
