"""The HTTP API is as it is described, whatever it is sent: schemathesis makes fitting and unfitting requests of that.

Bounded and the same every time: no chance, so many requests for each path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from http_kit import new_served
from hypothesis import HealthCheck, Phase, given, settings
from visitor import Visitor

from mainstay.console.doors import HEADERS
from mainstay.console.pages import routes_of
from mainstay.console.render import statics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from http_kit import Served
    from schemathesis import Case, Response

ELSEWHERE = re.compile(r"/log|/access|/live|/plug|/demo|/actions|/api|/d/")  # tried above, or it ends what is tried
schemathesis = pytest.importorskip("schemathesis", reason="it is newer than this environment: make setup")
GenerationMode = schemathesis.GenerationMode
REFUSED = ["2xx", "3xx", 401, 403, 404, 409, 422, 429, 503]  # what fits its shape may be wrong all the same
FITTING = schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": REFUSED}}})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = new_served(tmp_path_factory.mktemp("described"))
    yield one
    one.end()


def bounded(examples: int) -> Any:
    return settings(
        max_examples=examples, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def ask(served: Served, case: Case, held: Sequence[Any] = (), **headers: str) -> Response:
    """Send a request, and hold the answer against what is described."""
    if isinstance(case.body, dict) and isinstance(case.body.get("wait"), (int, float)) and 0 < case.body["wait"] <= 60:
        case.body["wait"] = 0  # nobody answers meanwhile
    response = case.call(base_url=served.url, headers=headers or None, timeout=30)
    case.validate_response(response, checks=list(held) or None)
    told = response.headers
    assert all(told.get(name.lower()) == [value] for name, value in HEADERS.items()), case
    assert "Traceback" not in response.text, case
    return response


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name)
@pytest.mark.parametrize("name", ["POST /actions", "GET /actions/{id}", "GET /actions/{id}/receipt", "GET /d/{link}",
                                  "POST /d/{link}", "GET /api/openapi.json"])  # fmt: skip
def test_what_a_tool_sends_is_answered_as_it_is_described(served: Served, name: str, mode: GenerationMode):
    schema = schemathesis.openapi.from_dict(served.get("/api/openapi.json").json, config=FITTING)
    method, path = name.split()
    operation = schema[path][method]

    @bounded(20 if method == "POST" else 8)
    @given(case=operation.as_strategy(generation_mode=mode))
    def sent(case: Case) -> None:
        ask(served, case, Authorization=f"Bearer {served.token}")

    sent()


def test_all_that_is_served_is_described_to_a_person_and_to_a_tool_what_it_may_ask_for(served: Served):
    class Nobody:
        requests = None

    files = {file.path for file in statics().values()}
    routes = routes_of(Nobody(), None)  # type: ignore[arg-type]
    all_of_it = Visitor(served).log_in().get("/api/openapi.json").json
    there = {(route.path, method.lower()) for route in routes for method in route.methods or () if method != "HEAD"}
    described = {(path, method) for path, found in all_of_it["paths"].items() for method in found}
    assert described == {one for one in there if one[0] not in files}
    assert served.desk.json("api", "describe")["paths"] == all_of_it["paths"]
    files, plain = all_of_it["paths"]["/try"]["post"], all_of_it["paths"]["/policies"]["post"]
    assert [*files["requestBody"]["content"]] == ["application/x-www-form-urlencoded", "multipart/form-data"]
    assert [*plain["requestBody"]["content"]] == ["application/x-www-form-urlencoded"]
    assert "text/html" in files["responses"]["413"]["content"]
    login = all_of_it["paths"]["/login"]["post"]  # whoever has no session has none of its tokens
    asked = [one["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"] for one in (plain, login)]
    assert [one["required"] for one in asked] == [["csrf"], []]
    told = served.get("/api/openapi.json").json
    assert [*told["paths"]] == ["/actions", "/actions/{id}", "/actions/{id}/receipt", "/d/{link}", "/api/openapi.json"]
    choices = told["components"]["schemas"]["Submission"]["oneOf"]
    assert [one["title"] for one in choices] == ["files.write", "mail.send"]
    assert set(told["components"]["schemas"]["File"]["properties"]) == {"name", "content", "media", "sha256"}
    assert served.send("GET", "/api/openapi.json", Authorization=None).status == 401


@pytest.mark.long
def test_no_page_of_the_console_breaks_whatever_its_path_and_form_are_sent(served: Served):
    visitor = Visitor(served).log_in()
    csrf, cookie = visitor.csrf(), visitor.cookie
    schema = schemathesis.openapi.from_dict(visitor.get("/api/openapi.json").json)
    held = (schemathesis.checks.not_a_server_error, schemathesis.checks.status_code_conformance)
    for operation in [found.ok() for found in schema.get_all_operations()]:
        if ELSEWHERE.match(operation.path):
            continue

        @bounded(5)
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def sent(case: Case) -> None:
            if isinstance(case.body, dict):
                case.body["csrf"] = csrf
            ask(served, case, held, Cookie=cookie, Origin=f"http://{served.host}")

        sent()
    assert visitor.get("/").status == 200
