"""The data plane: the routes that stand between clients and models.

Owns: HTTP in and out, authentication of clients, limits, streaming, what is told to clients when something fails.
Does not own: what content is (`llm`), what is found in it (`detect`), what is done about it (`guard`).
To add one: a route is a file with a class that has `async def __call__(request, answer)`, entered in `app.py`.
"""
