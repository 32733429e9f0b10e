"""Vocareum lab analytics: the API's one-hour credentials, and the bucket's layout.

Knows what Vocareum documents; the warehouse and the landing zone only by their functions.
"""
