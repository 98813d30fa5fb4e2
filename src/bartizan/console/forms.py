"""Reading what a form sends: small, of the one type that our forms have, and only with the right token."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from bartizan.console.session import same

MAX_FORM_BYTES = 16_384
_MAX_FIELDS = 20
_TYPE = "application/x-www-form-urlencoded"
FIELD = "csrf"
"""The name of the token's field."""


async def read_form(request: Request, *, token: str, most: int = MAX_FORM_BYTES) -> dict[str, str]:
    """Reads a form of at most `most` bytes that must carry `token`.

    Raises:
        HTTPException: 415 for another content type, 413 for a larger body, 400 where it cannot be read, and 403
            where the token is missing or wrong.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, "This address takes a form.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, "The form is too large.")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise HTTPException(400, "The form cannot be read.") from None
    fields = dict(pairs)
    if not same(fields.get(FIELD, ""), token):
        raise HTTPException(403, "The form is stale or did not come from this console. Go back, reload and try again.")
    return fields
