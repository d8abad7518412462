"""A bare machine: the time from a fresh copy and an empty home to everything installed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import config
from benchmarks.results import Row, at_most
from benchmarks.stack import ROOT, Stack


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
    environment = config.environment(config.load({})) | {name: str(path) for name, path in caches.items()}
    began = perf_counter()
    made = subprocess.run(
        ["make", f"PYTHON={python}", ".venv/run.stamp"],
        cwd=copy, env=environment, check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    seconds = perf_counter() - began
    subprocess.run([copy / ".venv" / "bin" / "otklik", "--version"], check=True, capture_output=True)
    by = "pip, uv was not to be had" if "going on with pip" in made.stdout else "uv"
    yield Row("set-up of a bare machine", seconds, "s", at_most(60), f"by {by}")
