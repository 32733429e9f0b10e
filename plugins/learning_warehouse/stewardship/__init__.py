"""Personal data: who is erased on request, from the tables and from the landing zone.

Knows the warehouse and the landing zone; knows no source.
"""
