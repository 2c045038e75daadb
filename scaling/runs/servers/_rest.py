"""JSON from a server over HTTP: verified, bounded, never redirected, and no secret in a message."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from scaling.errors import InputError, shorten

# Silence of a server, and all of one answer, in seconds.
SILENCE, LONGEST = 60.0, 600.0
# A page of 25,000 metrics of MLflow 3.17 is 2.5 MB; names may be 250 characters.
LARGEST = 64 * 1024**2
_BLOCK = 1024**2
# Answers of a server that is busy or restarts, and the seconds to wait before each further try.
_BUSY, _WAITS = (429, 502, 503, 504), (1.0, 3.0)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a token goes to the server that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Rest:
    """A server's REST API.

    Attributes:
        address: the server's address, without a slash at its end.
        remarks: what is to be said of the connection.
    """

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        parts = _parts(address)
        self.address = address.rstrip("/")
        self.remarks: list[str] = []
        self._headers = {"Accept": "application/json", **headers}
        if headers and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            self.remarks.append(f"the token goes to {parts.netloc} unencrypted (http, not https)")
        secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._opener = urllib.request.build_opener(secure, _NoRedirect)

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The JSON object at a path. Raises InputError."""
        return self._json(f"{self.address}/{path}?{urlencode(query)}", None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that answers another. Raises InputError."""
        return self._json(f"{self.address}/{path}", json.dumps(body).encode())

    def _json(self, url: str, body: bytes | None) -> dict[str, Any]:
        try:
            found = json.loads(self._tried(url, body))
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            raise _no_json(url, str(error)) from None
        if not isinstance(found, dict):
            raise _no_json(url, shorten(found, 80))
        return found

    def _tried(self, url: str, body: bytes | None) -> bytes:
        for wait in (*_WAITS, None):
            try:
                return self._body(url, body)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in _BUSY or wait is None:
                        self._refused(error, url)
            except (OSError, http.client.HTTPException) as error:
                if wait is None or not isinstance(error, ConnectionResetError):
                    raise _unreachable(error, url) from None
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _body(self, url: str, body: bytes | None) -> bytes:
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        request = urllib.request.Request(url, body, headers)  # noqa: S310 (checked: http, https)
        until, data = time.monotonic() + LONGEST, bytearray()
        with self._opener.open(request, timeout=SILENCE) as answer:
            while block := answer.read1(_BLOCK):
                data += block
                if len(data) > LARGEST:
                    allowed = f"<= {LARGEST} bytes"
                    raise InputError("too long an answer", file=url, allowed=allowed)
                if time.monotonic() > until:
                    raise TimeoutError(f"no whole answer within {LONGEST:g} s")
        return bytes(data)

    def _refused(self, error: urllib.error.HTTPError, url: str) -> NoReturn:
        if 300 <= error.code < 400:
            place = error.headers.get("Location", "nowhere")
            hint = "Nothing is sent there. Give the address that answers by itself."
            raise InputError(f"redirected to {shorten(place)}", file=url, hint=hint) from None
        if error.code in (401, 403):
            hint = f"{'The credentials' if self._has_token else 'No credentials'} were sent."
            raise InputError(
                "the server refuses access",
                file=url,
                value=f"status {error.code}",
                allowed="status 200",
                hint=f"{hint} {CREDENTIALS}",
            ) from None
        problem = self._without_token(_message(error))
        value = f"status {error.code} {error.reason}"
        raise Refused(problem, file=url, value=value, allowed="status 200") from None

    @property
    def _has_token(self) -> bool:
        return "Authorization" in self._headers

    def _without_token(self, text: str) -> str:
        token = self._headers.get("Authorization", "").partition(" ")[2]
        return text.replace(token, "***") if token else text


class Refused(InputError):
    """What the server says to a request that it understands and does not answer."""


CREDENTIALS = (
    "Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, in the "
    "environment."
)


def authorization(environment: Mapping[str, str]) -> dict[str, str]:
    """The header that MLflow's own client would send: a name with a password before a token.

    Raises:
        InputError: a value that no header can hold; the message does not have it.
    """
    name, password, token = (
        environment.get(f"MLFLOW_TRACKING_{one}", "").strip()
        for one in ("USERNAME", "PASSWORD", "TOKEN")
    )
    if name and password:
        coded = base64.b64encode(f"{name}:{password}".encode()).decode()
        return {"Authorization": f"Basic {coded}"}
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()):
        allowed = "printable ASCII"
        raise InputError("MLFLOW_TRACKING_TOKEN has characters of no token", allowed=allowed)
    return {"Authorization": f"Bearer {token}"}


def _parts(address: str) -> Any:
    """The parts of a server's address.

    Raises:
        InputError: not an address, or one with a password, which would stand in messages.
    """
    allowed = "http://HOST[:PORT][/PATH] or https://..."
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise InputError("not an address", value=address, allowed=allowed) from None
    if "@" in parts.netloc:
        raise InputError("an address with credentials", allowed=allowed, hint=CREDENTIALS)
    odd = not address.isascii() or not address.isprintable() or " " in address or port == 0
    if parts.scheme not in ("http", "https") or not parts.hostname or odd:
        raise InputError("not an address", value=address, allowed=allowed)
    if parts.query or parts.fragment:
        raise InputError("an address with a query", value=address, allowed=allowed)
    return parts


def _unreachable(error: Exception, url: str) -> InputError:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return InputError(f"no answer in time ({SILENCE:g} s of silence)", file=url)
    if isinstance(reason, ssl.SSLError):
        hint = "Certificates are always verified; SSL_CERT_FILE names those of an own authority."
        return InputError(f"the connection is not secure: {reason}", file=url, hint=hint)
    return InputError(f"no answer: {shorten(str(reason), 200)}", file=url)


def _no_json(url: str, why: str) -> InputError:
    hint = "Is this the address of the server's API, and not of a page to log in?"
    return InputError("not an answer in JSON", file=url, value=why, allowed="an object", hint=hint)


def _message(error: urllib.error.HTTPError) -> str:
    """The server's own words, where it has some."""
    try:
        said = json.loads(error.read(_BLOCK))
        return f"the server says: {shorten(said['error_code'], 80)}, {shorten(said['message'])}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError, http.client.HTTPException):
        return "the server does not answer this"
