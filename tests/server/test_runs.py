"""Runs and steps over HTTP, as the store has them."""

from __future__ import annotations

from tests.server.conftest import Served


def test_a_list_goes_on_page_by_page_to_the_last(served: Served) -> None:
    for number in range(7):
        served.make(f"run-{number}", created_at=float(number))
    client, found, cursor = served.viewer, [], None
    while True:
        page = client.get("/api/v1/runs", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        found += [each["id"] for each in page["runs"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [f"run-{number}" for number in reversed(range(7))]


def test_a_list_is_narrowed_by_what_is_asked_for(served: Served) -> None:
    served.make("one", workflow="train", tags=["gpu"], params={"depth": 3, "kind": "3"})
    served.make("two", workflow="serve")
    client = served.viewer

    def ids(**query: str) -> list[str]:
        return [each["id"] for each in client.get("/api/v1/runs", params=query).json()["runs"]]

    assert ids(param="depth=3") == ids(param='kind="3"') == ["one"]
    assert ids(param="depth=4") == ids(metric="loss<1") == []
    assert client.get("/api/v1/runs?param=depth=3&param=kind=no").json()["runs"] == []
    assert ids(workflow="train") == ids(tag="gpu") == ids(text="RAI") == ["one"]
    assert ids(status="failed") == []


def test_what_is_asked_wrongly_is_told_with_a_cure(served: Served) -> None:
    client = served.viewer
    for query in (
        "limit=0",
        "limit=1001",
        "limit=x",
        "status=odd",
        "workflo=w",
        "limit=1&limit=2",
        "cursor=x",
        "%ff=1",
    ):
        answer = client.get(f"/api/v1/runs?{query}")
        assert answer.status_code in (400, 422), query
        assert answer.json()["error"]
        assert answer.json()["cure"]
    assert "workflow" in client.get("/api/v1/runs?workflo=w").json()["cure"]
    assert client.get("/api/v1/runs/none").status_code == 404


def test_a_run_is_found_as_the_command_line_finds_it(served: Served) -> None:
    served.make("r1", name="ancient-sturgeon")
    client = served.viewer
    for text in ("r1", "ancient-sturgeon", "ancient"):
        assert client.get(f"/api/v1/runs/{text}").json()["id"] == "r1"
    assert client.get("/api/v1/runs/r1/steps").json() == {"steps": [], "next": None, "behind": 0}
    assert client.get("/api/v1/counts").json() == {"pending": 1}
