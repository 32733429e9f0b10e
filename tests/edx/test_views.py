"""The families of events as tables, and that no value makes a query fail."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.edx.test_edx_staging import load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
