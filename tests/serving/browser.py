"""A page in a real browser, and what steps in it see."""

import html
import json
import re
import shutil
import subprocess

import pytest
from fastapi.responses import HTMLResponse, Response

from tests.commands import PATIENCE_S
from tests.serving.conftest import app_of
from tests.serving.live import serving

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: rendering of the two pages is left out"),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # A container has 64 MB of it, less than a page may take.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=60000",
    "--dump-dom",
)

HARNESS = """
const frame = document.querySelector("iframe"), page = () => frame.contentDocument;
const $ = (id) => page().getElementById(id), all = (query) => [...page().querySelectorAll(query)];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
async function until(what, holds) {
  for (let n = 0; n < 600; n++) { const found = holds(); if (found) return found; await pause(50); }
  throw new Error(`never: ${what}; ${page().body.textContent.slice(0, 1000)}`);
}
(async () => {
  await until("ready", () => page()?.body?.dataset.ready);
  const view = frame.contentWindow, seen = {};
  STEPS
  return seen;
})().catch((error) => ({ failed: String(error) })).then((seen) => {
  const told = document.createElement("pre");
  told.id = "seen"; told.textContent = JSON.stringify(seen); document.body.append(told);
});
"""


def render(address, folder):
    """The page's tree once its scripts have run, and what the browser complained of."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", address]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)
    complaints = [
        line for line in done.stderr.decode(errors="replace").splitlines()
        if ":CONSOLE" in line and ("rror" in line or "Refused" in line or "violates" in line)
    ]  # fmt: skip
    return done.stdout.decode(), complaints


def drive(county, address, steps, folder, width=1200, height=4000, failing=None):
    """What steps in a page saw, and what the browser complained of.

    `failing` says of a path whether the request for it fails.
    """
    app = app_of(county)
    if failing is not None:

        @app.middleware("http")
        async def fail(request, call_next):
            return Response("down", 503) if failing(request.url.path) else await call_next(request)

    @app.get("/drive")
    def frame() -> HTMLResponse:
        return HTMLResponse(
            f'<iframe src="{address}" width="{width}" height="{height}"></iframe><script src="/drive.js"></script>'
        )

    @app.get("/drive.js")
    def script() -> Response:
        return Response(HARNESS.replace("STEPS", steps), media_type="text/javascript")

    with serving(app) as opened:
        tree, complaints = render(f"{opened.base_url}/drive", folder)
    seen = json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', tree, re.DOTALL)[1]))
    assert "failed" not in seen, seen
    return seen, complaints
