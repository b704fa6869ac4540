"""A run as pages on this machine: what was decided, every transcript, page by page. It reads, and changes nothing.

Each page asks the sealed files for the rows it shows, so memory does not grow with the run. What is shown is hostile:
every value is escaped after its hidden characters were made visible, and no script may run at all. A request that names
another host is refused, so that a page elsewhere cannot read a run through the reader's own browser.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import fiducial.report
from fiducial.api.history import told
from fiducial.kernel.errors import StoreError, UsageError
from fiducial.kernel.records import STATUSES, Response, levels
from fiducial.kernel.roles import Exchange
from fiducial.report.text import interval, number, one_line, percent, requirement, visible
from fiducial.store.run import Run
from fiducial.store.sound import sealed
from fiducial.store.spool import database, decode_row, read_rows
from fiducial.store.stages import FACTOR, JUDGEMENTS, RESPONSES, TRIALS

ROWS = 50
"""Trials on a page."""

MEMORY = 256 << 20
"""Bytes that DuckDB may hold for a page."""

LONGEST = 200_000
"""Characters of one text that a page shows."""

MOST_LEVELS = 200
"""Levels of a factor that the filter offers."""

READINGS = {
    "low": "j.value < 0.5",
    "high": "j.value >= 0.5",
    "unknown": "j.value IS NULL AND j.fault IS NULL",
    "fault": "j.fault IS NOT NULL",
}
"""What a judge may have made of a trial's unit, as the filter names it, and its condition."""

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Choices:
    """What the filter offers: the subjects, benchmarks, cells (``factor=level``) and aspects that there are."""

    subjects: tuple[str, ...]
    benchmarks: tuple[str, ...]
    cells: tuple[str, ...]
    aspects: tuple[str, ...]


@dataclass(frozen=True)
class Filter:
    """Which trials are listed; an empty field lets all pass. `judged` is a name of `READINGS`, `aspect` what was judged."""

    subject: str = ""
    benchmark: str = ""
    cell: str = ""
    status: str = ""
    judged: str = ""
    aspect: str = ""
    page: int = 1

    @classmethod
    def of(cls, asked: Mapping[str, str], choices: Choices) -> Filter:
        """The filter of a request; a value that is not on offer is refused with `web.HTTPBadRequest`."""
        offered = {
            "subject": choices.subjects, "benchmark": choices.benchmarks, "cell": choices.cells, "status": STATUSES,
            "judged": tuple(READINGS), "aspect": choices.aspects,
        }  # fmt: skip
        chosen = {name: asked.get(name, "") for name in offered}
        for name, value in chosen.items():
            if value and value not in offered[name]:
                raise web.HTTPBadRequest(text=f"{name}: a value that the filter offers, got {one_line(value, 80)!r}")
        page = asked.get("page", "1")
        if not page.isdigit() or not 1 <= int(page) <= 1_000_000_000:
            raise web.HTTPBadRequest(text=f"page: a number from 1, got {one_line(page, 40)!r}")
        return cls(**chosen, page=int(page))

    def query(self, page: int) -> str:
        """The same list at another page, as the end of an address."""
        fields = {name: value for name, value in vars(self).items() if value and name != "page"}
        return urlencode({**fields, "page": page})

    def conditions(self) -> tuple[str, list[Any]]:
        """The filter as SQL over responses `r` and trials `t`, with its values."""
        found: list[str] = []
        values: list[Any] = []
        for column, value in (("r.subject", self.subject), ("t.benchmark", self.benchmark), ("r.status", self.status)):
            if value:
                found.append(f"{column} = ?")
                values.append(value)
        if self.cell:
            factor, _, level = self.cell.partition("=")
            column = (FACTOR + factor).replace('"', '""')
            found.append(f't."{column}" = ?')
            values.append(level)
        if self.judged or self.aspect:
            read = [READINGS[self.judged]] if self.judged else []
            if self.aspect:
                read.append("j.aspect = ?")
                values.append(self.aspect)
            found.append(f"EXISTS (FROM judgements j WHERE j.unit = t.unit AND j.subject = r.subject AND {' AND '.join(read)})")
        return " AND ".join(found) or "true", values


