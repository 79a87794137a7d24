"""The two versions of a leaf, `x.py` and `x.pyx`: one test class is run on both."""

import importlib.util
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType


def is_compiled(module: ModuleType) -> bool:
    return str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES))


def interpreted(module: ModuleType) -> ModuleType:
    """The Python source of the module, which its compiled version would hide."""
    name = module.__name__.rpartition(".")[2]
    place = Path(str(module.__file__)).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"tricorn_{name}_interpreted", place)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def versions(module: ModuleType) -> dict[str, ModuleType]:
    """Each version that there is, by its speed."""
    found = {"interpreted": interpreted(module)}
    return found | ({"compiled": module} if is_compiled(module) else {})
