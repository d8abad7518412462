"""The overview as a text for a mail: the sentence, the figures with their certainty and verdict, nothing drawn."""

from dataclasses import dataclass

from dashboards import figures, words
from dashboards.asked import Asked, key_metrics, marked_changes, overall_of, rows_of
from dashboards.readers import Where
from dashboards.words import _, ngettext, number


@dataclass(frozen=True)
class Told:
    """A subject, and what stands below it."""

    subject: str
    text: str


def digest(asked: Asked, company: str, url: str) -> Told:
    """The overview in words; at ``url`` it stands in full."""
    filters = asked.filters
    days = {"begin": words.day(filters.days.begin), "end": words.day(filters.days.end)}
    before = {"begin": words.day(filters.before.begin), "end": words.day(filters.before.end)}
    looked = _("%(begin)s to %(end)s", **days)
    compared = _("compared with %(begin)s to %(end)s", **before)
    about = [f"{looked}, {compared}", " \u00b7 ".join(narrowed(asked))]
    parts = [
        _sentence(asked),
        "\n".join(_figures(asked)),
        "\n".join(filter(None, about)),
        _("See all of it: %(url)s", url=url),
    ]
    return Told(_("%(company)s: %(begin)s to %(end)s", company=company, **days), "\n\n".join(parts))


def narrowed(asked: Asked) -> list[str]:
    """What is looked at, by its names; empty for everything."""
    where, choices = asked.filters.where, asked.readers.choices(asked.viewer)
    names = {"survey": dict(choices.surveys), "segment": dict(choices.segments)}
    chosen = {name: value for name, value in vars(where).items() if value}
    return [words.channel(v) if n == "channel" else names.get(n, {}).get(v, v) for n, v in chosen.items()]


def _sentence(asked: Asked) -> str:
    rows, overall = rows_of(asked), overall_of(asked)
    if overall.figure.n or rows:
        return " ".join(part.text for part in figures.sentence(rows, overall, marked_changes(asked), asked.filters))
    if asked.filters.where != Where():
        return _("Nothing was answered that these filters let through.")
    out = asked.readers.outlook(asked.viewer, asked.filters.where)
    return figures.outlook_sentence(out.out, out.hours)


def _figures(asked: Asked) -> list[str]:
    (now, before), targets = asked.totals(), asked.readers.targets(asked.viewer)
    lines = []
    for metric in key_metrics(now):
        shown = figures.show(metric, now, before, asked.filters)
        if shown.figure.n:
            certain = f"{shown.value} {shown.half}" if shown.half else _("hidden")
            said = [f"{figures.name_of(metric)}: {certain} (n {number(shown.figure.n)})", shown.chip.text]
            said += [figures.aim(metric, shown.figure, targets[metric.key])] if metric.key in targets else []
            lines.append("; ".join(said))
    tasks = asked.readers.tasks(asked.viewer, asked.filters.where)
    late = (
        ngettext("%(num)d is overdue", "%(num)d are overdue", tasks.overdue) if tasks.overdue else _("none is overdue")
    )
    return [*lines, f"{_('Open tasks')}: {number(tasks.open)}; {late}"]
