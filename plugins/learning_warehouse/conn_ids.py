"""What the Airflow connections are called, unless an operator is given another id.

Knows names; reads no connection.
"""

WAREHOUSE_CONN_ID = "learning_warehouse"
READER_CONN_ID = "learning_warehouse_reader"
LANDING_CONN_ID = "landing_zone"
VOCAREUM_CONN_ID = "vocareum"
ECHO360_CONN_ID = "echo360"
EDX_CONN_ID = "edx_tracking_logs"
GPG_CONN_ID = "edx_gpg"
STEWARDSHIP_CONN_ID = "stewardship_key"
