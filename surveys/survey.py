"""Surveys as authors write them: pages of questions, what is said at the end, how it looks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from surveys.conditions import ALWAYS, Condition, read_condition
from surveys.definition import Node
from surveys.questions import Question, read_question
from surveys.wording import MessageTexts, Texts, read_message_texts, read_texts

RESERVED_IDS = frozenset({"page", "shown", "back"})
"""Names of fields that the answer form has of its own."""
AUDIENCES = ("everybody", "known", "anonymous")
ROLES = ("admin", "designer", "manager", "agent")
"""Who may be named to read the answers to a sensitive survey."""
SIZES = ("normal", "small", "large")
CORNER_MAX = 24
LINK_MAX = 2_000
QUOTA_MAX = 10_000_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Jump:
    """Where it goes on after a page, if its condition holds: the number of a later page, or None for the end."""

    condition: Condition
    to: int | None


@dataclass(frozen=True)
class Page:
    """Questions shown together, if ``show_if`` holds for the answers given before.

    ``audience``: for everybody, for ``known`` contacts, or for ``anonymous`` respondents.
    """

    questions: tuple[Question, ...]
    show_if: Condition = ALWAYS
    id: str | None = None
    audience: str = AUDIENCES[0]
    jumps: tuple[Jump, ...] = ()


@dataclass(frozen=True)
class Ending:
    """What is said at the end, the first whose condition holds.

    Perhaps with a code from an offer's pool, a link, or an address to go on to at once; with ``call`` it asks whether,
    and under which number, one may be called.
    """

    text: Texts
    condition: Condition
    offer: str | None = None
    link: str | None = None
    link_text: Texts | None = None
    redirect: str | None = None
    call: bool = False


@dataclass(frozen=True)
class AnswerQuota:
    """So many answers of a kind are wanted; whoever comes after them is thanked and let go."""

    name: str
    condition: Condition
    max: int


@dataclass(frozen=True)
class Theme:
    """How it looks, where that is not as the company's pages do."""

    colour: str | None = None
    corner: int | None = None
    size: str = SIZES[0]
    next: Texts | None = None
    send: Texts | None = None


@dataclass(frozen=True)
class Survey:
    """A survey ready to be asked."""

    slug: str
    languages: tuple[str, ...]
    pages: tuple[Page, ...]
    endings: tuple[Ending, ...]
    message: MessageTexts
    theme: Theme = Theme()
    progress: bool = True
    back: bool = True
    anonymous: bool = False
    sensitive: tuple[str, ...] = ()
    """The roles that may read its answers; none: it is not sensitive, and whoever sees figures may."""
    quotas: tuple[AnswerQuota, ...] = ()

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(q for page in self.pages for q in page.questions)


def read_survey(node: Node) -> Survey:
    """Read a survey definition; faults gather in the node."""
    fields = node.mapping(
        (
            "slug",
            "name",
            "languages",
            "pages",
            "endings",
            "message",
            "theme",
            "progress",
            "back",
            "anonymous",
            "sensitive",
            "quotas",
        ),
        ("slug", "pages"),
    )
    if "name" in fields:
        fields["name"].text(longest=200)
    languages = (
        tuple(i.text(longest=20) for i in fields["languages"].items(least=1)) if "languages" in fields else ()
    ) or ("en",)
    pages = _read_pages(fields["pages"], languages) if "pages" in fields else ()
    _check_ids(node, pages)
    anonymous = "anonymous" in fields and fields["anonymous"].boolean()
    endings = tuple(_read_ending(e, languages) for e in fields["endings"].items()) if "endings" in fields else ()
    for number, ending in enumerate(endings):
        if anonymous and ending.offer:
            node.fault("an anonymous survey gives no codes: whoever uses one is known", "endings", number, "offer")
        if anonymous and ending.call:
            node.fault("an anonymous survey calls nobody: whoever is called is known", "endings", number, "call")
        if ending.redirect and ending.call:
            node.fault("an ending that leads away cannot ask for a number", "endings", number, "call")
    return Survey(
        slug=fields["slug"].slug() if "slug" in fields else "",
        languages=languages,
        pages=pages,
        endings=endings,
        message=read_message_texts(fields["message"]) if "message" in fields else {},
        theme=_read_theme(fields["theme"], languages) if "theme" in fields else Theme(),
        progress="progress" not in fields or fields["progress"].boolean(),
        back="back" not in fields or fields["back"].boolean(),
        anonymous=anonymous,
        sensitive=_read_roles(fields["sensitive"]) if "sensitive" in fields else (),
        quotas=_read_quotas(fields["quotas"]) if "quotas" in fields else (),
    )


def _read_roles(node: Node) -> tuple[str, ...]:
    named = [item.one_of(ROLES) for item in node.items(least=1)]
    return tuple(role for role in ROLES if role in named)


def _read_quotas(node: Node) -> tuple[AnswerQuota, ...]:
    quotas = tuple(_read_quota(item) for item in node.items(least=1))
    if len({quota.name for quota in quotas}) != len(quotas):
        node.fault("two quotas have the same name")
    return quotas


