"""How a browser asks for a card."""

import json

from flask.testing import FlaskClient

from dashboards import PATH
from dashboards.overview import CARDS


def draw(client: FlaskClient, card: str, search: str = "") -> str:
    """A card as the browser gets it, as JSON."""
    [names] = [names for names in CARDS if card in names]
    outputs = [{"id": name, "property": "children"} for name in names]
    several = len(names) > 1
    response = client.post(
        f"{PATH}_dash-update-component",
        json={
            "output": f"..{'...'.join(f'{n}.children' for n in names)}.." if several else f"{card}.children",
            "outputs": outputs if several else outputs[0],
            "inputs": [
                {"id": "address", "property": "search", "value": search},
                {"id": "pulse", "property": "data", "value": "1"},
            ],
            "changedPropIds": ["address.search"],
            "state": [],
        },
    )
    assert response.status_code == 200, response.text
    told = response.get_json()["response"][card]["children"]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
