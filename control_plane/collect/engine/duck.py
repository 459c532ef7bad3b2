"""What an engine does, and DuckDB as one: the log's own connection, memory bounded, no server."""

from __future__ import annotations

from typing import Protocol

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType


class Engine(Protocol):
    """Works out Ibis expressions where the event log is read.

    `connection` has the views of the log, and whatever was shown or kept. `visits` is the name by
    which `table` has what people did (see profiles.people).
    """

    connection: duckdb.DuckDBPyConnection
    visits: str

    def table(self, name: str) -> ir.Table:
        """Return a table of the log (`events`, `items`), or one that was shown, kept or lent."""

    def show(self, name: str, expression: ir.Table) -> None:
        """Let `connection` and `table` have an expression's rows under a name, for one reading."""

    def keep(self, name: str, expression: ir.Table) -> None:
        """Work an expression out now, and let `connection` and `table` have its rows."""

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let `table` have rows that the caller made."""


class DuckEngine:
    """The connection itself; what outgrows its memory limit goes to its files."""

    visits = "visits"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def table(self, name: str) -> ir.Table:
        """Return a table or view of the connection."""
        return ibis.table(schema_of(self.connection, name), name=name)

    def show(self, name: str, expression: ir.Table) -> None:
        """Make a view."""
        query = ibis.to_sql(expression, dialect="duckdb")
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")

    def keep(self, name: str, expression: ir.Table) -> None:
        """Make a table, its rows in any order: to keep an order takes memory."""
        query = ibis.to_sql(expression, dialect="duckdb")
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        self.connection.execute("RESET preserve_insertion_order")

    def lend(self, name: str, rows: pa.Table) -> None:
        """Copy the rows into a table."""
        self.connection.register("lent_rows", rows)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM lent_rows")
        self.connection.unregister("lent_rows")


def schema_of(connection: duckdb.DuckDBPyConnection, name: str) -> ibis.Schema:
    """Return the columns of a table or view of DuckDB."""
    described = connection.execute(f"DESCRIBE {name}").fetchall()
    return ibis.schema({row[0]: DuckDBType.from_string(row[1]) for row in described})
