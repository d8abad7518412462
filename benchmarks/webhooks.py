"""One signed payload per request, mapped and stored before it is answered, against a Flask that does nothing."""

from collections.abc import Iterator, Sequence
from statistics import median

import orjson
from standardwebhooks.webhooks import Webhook

from app.clock import utcnow
from benchmarks.company import POLICY, SECRET, SHOP
from benchmarks.load import Script, fire, whole
from benchmarks.results import Row, at_least
from benchmarks.stack import Stack, plain_connection

SHARE = 0.30


def measure(stack: Stack) -> Iterator[Row]:
    rounds, requests = (1, 500) if stack.quick else (3, 5_000)
    settings = stack.settings(POLICY + SHOP)
    noop, signed = [], []
    with stack.web(settings) as port, stack.web(settings, "benchmarks.noop:app", "/") as reference:
        fire(reference, signed_payloads("warm", 100, "/"), expect="202")
        fire(port, signed_payloads("warm", 100), expect="202")
        for number in range(rounds):
            noop.append(fire(reference, signed_payloads(str(number), requests, "/"), expect="202"))
            signed.append(fire(port, signed_payloads(str(number), requests), expect="202"))
    with plain_connection(settings) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM pending_events").fetchone() or (0,)
    if stored != rounds * requests + 100:
        raise AssertionError(f"{rounds * requests + 100} were accepted, {stored} are stored")
    rate, least = median(r.rate for r in signed), median(r.rate for r in noop)
    said = f"{rate:,.0f}/s, no-op {least:,.0f}/s"
    yield Row("signed single webhook, durable, as a share of a Flask no-op", rate / least, "", at_least(SHARE), said)
    slowest = median(r.percentile(0, 0.99) for r in signed) * 1000
    yield Row("signed single webhook, p99 with 16 senders", slowest, "ms")


def signed_payloads(name: str, count: int, path: str = "/webhooks/shop") -> Sequence[Script]:
    """Payloads of a shop, each with an id of its own and signed just now."""
    webhook, now = Webhook(SECRET), utcnow()
    scripts = []
    for number in range(count):
        body = orjson.dumps(_payload(f"evt-{name}-{number}", number))
        signature = webhook.sign(f"msg-{name}-{number}", now, body.decode())
        headers = {
            "content_type": "application/json",
            "webhook_id": f"msg-{name}-{number}",
            "webhook_timestamp": str(int(now.timestamp())),
            "webhook_signature": signature,
        }
        scripts.append([whole("POST", path, body, **headers)])
    return scripts


def _payload(event_id: str, number: int) -> dict[str, object]:
    customer = {"id": f"cus-{number % 1000}", "email": f"cus-{number % 1000}@example.com", "name": "Ada Byron"}
    data = {"order": f"ord-{number}", "amount": 1990, "rating": 4, "store": "centre", "customer": customer}
    return {"id": event_id, "type": "order.delivered", "created": "2026-01-05T10:00:00Z", "data": data}
