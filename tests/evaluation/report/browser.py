"""A page in a headless Chromium, without its network; tests skip where no Chromium is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DARK = "--blink-settings=preferredColorScheme=0"
# The window of a headless Chromium has 500 px at least, so the page stands in a frame that has the width; what a script
# measures there is sent to the document around the frame, which is printed.
PROBE = """<script>
window.addEventListener("load", () => setTimeout(() => {
  const found = (() => { %s })();
  parent.postMessage(JSON.stringify(found), "*");
}, 100));
</script></body>"""
FRAME = """<!DOCTYPE html><meta name="color-scheme" content="light dark"><title>frame</title>
<iframe src="%s" width="%d" height="900" style="border: 0; color-scheme: inherit"></iframe>
<pre id="probe"></pre>
<script>addEventListener("message", (told) => { document.getElementById("probe").textContent = told.data; });</script>
"""


def measured(page: Path, script: str, width: int, dark: bool = False) -> tuple[Any, list[str]]:
    """Return what a script of the page returns, and what the console said.

    Parameters
    ----------
    page : HTML file.
    script : JavaScript that ends with ``return``.
    width : of the window [px].
    dark : whether the reader prefers a dark scheme.
    """
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium is installed, which would show the page")
    copy = page.with_name("probed.html")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE % script), encoding="utf-8")
    frame = page.with_name("frame.html")
    frame.write_text(FRAME % (copy.name, width), encoding="utf-8")
    command = [
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-extensions",
        f"--user-data-dir={page.parent / 'browser'}", f"--window-size={width + 40},1000", "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=3000", "--dump-dom",
        *([DARK] if dark else []), frame.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    note = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert note is not None, done.stderr[-2000:]
    assert note[1], done.stderr[-2000:]
    return json.loads(unescape(note[1])), re.findall(r"CONSOLE.*", done.stderr)
