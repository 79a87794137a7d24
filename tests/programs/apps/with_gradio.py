import sys

import gradio


def letters(text):
    for end in range(1, len(text) + 1):
        yield text[:end]


demo = gradio.Interface(letters, "text", "text", api_name="letters")
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=False)
