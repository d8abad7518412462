"""How often we ask: customers by how often they were asked, and what it did to their answers and their leaving."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from app.admin import blueprint
from app.admin.words import not_there, number
from app.auth.staff import staff
from app.clock import utcnow
from app.queries.overview import moments, today
from app.queries.pressure import MOST, Asked, Effect, effects, times_asked
from app.queries.segments import segment_definitions
from dashboards.readers import Days
from surveys.statistics import Comparison, Figure

WIDTH, LEFT, RIGHT, BAR, GAP = 346, 66, 340, 24, 12
SEEN = timedelta(days=364)


@blueprint.get("/policy/pressure")
@staff("read")
def pressure() -> Any:
    segments = segment_definitions()
    segment = request.args.get("segment") if request.args.get("segment") in segments else None
    asked = times_asked(utcnow(), segment)
    found = effects(*moments(Days(today() - SEEN, today())))
    widest = max((f.high or 0 for e in found for f in (e.response,)), default=0) or 100
    leaving = max((f.high or 0 for e in found for f in (e.unsubscribe,)), default=0) or 100
    return render_template(
        "admin/pressure.html",
        asked=asked,
        bars=_bars(asked),
        height=len(asked) * (BAR + GAP),
        names=[group_word(times) for times in range(MOST + 1)],
        segment=segment,
        gone=not_there(request.args.get("segment", ""), segments),
        segments={slug: body.get("name") or slug for slug, body in segments.items()},
        rows=[
            (group_word(e.messages), e.n, _cell(e.response, e.response_compared, widest),
             _cell(e.unsubscribe, e.unsubscribe_compared, leaving))
            for e in found
        ],
        sentence=_sentence(found),
    )  # fmt: skip


def group_word(times: int) -> str:
    return _("%(n)s or more", n=times) if times == MOST else number(times)


def _bars(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """One bar per span: its parts from left to right, as wide as their share."""
    drawn = []
    for row, span in enumerate(asked):
        x, parts = float(LEFT), []
        for times, contacts in enumerate(span.times):
            wide = (RIGHT - LEFT) * contacts / (span.contacts or 1)
            parts.append({"x": round(x, 1), "width": round(max(wide - 1, 0), 1), "times": times, "contacts": contacts})
            x += wide
        drawn.append({"days": span.days, "y": row * (BAR + GAP) + 2, "parts": parts})
    return drawn


def _cell(figure: Figure, comparison: Comparison | None, widest: float) -> dict[str, Any]:
    """A rate in words, as a whisker on a scale of 150, and whether it differs from that of those left in peace."""
    if figure.value is None or figure.low is None or figure.high is None:
        return {"said": "", "verdict": ""}
    places = {name: round(5 + 150 * getattr(figure, name) / widest, 1) for name in ("low", "value", "high")}
    half = number((figure.high - figure.low) / 2, 1)
    verdict = comparison.verdict if comparison else ""
    return {"said": f"{number(figure.value, 1)} ± {half} %", "verdict": verdict, **places}


def _sentence(found: Sequence[Effect]) -> str:
    """What stands among all the comparisons of response rates."""
    for effect in reversed(found):
        compared = effect.response_compared
        if compared is None or compared.verdict != "changed" or compared.difference is None:
            continue
        facts = {"times": group_word(effect.messages), "points": number(abs(compared.difference), 1)}
        if compared.difference < 0:
            return _(
                "Messages in the 90 days before: %(times)s. Such customers answer less often, by %(points)s points.",
                **facts,
            )
        return _(
            "Messages in the 90 days before: %(times)s. Such customers answer more often, by %(points)s points.",
            **facts,
        )
    return _("No difference can be seen yet between customers written to and customers left in peace.")
