import marimo

app = marimo.App()


@app.cell
def _():
    answer = 6 * 7
    f"the answer is {answer}"
    return (answer,)


if __name__ == "__main__":
    app.run()