@dataclass
class Pages:
    """What the pages of one revision of a run hold."""

    run: Run
    revision: Path
    files: dict[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        here = self.run.path
        self.files = {"trials": here / "trials.parquet", "responses": here / "responses.parquet"}
        self.files["judgements"] = self.revision / "judgements.parquet"
        for file in self.files.values():
            if not file.is_file():
                raise StoreError(f"{file}: there is no such stage; it was not sealed yet, or it was deleted")
        self.history = told(self.run, sealed(self.run, self.revision))
        self.decisions, self.estimates = self.run.decisions(self.revision), self.run.estimates(self.revision)
        with self._open() as sql:
            query = (
                "SELECT r.subject, t.benchmark, r.status, count(*) FROM responses r JOIN trials t USING (ordinal) GROUP BY ALL ORDER BY ALL"
            )
            self.statuses: list[tuple[str, str, str, int]] = sql.execute(query).fetchall()
            self.choices = Choices(
                subjects=tuple(subject["id"] for subject in self.run.plan.subjects),
                benchmarks=tuple(row[0] for row in sql.execute("SELECT DISTINCT benchmark FROM trials ORDER BY 1").fetchall()),
                cells=tuple(self._cells(sql)),
                aspects=tuple(row[0] for row in sql.execute("SELECT DISTINCT aspect FROM judgements ORDER BY 1").fetchall()),
            )

    def _cells(self, sql: duckdb.DuckDBPyConnection) -> Iterator[str]:
        for (column,) in sql.execute("SELECT column_name FROM (DESCRIBE trials) WHERE starts_with(column_name, ?)", [FACTOR]).fetchall():
            name = column.replace('"', '""')
            query = f'SELECT DISTINCT "{name}" FROM trials WHERE "{name}" IS NOT NULL ORDER BY 1 LIMIT {MOST_LEVELS}'  # noqa: S608 - a column of the plan, quoted
            yield from (f"{column.removeprefix(FACTOR)}={level}" for (level,) in sql.execute(query).fetchall())

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The stages as views; what does not fit is spilled outside the run, which is not to be written."""
        with database(Path(tempfile.gettempdir()) / "fiducial-view", MEMORY) as sql:
            for name, file in self.files.items():
                sql.read_parquet(str(file)).create_view(name)
            yield sql

    def index(self) -> dict[str, Any]:
        """The first page: decisions, estimates, and how the trials ended."""
        return {
            "decisions": self.decisions,
            "estimates": self.estimates,
            "statuses": self.statuses,
            "plan": self.run.plan,
            "history": self.history,
        }

    def trials(self, wanted: Filter) -> dict[str, Any]:
        """One page of trials in plan order, and whether there are more."""
        where, values = wanted.conditions()
        # The rows of the page are found by narrow columns first, so that texts are read for fifty trials only.
        query = f"""
            WITH page AS (SELECT r.ordinal, r.subject FROM responses r JOIN trials t USING (ordinal) WHERE {where}
                          ORDER BY r.ordinal, r.subject LIMIT {ROWS + 1} OFFSET ?)
            SELECT t.unit, t.part, r.subject, r.status, left(r.answer, 400) AS answer FROM page
            JOIN responses r USING (ordinal, subject) JOIN trials t USING (ordinal) ORDER BY r.ordinal, r.subject"""  # noqa: S608 - conditions of ours
        with self._open() as sql:
            rows = sql.execute(query, [*values, (wanted.page - 1) * ROWS]).fetchall()
            found: list[dict[str, Any]] = [dict(zip(("unit", "part", "subject", "status", "answer"), row, strict=True)) for row in rows]
            units = sorted({row["unit"] for row in found})
            query = "SELECT unit, subject, aspect, value, label, fault FROM judgements WHERE unit IN (SELECT unnest(?)) ORDER BY ordinal"
            readings: dict[tuple[str, str], list[Any]] = {}
            for unit, subject, *reading in sql.execute(query, [units]).fetchall():
                readings.setdefault((unit, subject), []).append(reading)
        for row in found:
            row["readings"] = readings.get((row["unit"], row["subject"]), [])
        return {"rows": found[:ROWS], "more": len(found) > ROWS, "filter": wanted, "choices": self.choices, "readings": READINGS}

    def unit(self, name: str, subject: str) -> dict[str, Any] | None:
        """One unit of one subject: its dialogues and what the judges made of them; `None` where there is none."""
        rows = read_rows(TRIALS, self.files["trials"], "WHERE unit = ?", (name,))
        trials = [decode_row(TRIALS, self.files["trials"], n, row) for n, row in enumerate(rows)]
        keys = [trial.key for trial in trials]
        rows = read_rows(RESPONSES, self.files["responses"], "WHERE subject = ? AND trial IN (SELECT unnest(?))", (subject, keys))
        answers: dict[str, Response] = {}
        for n, row in enumerate(rows):
            response = decode_row(RESPONSES, self.files["responses"], n, row)
            answers[response.trial] = response
        if not answers:
            return None
        rows = read_rows(JUDGEMENTS, self.files["judgements"], "WHERE unit = ? AND subject = ?", (name, subject))
        judgements = [decode_row(JUDGEMENTS, self.files["judgements"], n, row) for n, row in enumerate(rows)]
        exchanges = [Exchange(trial, answers[trial.key]) for trial in trials if trial.key in answers]
        return {"unit": name, "subject": subject, "trial": trials[0], "exchanges": exchanges, "judgements": judgements}


def view_app(run: Run, revision: int | None = None, *, hosts: frozenset[str] | None = LOCAL) -> web.Application:
    """The application that shows a run; requests that name another host than `hosts` are refused (`None`: none is)."""
    pages = Pages(run, run.revision(revision))
    css = (Path(fiducial.report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    templates, policy = _environment(css), _policy(css)

    async def page(name: str, make: Callable[[], Mapping[str, Any] | None]) -> web.Response:
        found = await asyncio.to_thread(make)
        if found is None:
            raise web.HTTPNotFound(text="there is no such unit with an answer of this subject")
        text = await asyncio.to_thread(
            templates.get_template(f"{name}.html").render, folder=run.path.name, revision=pages.revision.name, **found
        )
        return web.Response(text=text, content_type="text/html")

    async def index(_: web.Request) -> web.Response:
        return await page("index", pages.index)

    async def trials(request: web.Request) -> web.Response:
        wanted = Filter.of(request.query, pages.choices)
        return await page("trials", lambda: pages.trials(wanted))

    async def unit(request: web.Request) -> web.Response:
        name, subject = request.query.get("name", ""), request.query.get("subject", "")
        return await page("unit", lambda: pages.unit(name, subject))

    @web.middleware
    async def guard(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        if hosts is not None and (request.url.host or "") not in hosts:
            raise web.HTTPMisdirectedRequest(text="this server is read under its own address only")
        return await handler(request)

    async def protect(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(policy)

    app = web.Application(middlewares=[guard])
    app.on_response_prepare.append(protect)
    app.router.add_get("/", index)
    app.router.add_get("/trials", trials)
    app.router.add_get("/unit", unit)
    return app


def _policy(css: str) -> dict[str, str]:
    style = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": rules, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
    }  # fmt: skip


def _environment(css: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"), autoescape=True, undefined=StrictUndefined,
        finalize=_finalize, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"number": number, "interval": interval, "percent": percent, "requirement": requirement, "line": one_line}
    environment.globals |= {"css": Markup(css), "levels": levels, "link": _link, "cut": _cut}  # noqa: S704 - our own file
    return environment


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _link(unit: str, subject: str) -> str:
    return "/unit?" + urlencode({"name": unit, "subject": subject})


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… [{len(text) - LONGEST} more characters are in the run directory]"


@asynccontextmanager
async def viewing(run: Run, host: str = "127.0.0.1", port: int = 0, revision: int | None = None) -> AsyncIterator[str]:
    """Serve a run while the block runs; gives the address. Port 0 takes a free one.

    Raises `UsageError` where the address cannot be listened on, `StoreError` where the run has nothing sealed to show.
    """
    runner = web.AppRunner(view_app(run, revision, hosts=LOCAL if host in LOCAL else None), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise UsageError(f"view: {host}:{port} cannot be listened on: {error.strerror or error}") from None
        yield f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
