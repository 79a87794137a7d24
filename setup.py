"""Compiles tricorn's hot modules, where that is possible.

Everything else about the build is in pyproject.toml. A module is hot when a
sidecar ``x.pxd`` lies beside ``x.py`` (the ``.py`` is compiled), or when there is
an ``x.pyx`` (it is compiled, and shadows an ``x.py`` beside it at import).

``TRICORN_COMPILE`` in the environment: ``0`` installs the interpreted package,
``1`` makes a failed compile an error, unset compiles if it can.
"""

import os
import platform
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path("src")
DIRECTIVES = {
    "language_level": 3,
    # The .py's annotations are for people and mypy; the .pxd alone types the C.
    "annotation_typing": False,
    "binding": True,
}
LEVEL = os.environ.get("TRICORN_OPTIMIZE", "3")  # 0 for tests of what was compiled, not of speed
OPTIMIZE = [] if sys.platform == "win32" else [f"-O{LEVEL}", "-g0"]


def wish() -> str:
    """What TRICORN_COMPILE asks for: "no", "must" or "try"."""
    value = os.environ.get("TRICORN_COMPILE", "")
    if value not in ("", "0", "1"):
        raise SystemExit(f"TRICORN_COMPILE is {value!r}: use 0, 1 or leave it unset")
    if value:
        return "must" if value == "1" else "no"
    # PyPy's own compiler beats Cython through its C-API emulation.
    return "no" if platform.python_implementation() == "PyPy" else "try"


# These call Linux's epoll directly. Elsewhere the loop's own transports are used.
LINUX_ONLY = {f"tricorn/net/{name}" for name in ("sysio", "send_queue", "hub", "hub_transport")}


def hot_sources() -> list[Path]:
    compiled = sorted(SOURCE.rglob("*.pyx"))
    sidecars = (path.with_suffix(".py") for path in sorted(SOURCE.rglob("*.pxd")))
    hot = compiled + [
        path for path in sidecars if path.exists() and not path.with_suffix(".pyx").exists()
    ]
    if sys.platform == "linux":
        return hot
    return [p for p in hot if p.relative_to(SOURCE).with_suffix("").as_posix() not in LINUX_ONLY]


def extension(source: Path) -> Extension:
    name = ".".join(source.relative_to(SOURCE).with_suffix("").parts)
    return Extension(name, [source.as_posix()], extra_compile_args=OPTIMIZE)


class BuildHot(build_ext):
    """Builds all hot modules or none: compiled ones share C types with each other."""

    def run(self) -> None:
        if self.editable_mode:  # an editable install runs the source as it stands
            self.extensions = []
            return
        try:
            super().run()
        except Exception as error:
            if wish() == "must":
                raise
            self.fall_back(error)
        self.remove_stale()

    def build_extensions(self) -> None:
        self.translate()
        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()

    def translate(self) -> None:
        """Turns the sources into C, under build/ and not beside them."""
        import Cython
        from Cython.Build import cythonize

        translated = cythonize(
            [Extension(ext.name, ext.sources) for ext in self.extensions],
            build_dir=f"build/cython-{Cython.__version__}",
            compiler_directives=DIRECTIVES,
            include_path=[str(SOURCE)],
        )
        by_name = {ext.name: ext for ext in translated}
        for ext in self.extensions:
            ext.sources = by_name[ext.name].sources
            ext.depends = by_name[ext.name].depends

    def fall_back(self, error: Exception) -> None:
        self.extensions = []
        lines = (
            "WARNING: tricorn could not be compiled; the interpreted package is installed.",
            "It behaves the same and needs about twice the CPU. Cause:",
            f"  {type(error).__name__}: {error}",
            "To compile it, install a C compiler and Python's headers (Debian: gcc python3-dev).",
        )
        print("*" * 80, *lines, "*" * 80, sep="\n", file=sys.stderr)

    def remove_stale(self) -> None:
        """Compiled modules that an earlier build left, and this one did not make."""
        suffix = ".pyd" if sys.platform == "win32" else ".so"
        wanted = {Path(path).resolve() for path in self.get_outputs()}
        for path in Path(self.build_lib).rglob(f"*{suffix}"):
            if path.resolve() not in wanted:
                path.unlink()


setup(
    ext_modules=[] if wish() == "no" else [extension(source) for source in hot_sources()],
    cmdclass={"build_ext": BuildHot},
)
