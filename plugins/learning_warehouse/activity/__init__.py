"""Learning activity over all sources: tables that are computed from the warehouse's own.

Knows the warehouse's tables of all sources as SQL; knows no vendor's code.
"""
