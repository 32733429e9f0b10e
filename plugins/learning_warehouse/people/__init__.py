"""People and courses: the institution's lists, the accounts of the sources, and who is who.

Knows the warehouse's tables of all sources as SQL; knows no vendor's code.
"""
