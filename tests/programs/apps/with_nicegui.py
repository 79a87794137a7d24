import sys

from nicegui import ui

VERSION = "one"


@ui.page("/")
def page():
    clicked = []

    def click():
        clicked.append(1)
        label.text = f"clicked {len(clicked)}"

    ui.button("Click", on_click=click)
    label = ui.label("not clicked")
    ui.label(f"version {VERSION}")


if __name__ in {"__main__", "__mp_main__"}:
    ui.run(host="127.0.0.1", port=int(sys.argv[1]), show=False, reload=sys.argv[2] == "reload")
