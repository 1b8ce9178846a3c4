"""Headless Chromium over its DevTools pipe, with nothing but the standard library.

Sees what a page logs and asks the network for, and takes pictures of it. As a script it takes one:
``python tests/e2e/browser.py report.html picture.png [--width 390] [--top 1400] [--dark]``.
"""

import argparse
import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Self

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
# DevTools speaks on descriptors 3 and 4. A launcher puts them there: a function between fork and
# exec is unsafe with threads about.
_LAUNCHER = (
    "import os,sys;r,w,*args=sys.argv[1:];"
    "os.dup2(int(r),3);os.dup2(int(w),4);os.execv(args[0],args)"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the browser, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """One browser with a profile of its own, gone at the end of the block."""

    def __init__(self, path: str, *, timeout_s: float = 60) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._next = 0
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Above 4, so that putting one in its place does not close the other.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]
        os.close(theirs_in)
        os.close(theirs_out)
        args = [self._path, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, *map(str, high), *args],
            pass_fds=high,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for fd in high:
            os.close(fd)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._out)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._in)
        self._profile.cleanup()

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Ask for something and return the answer; what is told meanwhile goes to `events`."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + self._timeout_s
        while True:
            answer = self._read(end)
            if answer is None:
                raise TimeoutError(f"{method}: no answer within {self._timeout_s} s")
            if answer.get("id") == self._next:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method: str) -> None:
        """Wait until something was told."""
        end = time.monotonic() + self._timeout_s
        while not any(event.get("method") == method for event in self.events):
            event = self._read(end)
            if event is None:
                raise TimeoutError(f"{method}: not told within {self._timeout_s} s")
            self.events.append(event)

    def settle(self, seconds: float) -> None:
        """Take in what is told for a while."""
        end = time.monotonic() + seconds
        while (event := self._read(end)) is not None:
            self.events.append(event)

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> "Page":
        """Open a page in a view of this size."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", session, **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", session, features=[scheme])
        self.events.clear()
        self.call("Page.navigate", session, url=url)
        self.wait("Page.loadEventFired")
        return Page(self, session)

    def _read(self, end: float) -> dict[str, Any] | None:
        while b"\0" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                return None
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise RuntimeError(f"{self._path} went away")
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


class Page:
    """One open page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session

    def run(self, script: str) -> Any:
        """Return the value of a script."""
        answer = self.browser.call(
            "Runtime.evaluate",
            self.session,
            expression=script,
            returnByValue=True,
            awaitPromise=True,
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def move(self, x: float, y: float) -> None:
        """Put the pointer somewhere in the view."""
        self.browser.call("Input.dispatchMouseEvent", self.session, type="mouseMoved", x=x, y=y)

    def picture(self, *, whole: bool = True, clip: dict[str, float] | None = None) -> bytes:
        """Return a PNG of the view or of the whole page."""
        more: dict[str, Any] = {"captureBeyondViewport": whole}
        if whole:
            size = self.browser.call("Page.getLayoutMetrics", self.session)["cssContentSize"]
            more["clip"] = {
                "x": 0,
                "y": 0,
                "width": size["width"],
                "height": size["height"],
                "scale": 1,
            }
        if clip:
            more["clip"] = clip
        data = self.browser.call("Page.captureScreenshot", self.session, format="png", **more)[
            "data"
        ]
        return base64.b64decode(data)

    def errors(self) -> list[str]:
        """Return what the page complained about."""
        out = []
        for event in self.browser.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                out.append(str(params["exceptionDetails"].get("text")))
            elif method == "Runtime.consoleAPICalled" and params["type"] in (
                "error",
                "warning",
                "assert",
            ):
                out.append(str(params["args"]))
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                out.append(params["entry"]["text"])
        return out

    def requests(self) -> list[str]:
        """Return every address that was asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.browser.events
            if event.get("method") == "Network.requestWillBeSent"
        ]


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Return width, height and each pixel's bytes of an 8-bit PNG without interlace."""
    at, data, width, height, channels = 8, b"", 0, 0, 0
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
            channels = {2: 3, 6: 4}[body[9]]
        elif kind == b"IDAT":
            data += body
        at += size + 12
    raw, stride, out = zlib.decompress(data), width * channels, []
    before = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, before, channels)
        out += [bytes(line[i : i + channels]) for i in range(0, stride, channels)]
        before = line
    return width, height, out


def _unfilter(kind: int, line: bytearray, before: bytearray, channels: int) -> None:
    for i in range(len(line)):
        left = line[i - channels] if i >= channels else 0
        up = before[i]
        corner = before[i - channels] if i >= channels else 0
        if kind == 1:
            add = left
        elif kind == 2:
            add = up
        elif kind == 3:
            add = (left + up) // 2
        elif kind == 4:
            add = min((left, up, corner), key=lambda v: abs(left + up - corner - v))
        else:
            return
        line[i] = (line[i] + add) & 255


def main() -> None:
    """Take a picture of a page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--top", type=int, help="pixels from the top; the whole page when absent")
    args = parser.parse_args()
    path = find()
    if path is None:
        sys.exit("needs chromium")
    with Browser(path) as browser:
        page = browser.open(args.page.resolve().as_uri(), width=args.width, dark=args.dark)
        clip = (
            {"x": 0, "y": 0, "width": args.width, "height": args.top, "scale": 1}
            if args.top
            else None
        )
        args.picture.write_bytes(page.picture(clip=clip))
        for error in page.errors():
            print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
