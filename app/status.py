"""How it is: alive, ready, and in figures, which are read from the database so that any process can tell them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utcnow
from app.extensions import redis_connection
from app.queries.audits import latest_audit
from app.queries.deliveries import count_deliveries, sending_stopped
from app.queries.effects import count_effects
from app.queries.events import count_pending
from app.queries.sources import count_payloads
from app.queries.work import oldest_ready_since, youngest_heartbeat

blueprint = Blueprint("status", __name__)
SILENT = timedelta(seconds=30)
PLAIN = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/healthz")
def alive() -> Any:
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Any:
    """Database, Redis and a worker; without Redis work goes on more slowly, so that alone does not make it unready."""
    checks = {"database": "ok", "redis": _redis(), "worker": "ok"}
    try:
        beat = youngest_heartbeat()
        if beat is None or utcnow() - beat > SILENT:
            checks["worker"] = "silent" if beat is None else f"silent since {beat.isoformat()}"
    except SQLAlchemyError:
        checks |= {"database": "away", "worker": "not known"}
    well = checks["database"] == "ok" and checks["worker"] == "ok" and checks["redis"] != "away"
    return jsonify({"status": "ready" if well else "not ready", **checks}), 200 if well else 503


def _redis() -> str:
    connection = redis_connection()
    if connection is None:
        return "none: workers poll"
    try:
        connection.ping()
    except RedisError:
        return "away"
    return "ok"


class _Work:
    """The figures of /metrics."""

    def collect(self) -> Iterator[Any]:
        waiting, dead = count_pending()
        yield GaugeMetricFamily("otklik_events_waiting", "Events not yet decided", value=waiting)
        yield GaugeMetricFamily("otklik_events_dead", "Events set aside after five failures", value=dead)
        since = oldest_ready_since()
        age = max(0.0, (utcnow() - since).total_seconds()) if since else 0.0
        yield GaugeMetricFamily("otklik_oldest_undecided_seconds", "How long the oldest has waited", value=age)
        effects, dead_effects = count_effects()
        yield GaugeMetricFamily("otklik_effects_waiting", "Tasks, notes and attributes to come", value=effects)
        yield GaugeMetricFamily("otklik_effects_dead", "Effects set aside after five failures", value=dead_effects)
        deliveries = GaugeMetricFamily("otklik_deliveries", "Deliveries not settled, by state", labels=["state"])
        states = count_deliveries()
        for state in ("claimed", "handing_over", "retrying", "unknown"):
            deliveries.add_metric([state], states.get(state, 0))
        yield deliveries
        payloads = GaugeMetricFamily("otklik_payloads", "Payloads kept aside, by state", labels=["state"])
        for state, n in count_payloads().items():
            payloads.add_metric([state], n)
        yield payloads
        yield GaugeMetricFamily("otklik_sending_stopped", "1 while the stop-all switch is on", value=sending_stopped())
        beat = youngest_heartbeat()
        silence = (utcnow() - beat).total_seconds() if beat else -1
        yield GaugeMetricFamily("otklik_worker_silent_seconds", "Since the last sign of life; -1: never", value=silence)
        audit = latest_audit()
        if audit is not None and audit.ended_at is not None:
            yield GaugeMetricFamily(
                "otklik_policy_violations", "Messages the last audit found beyond a limit", value=audit.found
            )
            age = (utcnow() - audit.ended_at).total_seconds()
            yield GaugeMetricFamily("otklik_policy_audit_age_seconds", "Since the last audit", value=age)
        failures = CounterMetricFamily("otklik_failures", "Failures of this web process, by kind", labels=["kind"])
        for kind, n in current_app.extensions["otklik_failures"].items():
            failures.add_metric([kind], n)
        yield failures


@blueprint.get("/metrics")
def metrics() -> Response:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Work())
    return Response(generate_latest(registry), mimetype=PLAIN)
