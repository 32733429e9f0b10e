"""edX tracking logs: tars of log files on S3, a JSON object a line, into ``edx.event``.

Knows the vendor, the ledger and the landing zone; knows no other vendor and no DAG.
"""
