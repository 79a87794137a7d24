"""Each page of docs/deployment, run with the real programs."""
