"""Compare tricorn with other servers: `python -m benchmarks` from the repository root."""
