"""A campaign of faults. Airflow's home is set before anything here imports Airflow."""

from tests import conftest as conftest
