"""Where the heavy steps are worked out: in this process by DuckDB, or by Spark."""