def _read_quota(node: Node) -> AnswerQuota:
    fields = node.mapping(("name", "if", "max"), ("name", "max"))
    return AnswerQuota(
        name=fields["name"].text(longest=64) if "name" in fields else "",
        condition=read_condition(fields["if"]) if "if" in fields else ALWAYS,
        max=fields["max"].integer(1, QUOTA_MAX) if "max" in fields else 1,
    )


def _check_ids(node: Node, pages: Sequence[Page]) -> None:
    seen: set[str] = set(RESERVED_IDS)
    for number, question, place in _placed(pages):
        keys = [key for key in question.keys if key]
        if any(key in seen for key in keys):
            where = ("pages", number, "questions", place, "id")
            node.fault(f"the id {question.id} is used twice, or is not free", *where)
        seen |= set(keys)


def _placed(pages: Sequence[Page]) -> Iterator[tuple[int, Question, int]]:
    for number, page in enumerate(pages):
        for place, question in enumerate(page.questions):
            yield number, question, place


def _read_pages(node: Node, languages: Sequence[str]) -> tuple[Page, ...]:
    items = node.items(least=1)
    names = [item.value.get("id") if isinstance(item.value, dict) else None for item in items]
    pages = tuple(_read_page(item, languages, names, number) for number, item in enumerate(items))
    if pages and pages[0].show_if is not ALWAYS:
        node.fault("the first page is always shown", 0, "show_if")
    for number, name in enumerate(names):
        if name is not None and name in names[:number]:
            node.fault(f"there is already a page {name}", number, "id")
    shown_to = {page.audience for page in pages}
    if pages and AUDIENCES[0] not in shown_to and shown_to != set(AUDIENCES[1:]):
        node.fault("leaves no page for the others; give them one with for: known or anonymous")
    return pages


def _read_page(node: Node, languages: Sequence[str], names: Sequence[object], number: int) -> Page:
    fields = node.mapping(("id", "for", "questions", "show_if", "jumps"), ("questions",))
    questions = (
        [read_question(q, languages) for q in fields["questions"].items(least=1)] if "questions" in fields else []
    )
    later = {str(name): at for at, name in enumerate(names) if at > number and name is not None}
    return Page(
        questions=tuple(questions),
        show_if=read_condition(fields["show_if"]) if "show_if" in fields else ALWAYS,
        id=fields["id"].slug() if "id" in fields else None,
        audience=fields["for"].one_of(AUDIENCES) if "for" in fields else AUDIENCES[0],
        jumps=tuple(_read_jump(j, later) for j in fields["jumps"].items(least=1)) if "jumps" in fields else (),
    )


END = "end"


def _read_jump(node: Node, later: dict[str, int]) -> Jump:
    fields = node.mapping(("if", "to"), ("to",))
    target = fields["to"].text(longest=64) if "to" in fields else END
    if target not in later and target != END:
        fields["to"].fault("must be the id of a later page, or end")
    return Jump(read_condition(fields["if"]) if "if" in fields else ALWAYS, later.get(target))


def _read_ending(node: Node, languages: Sequence[str]) -> Ending:
    fields = node.mapping(("if", "text", "offer", "link", "redirect", "call"), ("text",))
    link = fields["link"].mapping(("url", "text"), ("url", "text")) if "link" in fields else {}
    return Ending(
        text=read_texts(fields["text"], languages) if "text" in fields else {"en": ""},
        condition=read_condition(fields["if"]) if "if" in fields else ALWAYS,
        offer=fields["offer"].slug() if "offer" in fields else None,
        link=_read_url(link["url"]) if "url" in link else None,
        link_text=read_texts(link["text"], languages) if "text" in link else None,
        redirect=_read_url(fields["redirect"]) if "redirect" in fields else None,
        call="call" in fields and fields["call"].boolean(),
    )


def _read_url(node: Node) -> str:
    url = node.text(longest=LINK_MAX)
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("https", "http") and bool(parts.hostname) and url.isprintable() and " " not in url
    except ValueError:
        fine = False
    if url and not fine:
        node.fault("must be a web address, like https://example.com/review")
    return url


def _read_theme(node: Node, languages: Sequence[str]) -> Theme:
    fields = node.mapping(("colour", "corner", "size", "next", "send"))
    colour = fields["colour"].text(longest=7) if "colour" in fields else None
    if colour and not _COLOUR.fullmatch(colour):
        fields["colour"].fault('must be a colour in quotes, like "#5b5bd6"')
    return Theme(
        colour=colour,
        corner=fields["corner"].integer(0, CORNER_MAX) if "corner" in fields else None,
        size=fields["size"].one_of(SIZES) if "size" in fields else SIZES[0],
        next=read_texts(fields["next"], languages) if "next" in fields else None,
        send=read_texts(fields["send"], languages) if "send" in fields else None,
    )
