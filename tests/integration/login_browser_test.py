#!/usr/bin/python3
"""`syncline auth login` opens Chromium, and a person clicks through the provider's pages.

With SYNCLINE_SCREENSHOTS=FOLDER each page is kept there as a picture.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pathlib
import re
import shutil
import sys
import time
import unittest
import urllib.error
import urllib.request
from typing import Any

from login_case import SKIPPED, LoginCase
from support import WAIT_S

if shutil.which("chromedriver") is None:
    print("skipped: no chromedriver; tools/packages-full.txt lists it")
    sys.exit(SKIPPED)

# https://www.w3.org/TR/webdriver2/#elements
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Window:
    """Of a browser that a driver steers: https://www.w3.org/TR/webdriver2/#endpoints"""

    def __init__(self, driver: str, profile: pathlib.Path) -> None:
        words = [
            "--headless=new", f"--user-data-dir={profile}", "--window-size=900,700", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server",
        ]
        if os.geteuid() == 0:
            words.append("--no-sandbox")  # Chromium's does not work for root
        wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": words}}}
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.session = driver
        self.session = f"{driver}/session/" + self.do("POST", "/session", capabilities=wanted)["sessionId"]

    def do(self, method: str, path: str, **parameters: Any) -> Any:
        body = json.dumps(parameters).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.session + path, body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with self.opener.open(request, timeout=WAIT_S) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def find(self, selector: str) -> str:
        """Waits until the page has it, a moment at a time: a driver does one thing after the other, and the verb's
        browser has to come in between."""
        deadline = time.monotonic() + WAIT_S
        while True:
            found = self.do("POST", "/elements", using="css selector", value=selector)
            if found:
                return str(found[0][ELEMENT])
            if time.monotonic() > deadline:
                raise AssertionError(f"no {selector} at {self.address()}: {self.text()}")

    def type(self, selector: str, text: str) -> None:
        self.do("POST", f"/element/{self.find(selector)}/value", text=text)

    def click(self, selector: str) -> None:
        self.do("POST", f"/element/{self.find(selector)}/click")

    def text(self) -> str:
        return str(self.do("GET", f"/element/{self.find('body')}/text"))

    def address(self) -> str:
        return str(self.do("GET", "/url"))

    def keep_picture(self, name: str) -> None:
        if folder := os.environ.get("SYNCLINE_SCREENSHOTS"):
            picture = base64.b64decode(self.do("GET", "/screenshot"))
            pathlib.Path(folder, name + ".png").write_bytes(picture)


class LoginBrowserTest(LoginCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        driver = await asyncio.create_subprocess_exec(
            "chromedriver", "--port=0", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.addAsyncCleanup(self.end, driver)
        assert driver.stdout is not None
        started = None
        async with asyncio.timeout(WAIT_S):
            while started is None:
                line = await driver.stdout.readline()
                self.assertTrue(line, "chromedriver did not start")
                started = re.search(rb"successfully on port (\d+)", line)
        profile = self.folder / "profile"
        self.window = await asyncio.to_thread(Window, f"http://127.0.0.1:{int(started[1])}", profile)
        self.addAsyncCleanup(asyncio.to_thread, self.window.do, "DELETE", "")
        self.window.do("POST", "/timeouts", implicit=100)
        # What the verb starts as the browser: it brings the address to the window that is open.
        self.browser = self.folder / "browser"
        self.browser.write_text(
            f'#!/bin/sh\nexec curl --silent --noproxy "*" --json "{{\\"url\\": \\"$1\\"}}" {self.window.session}/url\n',
            encoding="utf-8",
        )
        self.browser.chmod(0o700)
        self.configure()
        await self.made("secrets", "init")

    async def log_in(self, last_click: str) -> str:
        """What the last page says, which is the hub's."""
        login = await self.begin(BROWSER=str(self.browser))

        def click_through() -> str:
            window = self.window
            window.type("input[name=login]", "ann")
            window.type("input[name=password]", "any")
            window.keep_picture("1-provider-asks-who")
            window.click("button[type=submit]")
            window.find("input[name=prompt][value=consent]")
            window.keep_picture("2-provider-asks-for-consent")
            window.click(last_click)
            window.find("main")
            self.assertTrue(window.address().startswith(login.back), window.address())
            return window.text()

        said = await asyncio.to_thread(click_through)
        self.ended_login = await login.ended()
        return said

    async def test_a_person_consents(self) -> None:
        said = await self.log_in("button[type=submit]")
        self.window.keep_picture("3-hub-says-authorised")
        self.assertIn("The account is authorised", said)
        self.assertEqual(self.ended_login.code, 0, self.ended_login.err)
        self.assertEqual(await self.names(), ["refresh_token.pangolin"])

    async def test_a_person_refuses(self) -> None:
        said = await self.log_in("a[href$='/abort']")
        self.window.keep_picture("3-hub-says-refused")
        self.assertIn("The login failed", said)
        self.assertIn("access_denied", said)
        self.assertEqual(self.ended_login.code, 2)
        self.assertEqual(await self.names(), [])


if __name__ == "__main__":
    unittest.main()
