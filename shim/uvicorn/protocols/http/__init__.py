"""HTTP. Each class is tricorn's one protocol; the options `http` and `ws` choose none."""
