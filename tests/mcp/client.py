"""Uses tools over the Model Context Protocol, by its official client library, as it is told line by line.

    client.py http URL TOKEN MODE
    client.py stdio FRONTDESK URL TOKEN MODE

MODE is auto, or legacy for the versions that begin with a handshake. Every line that comes in is a request in JSON: {"list": true} or
{"call": NAME, "arguments": {...}}; one line of JSON is written for each, and one at the beginning.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


def say(value):
    print(json.dumps(value), flush=True)


async def answer(client, request):
    if "list" in request:
        listed = await client.list_tools()
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]
    try:
        result = await client.call_tool(request["call"], request["arguments"])
    except MCPError as error:
        return {"refused": error.error.message, "code": error.error.code}
    except RuntimeError as error:
        # The library checks structured answers against the schema that the tool promises.
        return {"broken": str(error)}
    return {
        "error": result.is_error,
        "text": "".join(block.text for block in result.content),
        "structured": result.structured_content,
    }


async def serve(client):
    say({"version": client.protocol_version, "instructions": client.instructions})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        say(await answer(client, json.loads(line)))


async def main():
    transport, *rest = sys.argv[1:]
    if transport == "http":
        url, token, mode = rest
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                await serve(client)
    else:
        program, url, token, mode = rest
        environment = {"FRONTDESK_TOKEN": token}
        bridge = StdioServerParameters(command=program, args=["mcp", "--url", url], env=environment)
        async with Client(bridge, mode=mode) as client:
            await serve(client)


asyncio.run(main())
