"""A page with the client of events in a real browser, and the other end in the hands of the test. No site runs."""

from typing import Any

from playwright.sync_api import Browser, Page, Route

from tests.browser import open_page
from tests.live import ROOT

URL = "http://client.test"
PAGE = '<!doctype html><script type="module" src="/fakes.js"></script>'
FAKES = ROOT / "tests" / "live_client"
STATIC = ROOT / "events" / "static"


class Tab:
    """Time stands still in it, unless `wait` moves it; `Math.random` gives its limit."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = open_page(browser, URL)
        self.page.clock.install(time=0)
        self.page.add_init_script("Math.random = () => 1")
        self.page.add_init_script(path=FAKES / "sockets.js")
        self.page.route(f"{URL}/**", self.serve)
        self.page.goto("/")
        self.page.wait_for_function("window.isLoaded")
        self.page.clock.pause_at(1000)

    def serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(URL)
        if path == "/":
            route.fulfill(body=PAGE, content_type="text/html")
        else:
            file = FAKES / "fakes.js" if path == "/fakes.js" else STATIC / path[8:]
            route.fulfill(path=file, content_type="text/javascript")

    def begin(self, **options: Any) -> None:
        """Start a client; `refetches=True` gives it a way to load its state."""
        self.page.evaluate("options => begin(options)", options)
        self.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.page.clock.run_for(round(seconds * 1000))
        self.settle()

    def settle(self) -> None:
        """Until what was promised in the page is kept: a message to oneself comes after that."""
        self.page.evaluate(
            """async () => { for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => {
                const { port1, port2 } = new MessageChannel();
                port1.onmessage = done;
                port2.postMessage(0);
            }); }"""
        )

    # --- The other end -----------------------------------------------------------------------------------------------
    def sockets(self) -> int:
        """How many were tried."""
        return int(self.page.evaluate("sockets.length"))

    def streams(self) -> list[dict[str, Any]]:
        """Address and headers of every stream that was asked for."""
        return list(self.page.evaluate("streams.map(({url, headers, isClosed}) => ({url, headers, isClosed}))"))

    def open(self) -> list[dict[str, Any]]:
        """Open the newest socket; what the client says first."""
        self.page.evaluate("sockets.at(-1).open()")
        return self.said()

    def said(self) -> list[dict[str, Any]]:
        """What the client has said on the newest socket since it was last asked."""
        return list(self.page.evaluate("sockets.at(-1).sent.splice(0)"))

    def say(self, *frames: dict[str, Any]) -> None:
        self.page.evaluate("frames => sockets.at(-1).say(...frames)", list(frames))
        self.settle()

    def end(self, code: int = 1006) -> None:
        self.page.evaluate("code => sockets.at(-1).end(code)", code)
        self.settle()

    def stream(self, call: str, *values: Any) -> None:
        """Call a method of the newest stream."""
        self.page.evaluate("([call, values]) => streams.at(-1)[call](...values)", [call, list(values)])
        self.settle()

    def happen(self, event: str, on: str = "window") -> None:
        """An event of the browser's."""
        self.page.evaluate(f"{on}.dispatchEvent(new Event({event!r}))")
        self.settle()

    # --- What became of it -------------------------------------------------------------------------------------------
    def log(self, kind: str) -> list[dict[str, Any]]:
        """What the client has told the page, of one kind."""
        return list(self.page.evaluate("kind => log.filter(({type}) => type === kind)", kind))

    def ids(self) -> list[int]:
        return [event["id"] for event in self.log("event")]

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.page.evaluate("client.state"))

    def refetches(self) -> list[list[dict[str, Any]]]:
        """What each load of the state was needed for."""
        return list(self.page.evaluate("refetches.map(({needs}) => needs)"))

    def loaded(self, *, ok: bool = True) -> None:
        """The newest load of the state has ended."""
        self.page.evaluate("ok => (ok ? refetches.at(-1).resolve() : refetches.at(-1).reject(new Error('no')))", ok)
        self.settle()
