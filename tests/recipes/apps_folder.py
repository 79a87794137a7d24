"""Where the apps of the recipes are."""

from pathlib import Path

APPS = Path(__file__).parent / "apps"
