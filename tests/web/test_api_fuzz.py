"""The OpenAPI document put to the test by schemathesis: whatever it asks, no answer is a fault of ours, and
every answer is one that the document promises. Over real HTTP, with the real engine behind it.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
import schemathesis
import uvicorn
from api_kit import Api, at_an_api
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

# Of each operation; more with KEDGE_FUZZ.
EXAMPLES = int(os.environ.get("KEDGE_FUZZ", "3"))

FOUND_AT_ALL = 40

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
]


def test_whatever_is_asked_the_answer_is_one_of_those_promised() -> None:
    async def run(api: Api) -> None:
        token = await api.token("own", "owner")
        await with_server(api, token)

    at_an_api(run)


def fuzz(address: str, token: str) -> int:
    """Every operation, in a thread: schemathesis speaks `requests`."""
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", headers=headers)
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == "/api/v1/live":
            continue  # never ends
        fuzz_one(operation, headers)
        asked += 1
    return asked


def fuzz_one(operation: Any, headers: dict[str, str]) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        # What is written well may still mean nothing: a bot that is not there, a sum below the smallest.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    ask()


async def with_server(api: Api, token: str) -> None:
    from django.core.asgi import get_asgi_application

    config = uvicorn.Config(get_asgi_application(), port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody when it has
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        assert await asyncio.to_thread(fuzz, f"http://127.0.0.1:{port}", token) >= FOUND_AT_ALL
    finally:
        server.should_exit = True
        await serving
