"""What a person does with a page, in Chromium."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.browser import open_browser
from tests.support.wait import wait_for

Steps = Callable[["Page"], None]
PATIENCE = 120.0  # seconds; a program may have to import much before its first page


class Page:
    """A page in a browser."""

    def __init__(self, driver, url: str) -> None:
        self.driver = driver
        driver.get(url)

    def run(self, script: str, *arguments: object):
        return self.driver.execute_script(script, *arguments)

    def shows(self, text: str) -> None:
        """Waits until the page shows the text, in shadow trees as well."""
        wait_for(lambda: text in self.run(ALL_TEXT), PATIENCE, f"a page that shows {text!r}")

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def type(self, selector: str, text: str) -> None:
        self.find(selector).send_keys(text)

    def find(self, selector: str):
        def visible():
            found = self.driver.find_elements("css selector", selector)
            return next((one for one in found if one.is_displayed() and one.is_enabled()), None)

        return wait_for(visible, PATIENCE, selector)


ALL_TEXT = """
const texts = [];
const roots = root => {
  texts.push(root.innerText || root.textContent || "");
  for (const one of root.querySelectorAll("*")) if (one.shadowRoot) roots(one.shadowRoot);
};
roots(document.body);
for (const field of document.querySelectorAll("textarea, input")) texts.push(field.value);
return texts.join("\\n");
"""


def browse(url: str, steps: Steps) -> None:
    """Opens the page in a new browser, and goes through the steps."""
    with tempfile.TemporaryDirectory(prefix="programs-") as profile:
        with open_browser(Path(profile)) as driver:
            steps(Page(driver, url))
