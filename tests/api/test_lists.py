"""Lists of customers over HTTP."""

from flask.testing import FlaskClient

from tests.wire import on_sqlite, said

ADDRESS = "/api/v1/lists"


@on_sqlite
def test_customers_are_put_on_a_list_and_it_is_taken_away(client: FlaskClient, key: dict[str, str]) -> None:
    for reference in ("1", "2"):
        client.put(f"/api/v1/contacts/{reference}", json={"email": f"{reference}@example.com"}, headers=key)
    body = {"contacts": ["1", "9", "2@EXAMPLE.com", "ct_nobody"]}
    added = said(client.post(f"{ADDRESS}/guests", json=body, headers=key))
    assert (added["added"], added["known"], [r["index"] for r in added["rejected"]]) == (2, 0, [1, 3])
    assert said(client.post(f"{ADDRESS}/guests", json={"contacts": ["1"]}, headers=key))["known"] == 1
    (found,) = said(client.get(ADDRESS, headers=key))["items"]
    assert (found["slug"], found["contacts"]) == ("guests", 2)
    assert client.delete(f"{ADDRESS}/guests", headers=key).status_code == 204
    assert client.delete(f"{ADDRESS}/guests", headers=key).status_code == 404
    assert client.post(f"{ADDRESS}/Guests", json=body, headers=key).status_code == 422
    assert client.post(f"{ADDRESS}/guests", json={"contacts": []}, headers=key).status_code == 422
