"""The page in Airflow's UI: what the warehouse has of each day, and how to load what it has not.

Reads the ledger and the registries of the sources, and writes nothing. No source and no step of a
DAG knows of it.
"""
