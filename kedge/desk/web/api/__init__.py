"""The REST interface: every deed and every table once, made from their own descriptions.

`routes.py` says what there is, `door.py` lets in and answers, `openapi.py` writes it down. Arguments and
answers are the structs that the rest of Kedge speaks, so a mistake reads the same here as on the command line
and no number passes through a float.
"""
