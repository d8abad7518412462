"""A bare machine: from a fresh copy and an empty home to everything installed, to the demo company; and its pages."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx

import config
from app.cli.demo import PASSWORD
from app.demo.people import ANNA
from benchmarks.results import Row, at_most
from benchmarks.stack import ROOT, STOP_WITHIN, Stack
from tests.services import free_port

PAGES = (
    *("/home", "/tasks?tab=all", "/tasks/1", "/customers", "/customers/c-1001?why=upgrade-nps", "/dashboards/"),
    *("/answers", "/policy", "/sources", "/sources/api", "/demo/mailbox", "/demo/start-for-real", "/triggers"),
)
"""What the first ten minutes open, beside the page that follows her."""
TIMES = 5


def measure(stack: Stack) -> Iterator[Row]:
    copy, home = stack.scratch / "copy", stack.scratch / "home"
    copy.mkdir()
    home.mkdir()
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=copy, input=packed, check=True)
    python = Path(sys.base_prefix) / "bin" / "python3"
    caches = {
        "HOME": home,
        "XDG_CACHE_HOME": home / "cache",
        "UV_CACHE_DIR": home / "uv",
        "PIP_CACHE_DIR": home / "pip",
    }
    environment = config.environment(config.load({}, data_dir=copy / "data", rate_limit=""))
    environment |= {name: str(path) for name, path in caches.items()}
    began = perf_counter()
    made = subprocess.run(
        ["make", f"PYTHON={python}", ".venv/run.stamp", "app/translations/ru/LC_MESSAGES/messages.mo"],
        cwd=copy, env=environment, check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    installed = perf_counter() - began
    by = "pip, uv was not to be had" if "going on with pip" in made.stdout else "uv"
    yield Row("set-up of a bare machine", installed, "s", at_most(60), f"by {by}")
    with _demo(copy, environment) as (seconds, _site):
        yield Row("demo ready on a bare machine", installed + seconds, "s", at_most(60), "set-up and half a year")
    with _demo(copy, environment) as (seconds, site):
        yield Row("demo ready the second time", seconds, "s", at_most(10))
        password = (copy / "data" / "demo" / PASSWORD).read_text().strip()
        took = _looked_at(site, password)
    slowest = max(took, key=lambda path: took[path])
    said = f"{slowest}; {len(took)} pages, each the middle of {TIMES}"
    yield Row("slowest page of the first ten minutes", took[slowest] * 1000, "ms", at_most(300), said)


@contextmanager
def _demo(copy: Path, environment: dict[str, str]) -> Iterator[tuple[float, str]]:
    """The demo company as ``make run`` starts it: how long it took until it said that it is ready, and its address."""
    port = free_port()
    began = perf_counter()
    running = subprocess.Popen(
        [copy / ".venv" / "bin" / "otklik", "up", "--demo", "--port", str(port)],
        cwd=copy, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert running.stdout
        assert any("Otklik is ready" in line for line in running.stdout), "it ended before it was ready"
        yield perf_counter() - began, f"http://127.0.0.1:{port}"
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=STOP_WITHIN)


def _looked_at(site: str, password: str) -> dict[str, float]:
    """Seconds that pages take somebody signed in, from asking to the last byte."""
    took = {}
    with httpx.Client(base_url=site, trust_env=False, headers={"Accept": "text/html"}, timeout=60) as client:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
        assert token
        form = {"csrf_token": token[1], "email": ANNA["en"].email, "password": password}
        assert client.post("/login", data=form).status_code == 302
        followed = client.get("/demo/").headers["Location"]
        for path in (followed, f"{followed}/shop", f"{followed}/state", *PAGES):
            times = []
            for _ in range(TIMES):
                began = perf_counter()
                assert client.get(path).is_success, path
                times.append(perf_counter() - began)
            took["/demo/follow" if path == followed else path.removeprefix(followed)] = median(times)
    return took
