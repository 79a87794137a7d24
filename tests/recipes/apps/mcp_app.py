"""The Model Context Protocol over streamable HTTP: POSTs answered by event streams."""

from mcp.server import MCPServer

server = MCPServer("tricorn")


@server.tool()
async def add(a: int, b: int) -> int:
    return a + b


app = server.streamable_http_app()
