"""The page in Airflow's UI that shows who learned what, week by week.

Reads the schema ``activity`` and what labs cost, and writes nothing.
"""
