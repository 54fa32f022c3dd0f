"""A worker that knows the board only through the protocol's Python client: from show to complete."""

import asyncio
import json
import os

from mcp import ClientSession, StdioServerParameters, stdio_client

TOOLS = ["show", "complete", "block", "ask", "heartbeat", "comment", "create", "link"]


def said(result):
    return json.loads(result.content[0].text)


async def work() -> None:
    task = os.environ["KANBAN_TASK"]
    # The client passes on next to nothing of its environment, so the server is told what it needs.
    names = ["KANBAN_TASK", "KANBAN_RUN", "KANBAN_TOKEN_FILE"]
    server = StdioServerParameters(
        command="kanban",
        args=["mcp", "--socket", os.environ["KANBAN_SOCKET"]],
        env={name: os.environ[name] for name in names},
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        hello = await session.initialize()
        assert "You are a Kanban worker" in hello.instructions, hello
        tools = (await session.list_tools()).tools
        assert [tool.name for tool in tools] == [f"kanban_{verb}" for verb in TOOLS], tools

        async def call(verb, **arguments):
            result = await session.call_tool(f"kanban_{verb}", arguments)
            assert not result.is_error, result
            return said(result)

        shown = await call("show")
        assert shown["task"]["id"] == task and "Write the page" in shown["worker_context"], shown
        await call("heartbeat", note="half of it")
        await call("comment", task_id=task, body="found it")
        child = await call("create", title="Review", assignee="held", parents=[task])
        assert child["status"] == "todo", child
        refused = await session.call_tool("kanban_show", {"task_id": "t_00000000"})
        assert refused.is_error and "no such task" in said(refused)["error"], refused
        done = await call(
            "complete", summary="By the Python client", metadata={"changed_files": ["page.html"]}
        )
        assert done["task_id"] == task, done


asyncio.run(work())
