"""Who sits at the screen: sessions of the company's people, and what each role may open."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from secrets import token_hex
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from app.extensions import check_rate
from app.queries.accounts import SEE_FIGURES, Account, find_account
from app.queries.installation import company

P = ParamSpec("P")
R = TypeVar("R")

RIGHTS = {
    "home": frozenset({"admin", "designer", "manager"}),
    "tasks": frozenset({"admin", "designer", "manager", "agent"}),
    "customers": frozenset({"admin", "designer", "manager", "agent"}),
    "dashboard": SEE_FIGURES,
    "read": frozenset({"admin", "designer", "manager"}),
    "design": frozenset({"admin", "designer"}),
    "crisis": frozenset({"admin", "designer", "manager"}),
    "sources": frozenset({"admin", "designer"}),
    "sending": frozenset({"admin", "designer", "manager"}),
    "people": frozenset({"admin"}),
    "settings": frozenset({"admin"}),
    "audit": frozenset({"admin"}),
    "self": frozenset({"admin", "designer", "manager", "agent"}),
}
"""What may be opened, and by which roles. An agent sees the tasks of their department, and the customers in them."""
LANDING = {"agent": "/tasks", "manager": "/dashboards/"}


@dataclass(frozen=True)
class Viewer(UserMixin):
    """The person who is signed in, and the session they are in."""

    account: Account
    session_tag: str = ""

    def get_id(self) -> str:
        """What the session holds: a new password makes it worthless, and so does signing out of it."""
        return f"{self.account.id}:{self.account.session_key}:{self.session_tag}"

    @property
    def id(self) -> int:
        return self.account.id

    @property
    def email(self) -> str:
        return self.account.email

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def role(self) -> str:
        return self.account.role

    @property
    def department(self) -> str | None:
        return self.account.department

    @property
    def theme(self) -> str | None:
        return self.account.theme

    def may(self, right: str) -> bool:
        return self.role in RIGHTS[right]

    @property
    def only_department(self) -> str | None:
        """The department whose tasks are all that this person sees; None: they see every task."""
        return (self.department or "") if self.role == "agent" else None


def register(app: Flask) -> None:
    # Without its after_request: there is no cookie to remember somebody by, and pages of customers have no session.
    manager = LoginManager()
    app.login_manager = manager  # type: ignore[attr-defined]  # where Flask-Login looks for it
    manager.session_protection = None  # a phone changes its network; the cookie is signed and http-only

    @manager.user_loader
    def _load(stored: str) -> Viewer | None:
        user_id, session_key, tag = (*stored.split(":"), "", "")[:3]
        account = find_account(int(user_id), tag) if user_id.isdecimal() and tag else None
        return Viewer(account, tag) if account and account.session_key == session_key else None


def viewer() -> Viewer | None:
    """Who is signed in; None outside a session."""
    return current_user._get_current_object() if current_user and current_user.is_authenticated else None  # noqa: SLF001 as Flask-Login documents it


def signed_in() -> Viewer:
    """Who is signed in, where a right was asked for already."""
    found = viewer()
    assert found is not None
    return found


def start_session(user_id: int) -> None:
    account = find_account(user_id)
    if account is None:
        abort(403)
    session.clear()
    session.permanent = True
    login_user(Viewer(account, token_hex(8)))


def end_session() -> None:
    logout_user()
    session.clear()


def staff(right: str) -> Callable[[Callable[P, R]], Callable[P, R | Any]]:
    """Let only people through whose role has this right; others are asked to sign in, or told that it is not theirs."""
    assert right in RIGHTS

    def decorate(view: Callable[P, R]) -> Callable[P, R | Any]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Any:
            return turned_away(right) or view(*args, **kwargs)

        guarded.right = right  # type: ignore[attr-defined]  # read by the test over all routes
        return guarded

    return decorate


def turned_away(right: str) -> Any:
    """None for who has the right; else the way to sign in, or 403."""
    who = viewer()
    if who is None:
        check_rate("strangers", str(request.remote_addr))
        if request.method == "GET" and request.accept_mimetypes.accept_html:
            return redirect(url_for("admin.login", next=request.full_path.rstrip("?")))
        return Response(status=401)
    if not who.may(right):
        abort(403)
    return None


def landing(who: Viewer) -> str:
    """Where this person's day begins."""
    return LANDING.get(who.role, "/home")


def zone_of(who: Viewer | None) -> ZoneInfo:
    """The zone in which moments are shown to this person."""
    return ZoneInfo((who.account.zone if who else None) or company().zone)
