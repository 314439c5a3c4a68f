"""A pip for an environment that has none.

Python's ``venv`` can bring pip along, but some Linux distributions keep pip in a package of its
own, and without that package ``venv`` makes environments without pip. A wheel of pip runs as it
is, straight from the file, so any copy on the computer will do: the one inside Python, the
distribution's, one in the user's folder of wheels, or the base Python's own pip. Where there is
none, one known wheel is fetched, from the index that pip itself would ask: the user's, else PyPI.
Of pip's settings ``trusted-host`` and ``client-cert`` do not count for this one file: who needs
them brings a pip. pip itself does not stay in the environment.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import netrc
import os
import ssl
import sys
import sysconfig
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mambahsi.installer import texts
from mambahsi.installer.causes import InstallError, failure, from_system
from mambahsi.installer.commands import without_passwords
from mambahsi.installer.requirements import PYPI

WHEEL = "pip-26.3-py3-none-any.whl"
# pragma: allowlist nextline secret
DIGEST = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
_TIMEOUT = 30.0

_OLDEST_GUEST = (22, 3)
"""First pip that works on another environment than its own (option ``--python``)."""


def find_pip(
    python: Path, folder: Path, wheels: str, settings: Mapping[str, str] | None = None
) -> list[str]:
    """The beginning of a command that runs pip on an environment.

    Args:
        python: The environment's Python.
        folder: Where a wheel may be kept.
        wheels: The user's folder of wheels, or empty.
        settings: The user's own settings of pip (:func:`mambahsi.installer.pip_settings.read`).

    Raises:
        InstallError: There is no pip anywhere, and none can be fetched.
    """
    for place in (*([Path(wheels)] if wheels else []), *_bundled()):
        found = sorted(place.glob("pip-*.whl"), key=_of_wheel)
        if found:
            return [str(python), str(found[-1] / "pip")]
    if own_pip():
        return [sys.executable, "-m", "pip", "--python", str(python)]
    known = settings or {}
    if not wheels and known.get("no-index", "").lower() not in ("1", "true", "yes", "on"):
        return [str(python), str(_download(known.get("index-url", PYPI), folder, known) / "pip")]
    raise InstallError(
        "pip",
        f"{sys.executable} comes without pip, and without venv's copy of it: {WHEEL} is needed.",
        f"Put {WHEEL} into the folder of wheels. Or, on Debian and Ubuntu: sudo apt install "
        "python3-venv. Or name another Python.",
    )


def own_pip(path: Sequence[str] | None = None) -> bool:
    """Whether this Python has a pip that works on another environment.

    Args:
        path: Folders to look in; None takes this Python's.
    """
    found = metadata.distributions(name="pip", path=list(sys.path if path is None else path))
    return any(_version(pip.version) >= _OLDEST_GUEST for pip in found)


def _bundled() -> Iterator[Path]:
    if find_spec("ensurepip") is not None:
        import ensurepip

        yield Path(ensurepip.__file__).parent / "_bundled"
    distribution = sysconfig.get_config_var("WHEEL_PKG_DIR")
    if distribution:
        yield Path(distribution)


def _of_wheel(path: Path) -> tuple[int, ...]:
    return _version(path.name.split("-")[1])


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


class _Links(HTMLParser):
    """Addresses of a simple index's page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [
            value for name, value in attributes if tag == "a" and name == "href" and value
        ]


def _download(index: str, folder: Path, settings: Mapping[str, str]) -> Path:
    """Fetch the known wheel of pip from a simple index (the HTML that every index has)."""
    page = f"{index.rstrip('/')}/pip/"
    target = folder / WHEEL
    if target.is_file() and _digest(target.read_bytes()) == DIGEST:
        return target
    try:
        links = _Links()
        links.feed(_fetch(page, index, settings).decode("utf-8", "replace"))
        wanted = (link for link in links.found if link.partition("#")[0].endswith("/" + WHEEL))
        address = next(wanted, None)
        if address is None:
            raise InstallError(
                "index",
                f"The package index {without_passwords(index)} has no {WHEEL}.",
                "Check its address in the settings, or have this file added to it. On Debian and "
                "Ubuntu, sudo apt install python3-venv makes it unnecessary.",
            )
        file = urllib.parse.urljoin(page, address.partition("#")[0])
        content = _fetch(file, index, settings)
    except FileNotFoundError as error:
        raise from_system(texts.FETCHING_PIP, error) from error
    except (urllib.error.URLError, OSError, ValueError, http.client.HTTPException) as error:
        raise _not_fetched(error) from error
    if _digest(content) != DIGEST:
        raise failure(texts.FETCHING_PIP, "THESE PACKAGES DO NOT MATCH THE HASHES")
    try:
        partial = target.with_suffix(".part")
        partial.write_bytes(content)
        partial.replace(target)
    except OSError as error:
        raise from_system(texts.FETCHING_PIP, error) from error
    return target


def _not_fetched(error: Exception) -> InstallError:
    """Told like any other trouble with the network, with the one more way out that there is."""
    told = failure(texts.FETCHING_PIP, without_passwords(f"HTTPError {error}"))
    cause = told.code.partition("-")[2]
    way_out = "On Debian and Ubuntu, sudo apt install python3-venv brings a pip, too."
    return InstallError(cause, told.message, f"{told.hint} {way_out}")


def _fetch(address: str, index: str, settings: Mapping[str, str]) -> bytes:
    """The content of an address; the index's user and password go to its own host alone.

    And the way that the index itself is asked: a page that is encrypted may link to what is not.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("https", "http", "file"):
        # Not the address itself, in which a password cannot be told from the rest.
        raise ValueError("Invalid URL: an address begins with https://, http:// or file://")
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(
        parts._replace(netloc=host).geturl(), headers={"Accept": "text/html, */*"}
    )
    user = _user(urllib.parse.urlsplit(index)) if _origin(address) == _origin(index) else ""
    if user:
        # Not passed on where the host sends the request elsewhere.
        request.add_unredirected_header(
            "Authorization", f"Basic {base64.b64encode(user.encode()).decode()}"
        )
    proxy = settings.get("proxy") or urllib.request.getproxies().get(parts.scheme, "")
    if proxy.startswith("socks") and not urllib.request.proxy_bypass(host):
        # urllib would take it for a proxy of the usual kind.
        raise ValueError("Missing dependencies for SOCKS support")
    handlers: list[urllib.request.BaseHandler] = []
    if settings.get("proxy"):
        handlers.append(
            urllib.request.ProxyHandler(dict.fromkeys(("http", "https"), settings["proxy"]))
        )
    if settings.get("cert"):
        Path(settings["cert"]).stat()  # its error names the file, unlike the one of ssl
        context = ssl.create_default_context(cafile=settings["cert"])
        handlers.append(urllib.request.HTTPSHandler(context=context))
    # The scheme is checked here, and the content by its digest.
    with urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT) as answer:
        content: bytes = answer.read()
    return content


def _origin(address: str) -> tuple[str, str]:
    """Scheme, and host with its port."""
    parts = urllib.parse.urlsplit(address)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _user(index: urllib.parse.SplitResult) -> str:
    """User and password of an index: of its address, else of netrc, as for pip."""
    if index.username:
        return urllib.parse.unquote(f"{index.username}:{index.password or ''}")
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        found = netrc.netrc(os.environ.get("NETRC") or None).authenticators(index.hostname or "")
        if found:
            return f"{found[0]}:{found[2]}"
    return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
