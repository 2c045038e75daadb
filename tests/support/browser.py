"""Headless Chromium over its debugging protocol: open a page, note what it does, press keys."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.needs import BROWSER
from tests.support.waiting import HANG, end_of, until

NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Browser:
    """A connection to one page of a running browser; events are kept until the next page."""

    socket: Any
    session: str = ""
    last: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        self.socket.send(
            json.dumps(message | ({"sessionId": self.session} if self.session else {}))
        )
        while (answer := self._next()).get("id") != self.last:
            pass
        assert "error" not in answer, answer
        return answer["result"]  # type: ignore[no-any-return]

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=HANG))
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, page: Path, width: int, height: int, scheme: str) -> None:
        """Load a file at this size and in this colour scheme."""
        self.events.clear()
        mobile = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=media)
        self.call("Page.navigate", url=page.as_uri())
        while not self.seen("Page.loadEventFired"):
            self._next()

    def seen(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every event of this name since the page was opened."""
        return [event["params"] for event in self.events if event["method"] == method]

    def assert_light(self, most: int = 60_000) -> None:
        """The page is one file of below 3 MB whose elements a browser lays out well within 3 s.

        Elements are counted, not seconds: benchmarks/pages.py has those, of a calm machine.
        """
        [address] = self.requests()
        assert Path(unquote(urlsplit(address).path)).stat().st_size < 3e6
        assert self.run("document.querySelectorAll('*').length") < most

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page, awaited."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def picture(self, file: Path) -> None:
        """What is on the screen, as PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def complaints(self) -> list[str]:
        """Errors and exceptions that the page has caused."""
        logged = [one["entry"] for one in self.seen("Log.entryAdded")]
        said = self.seen("Runtime.consoleAPICalled")
        return [
            *(one["text"] for one in logged if one["level"] in ("error", "warning")),
            *(str(one["args"]) for one in said if one["type"] in ("error", "assert")),
            *(str(one["exceptionDetails"]) for one in self.seen("Runtime.exceptionThrown")),
            *(one["message"] for one in self.seen("Page.javascriptDialogOpening")),
        ]

    def requests(self) -> list[str]:
        """Every address that the page asked for."""
        return [one["request"]["url"] for one in self.seen("Network.requestWillBeSent")]


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in ``folder``; skips the test where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        BROWSER.skip(f"a browser ({', '.join(NAMES)})")
    from websockets.sync.client import connect

    flags = ["--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has none for root
    command = [program, *flags, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = _address(folder, process)
        with connect(address, max_size=None, open_timeout=HANG, ping_interval=None) as socket:
            browser = Browser(socket)
            page = browser.call("Target.createTarget", url="about:blank")["targetId"]
            attached = browser.call("Target.attachToTarget", targetId=page, flatten=True)
            browser.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                browser.call(f"{domain}.enable")
            yield browser
    finally:
        process.terminate()
        end_of(process)


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser listens, as it writes into its profile once it does."""
    told = folder / "DevToolsActivePort"

    def found() -> re.Match[str] | None:
        return re.fullmatch(r"(\d+)\n(/\S+)\s*", told.read_text()) if told.is_file() else None

    until(lambda: found() or process.poll() is not None)
    if (at := found()) is None or process.poll() is not None:
        BROWSER.skip("a browser that starts")
    return f"ws://127.0.0.1:{at[1]}{at[2]}"
