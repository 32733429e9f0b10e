"""The page in Airflow's UI: what the warehouse has of each day, and how to load what it has not.

Reads the ledger and the registries of the sources, and writes nothing. No source knows
of it, and steps know its address alone.
"""
