"""A process that does nothing but wake: started many times at once by :mod:`tests.proofs.test_wakers`."""

import sys
from datetime import datetime
from pathlib import Path

import config
from app import create_app
from app.actions.announcements import announce_timers
from app.actions.contacts import resolve_events
from app.actions.timers import look_for_timers, ripen_timers


def main(database_url: str, data_dir: str, now: str) -> None:
    app = create_app(config.load({}, database_url=database_url, data_dir=Path(data_dir)), pictures=False)
    at = datetime.fromisoformat(now)
    with app.app_context():
        for _ in range(400):
            done = look_for_timers(7, at, "UTC") + ripen_timers(5, at, "UTC") + announce_timers(5, at)
            if not done + resolve_events(50, at, "GB"):
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
