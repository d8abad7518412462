"""The parts a page is made of: pictures, chips, hints, tables; every word a customer wrote stays text."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboards.charts import Tree
from dashboards.figures import Chip, Shown
from dashboards.words import _, number


class Picture(Component):
    """A tree of SVG, drawn by ``dashboard.js``: only shapes, texts and links inside this site."""

    _prop_names = ["id", "tree", "label"]  # noqa: RUF012 as Dash reads it
    _valid_wildcard_attributes: list[str] = []  # noqa: RUF012
    available_properties = ["id", "tree", "label"]  # noqa: RUF012
    available_wildcard_properties: list[str] = []  # noqa: RUF012
    _children_props: list[str] = []  # noqa: RUF012
    _base_nodes = ["children"]  # noqa: RUF012
    _namespace = "otklik"
    _type = "Picture"


def picture(tree: Tree, label: str) -> Any:
    return Picture(tree=tree, label=label)  # type: ignore[no-untyped-call]  # comes without types


def chip(found: Chip) -> Any:
    return html.Span(found.text, className=f"chip chip-{found.kind}")


def hint(name: str, lines: Sequence[str]) -> Any:
    """How it was computed: shown on hover, tap or focus, and read out with its button."""
    button = html.Button("i", className="how", type="button")
    said = html.Span([html.Span(line) for line in lines], className="hint", id=f"how-{key(name)}", role="tooltip")
    return html.Span([aria(button, label=name, describedby=f"how-{key(name)}"), said], className="hinted")


def aria(component: Any, **named: str) -> Any:
    """The component with what it says to screen readers."""
    for name, value in named.items():
        setattr(component, f"aria-{name}", value)
    return component


def key(name: str) -> str:
    """A name as it may stand in an id."""
    return "".join(c if c.isalnum() else "-" for c in name)


def figure(shown: Shown) -> Any:
    """Value and half-width as a link to the answers, or that it is hidden and why."""
    if shown.figure.value is None:
        return html.Span("\u2013", className="value muted", title=_("Hidden: fewer than ten answers say too little."))
    return html.A([html.Span(shown.value, className="value"), html.Small(f" {shown.half}")], href=shown.href)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """What a chart shows, in numbers."""
    head = html.Thead(html.Tr([html.Th(h, scope="col", className="num" if i else "") for i, h in enumerate(heads)]))
    body = [
        html.Tr([html.Th(row[0], scope="row"), *(html.Td(cell, className="num") for cell in row[1:])]) for row in rows
    ]
    drawn = html.Table([html.Caption(caption, className="visually-hidden"), head, html.Tbody(body)], className="plain")
    scroll = aria(html.Div(drawn, className="scroll", tabIndex="0", role="region"), label=caption)
    return html.Details([html.Summary(_("Show as table")), scroll], className="fold as-table")


def card(title: str, *parts: Any, beside: Any = None, kind: str = "") -> Any:
    head = [html.H2(title), *([beside] if beside is not None else [])]
    return html.Section([html.Div(head, className="card-head"), *parts], className=f"card {kind}".strip())


def failed(title: str) -> Any:
    """A card that could not be worked out; the others live on."""
    return card(
        title,
        html.P(_("This could not be worked out just now. The other figures are not affected.")),
        html.Button(_("Try again"), className="btn btn-plain again", type="button"),
        kind="failed",
    )


def coming(title: str, will: str) -> Any:
    """The frame of a card with what will come."""
    return card(title, html.P(will, className="muted coming"), kind="coming-card")


def count(n: int) -> str:
    return f"n\u00a0{number(n)}"
