"""Moving from Uvicorn: each line that the page shows, translated and served."""

from tests.deployment.moving import check_pairs, check_served, install

PAGE = "moving-from-uvicorn"


def test_what_the_page_shows_is_what_translate_says():
    check_pairs(PAGE, 2)


def test_each_command_serves(machine):
    check_served(machine, *install(machine, PAGE))
