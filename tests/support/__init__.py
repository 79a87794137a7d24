"""What tests share: a server process, a raw client, waiting, tools."""
