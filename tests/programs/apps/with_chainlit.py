import chainlit


@chainlit.on_message
async def answer(message):
    await chainlit.Message(content=f"you said {message.content}").send()
