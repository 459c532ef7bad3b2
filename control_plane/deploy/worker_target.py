"""What every platform that runs the worker must be able to do: take it, show it, go back."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from control_plane.errors import TableError

#: What a change is about. Of a secret only the name is ever told.
ChangeKind = Literal["code", "runtime", "variable", "secret", "binding", "setting", "route"]
#: What belongs to no version, and changes though a version stays as it is.
OF_NO_VERSION = ("setting", "route")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an upload changes; None where there is none, or where nobody may know."""

    kind: ChangeKind
    name: str
    before: str | None = None
    after: str | None = None


class WorkerFile(msgspec.Struct, frozen=True, kw_only=True):
    """One module of an upload, and its bytes raw and gzipped."""

    name: str
    bytes: int
    gzipped: int


class WorkerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload would do; `gzipped` and `limit` are bytes of the whole.

    `tables` is the format of tables that the worker reads (and the one before it). `version` is
    the version that says the same already, None when one must be uploaded; `share` the percentage
    of visitors that the plan is to give it, `share_now` what it has.
    """

    target: str
    worker: str
    files: tuple[WorkerFile, ...]
    bytes: int
    gzipped: int
    limit: int
    tables: int
    digest: str
    changes: tuple[Change, ...]
    version: str | None
    share: float
    share_now: float

    @property
    def nothing_to_do(self) -> bool:
        """Whether the platform runs just this already, for so many visitors."""
        changed = any(change.kind in OF_NO_VERSION for change in self.changes)
        return self.version is not None and self.share == self.share_now and not changed


class RunningVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that visitors are served by, and the percentage of them.

    `tables` and `digest` are None for a version that Frontshelf did not upload. Times are UTC.
    """

    version: str
    share: float
    uploaded_at: str
    tables: int | None
    digest: str | None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What runs at a platform, the largest share first, and what a rollback would go back to."""

    target: str
    worker: str
    running: tuple[RunningVersion, ...]
    since: str | None
    previous: str | None

    @property
    def tables(self) -> int | None:
        """The newest format of tables that every running version reads, None when unknown."""
        known = [running.tables for running in self.running]
        return min((one for one in known if one is not None), default=None) if all(known) else None


class WorkerTarget(Protocol):
    """A platform that runs the worker.

    Every verb may be repeated. Verbs raise InputError when settings or credentials are wrong,
    PlatformError when the platform refuses or does not answer.
    """

    @property
    def name(self) -> str:
        """The word of `--target`."""

    def plan(self, share: float = 100.0) -> WorkerPlan:
        """Say what an upload for `share` percent of visitors would change; change nothing."""

    def carry_out(self, plan: WorkerPlan) -> WorkerStatus:
        """Do what a plan of this target says; return what runs then."""

    def status(self) -> WorkerStatus:
        """Say what runs."""

    def roll_back(self, *, old_secrets: bool = False) -> WorkerStatus:
        """Give every visitor the version that served all of them before; return what runs then.

        It brings its secrets with it: when others were set since, it is refused unless
        `old_secrets` allows it.
        """


def unknown_tables(status: WorkerStatus, tables: int) -> str | None:
    """Return why it is not known whether what runs reads a format; None when it does.

    Raises TableError when a version that serves visitors is too old for it.
    """
    if not status.running:
        return f"no worker {status.worker} serves at {status.target} yet"
    if status.tables is None:
        return f"the worker {status.worker} at {status.target} was not uploaded by Frontshelf"
    if tables <= status.tables:
        return None
    raise TableError(
        f"tables of format {tables}: the worker {status.worker} that serves at {status.target} "
        f"reads {status.tables} and {status.tables - 1}.\n"
        "  Run 'frontshelf worker upload' first."
    )
