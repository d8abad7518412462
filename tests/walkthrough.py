"""From reviews to tasks on a running installation: signed webhooks in, mails out, answers by plain HTTP, figures back.

``python -m tests.walkthrough REVIEWS.csv.gz`` starts everything in a folder of its own, and prints what came of it.
"""

import csv
import gzip
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from subprocess import Popen, run
from typing import Any

import httpx
import orjson
from standardwebhooks.webhooks import Webhook

import config
from tests.services import MailServer, free_port, wait_until

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
DEFINITIONS = Path(__file__).parent.parent / "docs" / "walkthrough.yaml"
DEPARTMENT = "care@example.com"
ASK_UP_TO = 2
OTKLIK = str(Path(sys.executable).with_name("otklik"))


@dataclass(frozen=True)
class Review:
    """One review as the shop's own system knows it."""

    number: int
    rating: int
    product: str
    department: str
    age: int

    def payload(self) -> dict[str, Any]:
        return {
            "id": f"review-{self.number}",
            "customer": {
                "id": f"reviewer-{self.number}",
                "email": f"reviewer-{self.number}@example.com",
                "age": self.age,
            },
            "rating": self.rating,
            "product": self.product,
            "department": self.department,
        }

    @property
    def answer(self) -> int:
        """What this reviewer will answer, 1 to 5: nothing but a rule that can be counted twice."""
        return (self.number * 7 + self.age) % 5 + 1


@dataclass(frozen=True)
class Outcome:
    """What an installation says in the end."""

    mails: int
    tasks: int
    csat: dict[str, Any]
    response_rate: dict[str, Any]


def read_reviews(file: Path) -> list[Review]:
    with gzip.open(file, "rt", newline="") as text:
        rows = csv.DictReader(text)
        return [
            Review(number, int(row["Rating"]), row["Clothing ID"], row["Department Name"] or "Other", int(row["Age"]))
            for number, row in enumerate(rows)
        ]


@contextmanager
def installation(folder: Path, mail: MailServer, **settings: str) -> Iterator[tuple[str, str]]:
    """A running installation with the walkthrough's definitions: its address and an API key."""
    port = free_port()
    environ = config.environment(config.load({}, data_dir=folder, smtp_url=mail.url, log_level="WARNING"))
    environ |= {"REVIEWS_SECRET": SECRET, "OTKLIK_BASE_URL": f"http://127.0.0.1:{port}", **settings}
    run([OTKLIK, "apply", str(DEFINITIONS)], env=environ, check=True)
    process = Popen([OTKLIK, "up", "--port", str(port)], env=environ)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _ready(address), 60)
        yield address, (folder / "first-key").read_text().strip()
    finally:
        process.terminate()
        process.wait(60)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", verify=False).status_code == 200
    except httpx.TransportError:
        return False


def _http(address: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=address, verify=False, trust_env=False, **options)


def post_reviews(address: str, reviews: Sequence[Review]) -> None:
    """Post every review as the shop would: one signed webhook each."""
    webhook = Webhook(SECRET)
    with _http(address) as http:
        for review in reviews:
            body = orjson.dumps(review.payload()).decode()
            now = datetime.now(UTC)
            headers = {
                "Content-Type": "application/json",
                "webhook-id": f"msg-{review.number}",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": webhook.sign(f"msg-{review.number}", now, body),
            }
            answer = http.post("/webhooks/reviews", content=body, headers=headers)
            assert answer.status_code == 202, answer.text


def answer_mail(http: httpx.Client, content: bytes, reviews: Sequence[Review]) -> None:
    """Answer one mail as a person without JavaScript: open the link, send the form, send the form that follows."""
    mail = message_from_bytes(content, policy=policy.default)
    number = int(re.findall(r"\d+", str(mail["To"]))[0])
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(r"(http\S+/s/[\w-]+)\?csat=1", body.get_content())
    assert found is not None
    score = reviews[number].answer
    assert f'value="{score}" checked' in http.get(f"{found[1]}?csat={score}").text
    page = http.post(found[1], data={"page": "0", "csat": str(score)})
    if 'name="why"' in page.text:
        page = http.post(found[1], data={"page": "1", "why": f"The {reviews[number].product} was not as shown."})
    assert page.status_code == 200
    assert "Thank you" in page.text


def outcome(address: str, key: str, mails: int) -> Outcome:
    with _http(f"{address}/api/v1", headers={"Authorization": f"Bearer {key}"}) as http:
        return Outcome(
            mails=mails,
            tasks=len(http.get("/tasks?department=care&limit=500").json()["items"]),
            csat=http.get("/metrics/csat").json(),
            response_rate=http.get("/metrics/response-rate").json(),
        )


def to_customers(mail: MailServer) -> list[bytes]:
    """The mails that ask; those that tell the department of its tasks left out."""
    return [content for to, content in mail.mailbox.received if to != DEPARTMENT]


def walk(address: str, key: str, mail: MailServer, reviews: Sequence[Review]) -> Outcome:
    """The whole way; waits until every answer is counted, and checks the figures against a count of our own."""
    asked = [r for r in reviews if r.rating <= ASK_UP_TO]
    post_reviews(address, reviews)
    wait_until(lambda: len(to_customers(mail)) >= len(asked), 120)
    with _http(address, follow_redirects=True) as http:
        for content in to_customers(mail):
            answer_mail(http, content, reviews)
    unhappy = sum(r.answer <= ASK_UP_TO for r in asked)
    satisfied = sum(r.answer >= 4 for r in asked)

    def counted() -> bool:
        found = outcome(address, key, len(to_customers(mail)))
        return found.csat["n"] == len(asked) and found.tasks == unhappy

    wait_until(counted, 60)
    found = outcome(address, key, len(to_customers(mail)))
    assert found.mails == len(asked)
    assert found.csat["value"] == round(100 * satisfied / len(asked), 2)
    assert found.csat["low"] < found.csat["value"] < found.csat["high"]
    assert (found.response_rate["value"], found.response_rate["n"]) == (100, len(asked))
    return found


def main() -> None:
    reviews = read_reviews(Path(sys.argv[1]))
    mail = MailServer()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="otklik-") as folder,
            installation(Path(folder), mail) as (address, key),
        ):
            print(f"{len(reviews)} reviews: {walk(address, key, mail, reviews)}")  # noqa: T201 a command's answer
    finally:
        mail.stop()


if __name__ == "__main__":
    main()
