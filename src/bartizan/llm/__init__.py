"""Speaking to models.

Owns: the codecs of the chat APIs and their streams (`dialects/*`, no I/O), and the one client that opens connections.
Does not own: policy; a codec says what content there is, never what may pass.
To add one: a file in `dialects/` that turns a body into segments and writes changed texts back into it.
"""
