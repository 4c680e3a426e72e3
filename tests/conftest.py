"""No test is timed; where nobody is watching the same examples are drawn every time, and nothing may be left out."""

import os

from hypothesis import settings

settings.register_profile("everyday", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everyday")


def pytest_sessionfinish(session):
    """Fail where tests were skipped although the machine was said to bring everything that they need."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("ECOZONES_NOTHING_SKIPPED"):
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped:
        reporter.write_line("")
        for report in skipped:
            reporter.write_line(f"not run, though everything was said to be here: {report.nodeid}", red=True)
        session.exitstatus = 1
