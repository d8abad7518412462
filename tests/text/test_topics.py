"""Topics of comments, in both languages."""

import pytest

from app.text.topics import TOPICS, topics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The first box came an hour LATE.", {"late"}),
        ("Waited forty minutes, and the soup was cold", {"late", "cold"}),
        ("I liked it lately, and the apple pie was lovely", set()),
        ("Two dishes were missing, and it is too expensive", {"missing", "price"}),
        ("The courier was rude", {"courier"}),
        ("Your app crashes whenever I pay", {"app"}),
        ("Always on time, thank you!", set()),
        ("Not on time again", {"late"}),
        ("Курьер опоздал на час", {"late", "courier"}),
        ("КОРОБКА ПРИЕХАЛА ХОЛОДНОЙ, ВСЁ ОСТЫЛО", {"cold"}),
        ("Ещё тёплое, спасибо", set()),
        ("Забыли положить салат", {"missing"}),
        ("Очень вкусно, но дорого", {"taste", "price"}),
        ("Привезли в центр, дорогая редакция", set()),
        ("Приложение вылетает", {"app"}),
        ("", set()),
        ("👍👍👍", set()),
        ("<script>alert('late')</script>", {"late"}),
    ],
)
def test_a_comment_touches_its_topics(text: str, expected: set[str]) -> None:
    assert set(topics(text)) == expected


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_known_in_both_languages(topic: str) -> None:
    stems = TOPICS[topic]
    assert any(stem.isascii() for stem in stems)
    assert any(not stem.isascii() for stem in stems)
    assert all(topic in topics(stem) for stem in stems)
    assert not any("ё" in stem for stem in stems), "texts are compared with е for ё"


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert topics("ждал, холодный").__len__() == topics("ждал, холодныи\u0306").__len__() == 2
