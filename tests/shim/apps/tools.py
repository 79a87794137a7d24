"""An MCP server, which starts Uvicorn by itself."""

from mcp.server import MCPServer

server = MCPServer("tools")


@server.tool()
def double(number: int) -> int:
    return 2 * number


if __name__ == "__main__":
    server.run("streamable-http", port=0)
