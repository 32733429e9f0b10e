"""Postgres: migrations, staging, merging, the ledger, rejects.

Knows tables, deliveries and strategies; knows no vendor, no bucket and no DAG.
"""
