"""What Airflow runs for every source, and what a step tells: alerts, links, lineage, a summary.

Knows deliveries, the landing zone and the warehouse; knows no vendor and no DAG.
"""
