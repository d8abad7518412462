"""Triggers as authors write them: when something happens, if a condition holds, sample some, then act."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from surveys.conditions import ALWAYS, Condition, Facts, read_condition
from surveys.crisis import IN_CRISIS
from surveys.definition import SOME, Node
from surveys.occasions import TIMER, Occasion, Occurs, read_existing, read_occasion
from surveys.quotas import Quota, read_quota
from surveys.wording import MESSAGE_TEXTS, Texts, paths_in, read_message_texts

TRIGGER_FIELDS = (
    *("slug", "name", "status", "class", "priority", "touchpoint"),
    *("when", "if", "sample", "fresh", "crisis", "then"),
)
STATUSES = ("draft", "paused", "pilot", "live")
CLASSES = ("transactional", "relationship", "service", "marketing")
USUAL_CLASS, USUAL_PRIORITY = "transactional", 50
CHANNELS = ("email", "web")
USUAL_CHANNELS = ("email",)
"""What a send goes through when it names no channel; and all that a plain message can go through."""
FETCHED = frozenset({"web"})
"""Channels that hand over when the customer comes for it, and never by themselves."""
PRIORITIES = ("low", "normal", "high")
FRESH = timedelta(hours=48)
PILOT = 0.05  # the part of its sample that a pilot asks
LINK_LIFE = timedelta(days=7)
REMINDERS_MAX = 3
BLOCKED = ("drop", "defer")
ACTIONS = ("send", "message", "task", "notify", "set", "offer")
ASSIGN = ("nobody", "least_busy")
OFFER_CODE = "offer.code"


@dataclass(frozen=True)
class Sample:
    """Which share is asked, for how long a draw holds, and which share is never asked."""

    rate: float = 1.0
    redraw: timedelta | None = None
    holdout: float = 0.0
    quota: Quota | None = None

    @property
    def probability(self) -> float:
        """The chance of a matching contact to be included."""
        return self.rate * (1 - self.holdout)


@dataclass(frozen=True)
class Remind:
    """Whoever has not answered is reminded, up to ``times``, each time ``after`` the last message."""

    after: timedelta
    times: int


@dataclass(frozen=True)
class Send:
    """Ask a survey, or with ``survey`` None say ``text``; through the first channel that passes.

    ``cancel_on`` are event types that call it off. With ``defer`` it waits while a limit is in the way.
    """

    survey: str | None
    text: Texts | None
    channels: tuple[str, ...]
    delay: timedelta
    expires: timedelta | None
    class_: str
    message: Mapping[str, Texts]
    remind: Remind | None = None
    cancel_on: frozenset[str] = frozenset()
    defer: bool = False


@dataclass(frozen=True)
class Task:
    """Open a follow-up task; ``due`` counts in the department's working hours.

    With ``least_busy`` it belongs at once to whoever of the department has the fewest open.
    """

    department: str
    title: str
    priority: str
    due: timedelta | None
    least_busy: bool = False


@dataclass(frozen=True)
class Notify:
    """Tell the team: ``channel`` is a department, or an e-mail address."""

    channel: str
    text: str


@dataclass(frozen=True)
class SetAttribute:
    """Remember something of the event or its answers as an attribute of the contact."""

    attribute: str
    source: str


@dataclass(frozen=True)
class GiveOffer:
    """Give a code out of an offer's pool; messages of the trigger can say it: ``{{ offer.code }}``."""

    pool: str


def says_code(send: Send) -> bool:
    """Whether a message tells the code that its trigger gives."""
    texts = [*(send.text or {}).values(), *(text for own in send.message.values() for text in own.values())]
    return any(OFFER_CODE in paths_in(text) for text in texts)


Action = Send | Task | Notify | SetAttribute | GiveOffer


def paths_told(action: Action) -> set[str]:
    """The paths of facts that an action puts into words, or remembers."""
    match action:
        case Send():
            texts = [*(action.text or {}).values(), *(text for own in action.message.values() for text in own.values())]
        case Task():
            texts = [action.title]
        case Notify():
            texts = [action.text]
        case SetAttribute():
            return {action.source}
        case _:
            texts = []
    return {path for text in texts for path in paths_in(text)}


