"""Echo360's reports: its API, the protocol of its requests, and the steps that a DAG is made of.

Knows the warehouse and the landing zone; knows no other vendor.
"""
