"""Adds to the wheel the one file that pyproject.toml has no place for."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPath(build_py):
    """Also copies what Python reads as it starts."""

    def run(self) -> None:
        super().run()
        self.copy_file("tricorn_uvicorn.pth", str(Path(self.build_lib, "tricorn_uvicorn.pth")))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [
            *super().get_outputs(include_bytecode),
            str(Path(self.build_lib, "tricorn_uvicorn.pth")),
        ]


setup(cmdclass={"build_py": BuildWithPath})