@dataclass(frozen=True)
class Trigger:
    """A trigger ready to decide with."""

    slug: str
    name: str
    status: str
    class_: str
    priority: int
    touchpoint: str | None
    when: Occasion
    existing: int | None
    condition: Condition
    sample: Sample
    fresh: timedelta
    actions: tuple[Action, ...]
    in_crisis: str = IN_CRISIS[0]

    @cached_property
    def event(self) -> str:
        return heard_as(self.when, self.slug)

    @cached_property
    def first_only(self) -> bool:
        return isinstance(self.when, Occurs) and self.when.first_only

    @cached_property
    def counted(self) -> Condition | None:
        """What must hold of the events of this type that came before."""
        return self.when.counted if isinstance(self.when, Occurs) else None

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Everything that looks at facts."""
        return (self.condition, self.counted) if self.counted else (self.condition,)

    def occurs(self, facts: Facts, *, first: bool) -> bool:
        """Whether this is the occurrence that is wanted: each one, the first, or the one that makes so many."""
        if self.first_only:
            return first
        return self.counted is None or self.counted.holds(facts)

    @cached_property
    def sends(self) -> list[tuple[int, Send]]:
        return [(number, a) for number, a in enumerate(self.actions) if isinstance(a, Send)]

    @cached_property
    def first_delay(self) -> timedelta:
        """How long after the event the first of its sends is wanted."""
        return min((send.delay for _, send in self.sends), default=timedelta(0))


def heard_as(when: Occasion, slug: str) -> str:
    """The event type that is listened to: of a moment that no event tells of, Otklik makes one."""
    return when.event if isinstance(when, Occurs) else f"{TIMER}{slug}"


def read_trigger(node: Node) -> Trigger:
    """Read a trigger definition; faults gather in the node."""
    fields = node.mapping(
        (
            *("slug", "name", "status", "class", "priority", "touchpoint"),
            *("when", "existing", "if", "sample", "fresh", "crisis", "then"),
        ),
        ("slug", "when", "then"),
    )
    slug = fields["slug"].slug() if "slug" in fields else ""
    class_ = fields["class"].one_of(CLASSES) if "class" in fields else USUAL_CLASS
    status = fields["status"].one_of(STATUSES) if "status" in fields else "draft"
    sample = _read_sample(fields["sample"]) if "sample" in fields else Sample()
    when = read_occasion(fields["when"]) if "when" in fields else Occurs("")
    event = heard_as(when, slug)
    actions = tuple(_read_action(a, class_, event) for a in fields["then"].items(least=1)) if "then" in fields else ()
    if not any(isinstance(action, GiveOffer) for action in actions):
        for number in (n for n, action in enumerate(actions) if isinstance(action, Send) and says_code(action)):
            fields["then"].fault(f"says {OFFER_CODE}, but no offer of this trigger gives a code", number)
    return Trigger(
        slug=slug,
        name=fields["name"].text(longest=200) if "name" in fields else slug,
        status=status,
        class_=class_,
        priority=fields["priority"].integer(0, 100) if "priority" in fields else USUAL_PRIORITY,
        touchpoint=fields["touchpoint"].text(longest=100) if "touchpoint" in fields else None,
        when=when,
        existing=read_existing(fields["existing"], when) if "existing" in fields else None,
        condition=read_condition(fields["if"]) if "if" in fields else ALWAYS,
        sample=replace(sample, rate=sample.rate * PILOT) if status == "pilot" else sample,
        fresh=fields["fresh"].duration(least=SOME) if "fresh" in fields else FRESH,
        actions=actions,
        in_crisis=fields["crisis"].one_of(IN_CRISIS) if "crisis" in fields else IN_CRISIS[0],
    )


def _read_sample(node: Node) -> Sample:
    fields = node.mapping(("rate", "redraw", "holdout", "quota"))
    redraw = fields["redraw"].duration() if "redraw" in fields else None
    if redraw is not None and redraw < timedelta(days=1):
        fields["redraw"].fault("must be at least a day")
        redraw = None
    return Sample(
        rate=fields["rate"].number(0, 1) if "rate" in fields else 1.0,
        redraw=redraw,
        holdout=fields["holdout"].number(0, 1) if "holdout" in fields else 0.0,
        quota=read_quota(fields["quota"]) if "quota" in fields else None,
    )


def _read_action(node: Node, class_: str, event: str) -> Action:
    if not isinstance(node.value, dict) or len(node.value) != 1:
        node.fault(f"must be one action: {', '.join(ACTIONS)}")
        return Notify("", "")
    kind, action = next(iter(node.mapping(ACTIONS).items()), ("", node))
    match kind:
        case "send":
            return _read_send(action, class_, event)
        case "message":
            return _read_message(action, class_, event)
        case "task":
            fields = action.mapping(("department", "title", "priority", "due", "assign"), ("department", "title"))
            return Task(
                department=fields["department"].slug() if "department" in fields else "",
                title=fields["title"].text(longest=300) if "title" in fields else "",
                priority=fields["priority"].one_of(PRIORITIES) if "priority" in fields else "normal",
                due=fields["due"].duration() if "due" in fields else None,
                least_busy="assign" in fields and fields["assign"].one_of(ASSIGN) == "least_busy",
            )
        case "notify":
            fields = action.mapping(("channel", "text"), ("channel", "text"))
            return Notify(
                channel=fields["channel"].text(longest=200) if "channel" in fields else "",
                text=fields["text"].text() if "text" in fields else "",
            )
        case "set":
            fields = action.mapping(("attribute", "from"), ("attribute", "from"))
            return SetAttribute(
                attribute=fields["attribute"].text(longest=64) if "attribute" in fields else "",
                source=_read_path(fields["from"]) if "from" in fields else "",
            )
        case "offer":
            fields = action.mapping(("pool",), ("pool",))
            return GiveOffer(pool=fields["pool"].slug() if "pool" in fields else "")
    return Notify("", "")


def _read_path(node: Node) -> str:
    path = node.text(longest=200)
    if path and path.split(".")[0] not in ("answers", "properties"):
        node.fault("must be a path that begins with answers or properties")
    return path


def _read_send(node: Node, class_: str, event: str) -> Send:
    fields = node.mapping(
        ("survey", "channels", "delay", "expires", "remind", "cancel_on", "blocked", "message"), ("survey",)
    )
    expires = fields["expires"].duration(least=SOME) if "expires" in fields else LINK_LIFE
    return Send(
        survey=fields["survey"].slug() if "survey" in fields else "",
        text=None,
        channels=_read_channels(fields, CHANNELS),
        delay=fields["delay"].duration() if "delay" in fields else timedelta(0),
        expires=expires,
        class_=class_,
        message=read_message_texts(fields["message"]) if "message" in fields else {},
        remind=_read_remind(fields["remind"], expires) if "remind" in fields else None,
        cancel_on=_read_cancel_on(fields, event),
        defer="blocked" in fields and fields["blocked"].one_of(BLOCKED) == "defer",
    )


def _read_remind(node: Node, expires: timedelta) -> Remind:
    fields = node.mapping(("after", "times"), ("after",))
    after = fields["after"].duration(least=SOME) if "after" in fields else expires
    times = fields["times"].integer(1, REMINDERS_MAX) if "times" in fields else 1
    if "after" in fields and after * times >= expires:
        node.fault("comes after the link has closed; expires must be longer")
    return Remind(after, times)


def _read_cancel_on(fields: Mapping[str, Node], event: str) -> frozenset[str]:
    if "cancel_on" not in fields:
        return frozenset()
    types = frozenset(item.text(longest=200) for item in fields["cancel_on"].items(least=1))
    if event in types:
        fields["cancel_on"].fault(f"{event} cannot both start it and call it off")
    return types


def _read_message(node: Node, class_: str, event: str) -> Send:
    fields = node.mapping(("text", "channels", "class", "delay", "cancel_on", "blocked", *MESSAGE_TEXTS), ("text",))
    return Send(
        survey=None,
        text=fields["text"].texts() if "text" in fields else {"en": ""},
        channels=_read_channels(fields, USUAL_CHANNELS),
        delay=fields["delay"].duration() if "delay" in fields else timedelta(0),
        expires=None,
        class_=fields["class"].one_of(CLASSES) if "class" in fields else class_,
        message={k: fields[k].texts() for k in MESSAGE_TEXTS if k in fields},
        cancel_on=_read_cancel_on(fields, event),
        defer="blocked" in fields and fields["blocked"].one_of(BLOCKED) == "defer",
    )


def _read_channels(fields: Mapping[str, Node], known: tuple[str, ...]) -> tuple[str, ...]:
    if "channels" not in fields:
        return USUAL_CHANNELS
    return tuple(item.one_of(known) for item in fields["channels"].items(least=1))
