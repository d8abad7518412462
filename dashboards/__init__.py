"""The pictures: what they want to be handed is declared in ``readers``; they never see a table."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask

from dashboards.readers import Readers, Viewer

PATH = "/dashboards/"

Page = Callable[[Mapping[str, str]], str]
"""Draws the shell around ``entry``, ``config``, ``scripts`` and ``renderer``."""
Guard = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Lets a view be seen by those who may."""


def mount(app: Flask, readers: Readers, page: Page, guard: Guard, viewer: Callable[[], Viewer]) -> None:
    """Put the overview under ``/dashboards/``. What draws it is loaded here, so that others need not carry it."""
    from dashboards.pages import Pictures

    Pictures(app, readers, page, viewer).guard_routes(guard)
