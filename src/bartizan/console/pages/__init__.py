"""The shelf of pages.

Owns: one page a file, and beside it the template of the same name; what a page shows is one documented record.
Does not own: routes, log-in and headers (`console/app.py`), or the frame around a page (`console/templates/`).
To add one: copy the neighbour that is most like it; its path is its file's name, and its JSON twin comes by itself.
"""
