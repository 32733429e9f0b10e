"""Echo360: its reporting API, the protocol by which reports are requested, and the wait for them.

Knows the vendor, the ledger and the landing zone; knows no other vendor and no DAG.
"""
