"""What the pages in Airflow's UI share: who may see what, few connections, the frame, the styles.

Reads the warehouse and writes nothing. No source knows of it; a page is a room of its own.
"""
