"""A pytest plugin: with CI=true, a test that is skipped is a failure of the run."""

import os

import pytest

skipped: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skipped test; an expected failure is none."""
    if report.skipped and not hasattr(report, "wasxfail"):
        skipped[report.nodeid] = str(report.longrepr)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module that skips itself."""
    if report.skipped:
        skipped[report.nodeid] = str(report.longrepr)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when something was skipped."""
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was skipped."""
    if skipped and os.environ.get("CI") == "true":
        terminalreporter.section("skipped, which CI does not allow", red=True)
        for name, reason in skipped.items():
            terminalreporter.line(f"{name}: {reason}")
