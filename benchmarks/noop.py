"""The least that Flask can do with a POST: what any web application under the same server is measured against."""

from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def nothing() -> tuple[str, int]:
    request.get_data()
    return "", 202
