"""From a record to an answer: HTML through a template, or JSON, both from the same value."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlencode

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bartizan import __version__
from bartizan.console import text
from bartizan.console.catalogue import title_of
from bartizan.console.gate import session_or_none, wants_json
from bartizan.console.page import Context, Page
from bartizan.console.shield import HEADERS

FOLDER = Path(__file__).parent
THEME_COOKIE = "bartizan_theme"
THEMES = ("auto", "light", "dark")
_ASSET_TYPES: Mapping[str, str] = MappingProxyType(
    {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
)


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the frame around every page needs: it is `ui` in templates, and no part of the JSON twin."""

    title: str
    current: str
    here: str
    theme: str
    csrf: str
    name: str
    navigation: tuple[tuple[str, Page], ...]
    twin: str
    version: str = __version__


class Renderer:
    """Renders pages; templates escape everything, and a name that is not there is an error."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        listed = sorted(((name, page) for name, page in pages.items() if page.order), key=lambda item: item[1].order)
        self._navigation = tuple(listed)
        self.assets = load_assets()
        self.environment = environment(self.assets)
        self._encoder = msgspec.json.Encoder()

    def html(self, request: Request, name: str, context: Context) -> Response:
        """Returns a page as HTML."""
        page = self._pages[name]
        query = f"?{request.url.query}" if request.url.query else ""
        frame = self.frame(request, page.title, current=page.part_of or name, here=f"{name}{query}")
        values = {field: getattr(context, field) for field in context.__struct_fields__}
        return self.template(f"{name}.html", frame, values)

    def json(self, context: Context) -> Response:
        """Returns a page's JSON twin."""
        return Response(self._encoder.encode(context), media_type="application/json")

    def frame(self, request: Request, title: str, *, current: str = "", here: str = "", csrf: str = "") -> Frame:
        """Returns the frame of a request: with navigation where somebody is logged in."""
        session = session_or_none(request)
        theme = request.cookies.get(THEME_COOKIE, "")
        return Frame(
            title=title,
            current=current,
            here=f"/{here}",
            twin="/{}.json{}{}".format(*here.partition("?")) if here else "",
            theme=theme if theme in THEMES else THEMES[0],
            csrf=session.csrf if session else csrf,
            name=session.name if session else "",
            navigation=self._navigation if session else (),
        )

    def template(self, name: str, frame: Frame, values: Mapping[str, object], *, status: int = 200) -> Response:
        """Returns any template inside the frame."""
        body = self.environment.get_template(name).render({**values, "ui": frame})
        return Response(body.encode("utf-8", "replace"), status_code=status, media_type="text/html")

    def error(self, request: Request, status: int, *, message: str, hint: str = "") -> Response:
        """Returns an error as a page or as JSON, whichever was asked for."""
        if wants_json(request.url.path, request.headers):
            error = {"status": status, "message": message} | ({"hint": hint} if hint else {})
            body = msgspec.json.encode({"error": error})
            return Response(body, status_code=status, media_type="application/json", headers=dict(HEADERS))
        frame = self.frame(request, _titles().get(status, "Something is wrong"))
        values = {"code": status, "message": message, "hint": hint}
        answer = self.template("error.html", frame, values, status=status)
        answer.headers.update(HEADERS)
        return answer


class Asset(msgspec.Struct, frozen=True):
    """A file of the look: its bytes, type, and the hash that makes its address change when it does."""

    body: bytes
    media_type: str
    version: str


def load_assets() -> Mapping[str, Asset]:
    """Reads every file in `static/`, so that no request ever opens a path."""
    found = {}
    for path in sorted((FOLDER / "static").iterdir()):
        if path.suffix in _ASSET_TYPES:
            body = path.read_bytes()
            found[path.name] = Asset(body, _ASSET_TYPES[path.suffix], sha256(body).hexdigest()[:12])
    return MappingProxyType(found)


def environment(assets: Mapping[str, Asset]) -> jinja2.Environment:
    """Returns the template environment: everything is escaped, undefined names raise, and there is no way around it."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER / "pages", FOLDER / "templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": text.number,
        "percent": text.percent,
        "clock": text.clock,
        "ago": text.ago,
        "reveal": text.reveal,
        "visible": text.visible,
        "tag_label": text.tag_label,
        "tag_title": text.tag_title,
        "plugin_title": title_of,
    }
    del made.filters["safe"]
    made.globals |= {
        "link": link,
        "static": lambda name: f"/static/{name}?v={assets[name].version}",
        "themes": THEMES,
    }
    return made


def link(page: str, **filters: object) -> str:
    """Returns the address of a page with these filters; empty ones are left out."""
    given = {name: str(getattr(value, "value", value)) for name, value in filters.items() if value not in {None, ""}}
    return f"/{page}?{urlencode(given, quote_via=quote)}" if given else f"/{page}"


def _titles() -> Mapping[int, str]:
    return {
        400: "That address is not understood",
        403: "Refused",
        404: "There is nothing here",
        405: "That cannot be done here",
        413: "Too large",
        415: "Not a form",
        429: "Too many tries",
        500: "Something broke on our side",
        503: "The ledger cannot be read",
    }
