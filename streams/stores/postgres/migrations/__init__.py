"""How the tables on PostgreSQL came to be, one revision after the other.

A revision is never changed once it has been released; a change of the tables is one more.
"""
