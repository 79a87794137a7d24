import streamlit

if streamlit.button("Press"):
    streamlit.write("the button: pressed")
else:
    streamlit.write("the button: waits")
