"""Imports what tasks need, once, in the process that forks them.

LocalExecutor's and Celery's workers fork a process for each task; what it imports, the next one
imports again. Where ``airflow_local_settings.py`` imports this module, they find it imported. No
other module imports it: DAG files and Airflow's other processes do without.
"""

# ruff: noqa: F401

from __future__ import annotations

import airflow.providers.amazon.aws.hooks.s3
import boto3
import pandas
import psycopg
import requests

import learning_warehouse.warehouse.loading
from learning_warehouse.s3 import client_of

# Reads boto's descriptions, and connects to nothing.
client_of(boto3.Session(), region_name="us-east-1")
