"""Spark as an engine: it reads the log's files itself, and hands results over as Parquet."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
from pyarrow import parquet

from control_plane.collect.duck import literal
from control_plane.collect.engine.duck import schema_of
from control_plane.collect.engine.java import find_java
from control_plane.errors import InputError, WorkError
from control_plane.settings import Spark

#: Spark has no unsigned integers; it reads those of Parquet files as this.
_UNSIGNED = dt.Decimal(20, 0)

_CONFIG = {
    "spark.app.name": "frontshelf",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
}

#: On one machine nobody else connects, and 200 parts of a shuffle are more trouble than help.
_LOCAL_CONFIG = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "16",
}

_REACH_SECONDS = 5.0


class SparkEngine:
    """A Spark session beside the log's connection, which stays for what is small.

    `files` are those of the event log, `scratch` a folder of this run; the cluster must see both.
    """

    visits = "acts"

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        session: Any,
        files: Sequence[Path],
        scratch: Path,
    ) -> None:
        self.connection = connection
        self._session, self._files, self._scratch = session, files, scratch
        self._backend = ibis.pyspark.connect(session)
        self._schemas: dict[str, ibis.Schema] = {}

    def table(self, name: str) -> ir.Table:
        """Return a table of Spark's; one that it has not yet is copied from the connection."""
        if name not in self._schemas:
            schema = schema_of(self.connection, name)
            if name == "events":
                self._read(name, self._files, schema)
            else:
                file = self._scratch / f"{name}.parquet"
                self.connection.execute(f"COPY {name} TO {literal(str(file))} (FORMAT parquet)")
                self._read(name, [file], schema)
        return ibis.table(self._schemas[name], name=name)

    def keep(self, name: str, expression: ir.Table) -> None:
        """Let Spark write the rows, for itself and for the connection."""
        folder = self._scratch / name
        query = self._backend.compile(expression)
        with _told(f"Working out {name!r}"):
            self._session.sql(query).write.mode("overwrite").parquet(str(folder))
        self._read(name, [folder], expression.schema())
        rows = f"read_parquet({literal(f'{folder}/*.parquet')})"
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {rows}")

    show = keep

    def lend(self, name: str, rows: pa.Table) -> None:
        """Write the rows where Spark reads them."""
        file = self._scratch / f"{name}.parquet"
        parquet.write_table(rows, file)
        self._read(name, [file], ibis.Schema.from_pyarrow(rows.schema))

    def _read(self, name: str, files: Sequence[Path], schema: ibis.Schema) -> None:
        with _told(f"Reading {name!r}"):
            rows = self._session.read.parquet(*(str(file) for file in files))
            rows.createOrReplaceTempView(name)
        columns = {key: _UNSIGNED if kind.is_uint64() else kind for key, kind in schema.items()}
        self._schemas[name] = ibis.schema(columns)


@contextmanager
def open_spark(
    settings: Spark, connection: duckdb.DuckDBPyConnection, files: Sequence[Path], data: Path
) -> Iterator[SparkEngine]:
    """Start or join Spark for one training; its scratch files stand in `data` until then.

    Raises InputError when pyspark is not installed, WorkError without Java or a reachable master.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError(
            f"Spark is not installed here ({error})",
            field="train.engine",
            remedy="Install it (pip install 'frontshelf[spark]'), or set train.engine to "
            "'embedded' or 'duckdb'.",
        ) from error
    os.environ["JAVA_HOME"] = str(find_java(os.environ))
    _check_master(settings.master)
    local = settings.master.startswith("local")
    builder = SparkSession.builder.master(settings.master)
    for key, value in {**_CONFIG, **(_LOCAL_CONFIG if local else {}), **settings.config}.items():
        builder = builder.config(key, value)
    with tempfile.TemporaryDirectory(prefix="spark-", dir=data) as scratch:
        with _told(f"Starting Spark at {settings.master!r}"):
            session = builder.getOrCreate()
        try:
            yield SparkEngine(connection, session, files, Path(scratch))
        finally:
            session.stop()


def _check_master(master: str) -> None:
    """Raise WorkError when nobody listens at spark://host:port; Spark itself tries for minutes."""
    for place in master.removeprefix("spark://").split(",") if "://" in master else ():
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _REACH_SECONDS).close()
        except (OSError, ValueError) as error:
            problem = error
        else:
            return
    if master.startswith("spark://"):
        raise WorkError(
            f"No Spark master answers at {master} (spark.master): {problem}. Start it, or set "
            "spark.master to 'local[*]'."
        )


@contextmanager
def _told(work: str) -> Iterator[None]:
    """Raise WorkError in place of what Spark or the way to it raises."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException, ConnectionError) as error:
        # Java's own exception says more than that a call of Java failed.
        reason = str(getattr(error, "java_exception", error)).strip().splitlines()[0]
        raise WorkError(
            f"{work} failed: {reason}. Look at Spark's own log; where memory ran out "
            "raise spark.driver.memory or spark.executor.memory in [spark.config]."
        ) from error
