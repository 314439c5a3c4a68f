"""From what pip prints to what a person can do.

pip's last line often tells an effect ("No matching distribution found") where an earlier one
tells the cause (the proxy refused). So the causes are looked for in an order of their own: what
hides behind another comes first.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from mambahsi.errors import MambaHSIError
from mambahsi.installer import texts


class InstallError(MambaHSIError):
    """The environment could not be made. Its code names the cause: ``install-CAUSE``."""

    def __init__(self, cause: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = f"install-{cause}"


@dataclass(frozen=True)
class Cause:
    """One way in which an installation fails.

    Attributes:
        name: Stable name.
        pattern: What betrays it in pip's words, or in those of the system.
    """

    name: str
    pattern: str

    @property
    def message(self) -> str:
        """What happened."""
        return texts.CAUSES[self.name][0]

    @property
    def hint(self) -> str:
        """What to do."""
        return texts.CAUSES[self.name][1]


CAUSES = (
    Cause(
        "space",
        r"No space left on device|Errno 28\b|WinError 112\b|Disk quota exceeded|not enough space",
    ),
    Cause(
        "socks",
        r"Missing dependencies for SOCKS support",
    ),
    Cause(
        "path",
        r"Windows Long Path support|WinError 206\b|file ?name (?:or extension )?is too long|"
        r"Errno 36\b",
    ),
    Cause(
        "proxy",
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|\b407\b|"
        r"Proxy Authentication Required",
    ),
    Cause(
        "tls",
        r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError|certificate verify failed",
    ),
    Cause(
        "network",
        r"NewConnectionError|NameResolutionError|Failed to establish a new connection|"
        r"Temporary failure in name resolution|getaddrinfo failed|Name or service not known|"
        r"Network is unreachable|Connection refused|ConnectTimeout|ReadTimeout|timed out|"
        r"Connection (?:reset|aborted|broken)|IncompleteRead|IncompleteDownload|RemoteDisconnected",
    ),
    Cause(
        "hash",
        r"DO NOT MATCH THE HASHES|Hash(?:es)? (?:mismatch|are required)",
    ),
    Cause(
        "login",
        # Told not to ask, pip says what it would have asked.
        r"\b40[13] (?:Client )?Error|HTTP error 40[13]\b|No input was expected.*User for",
    ),
    Cause(
        "index",
        r"\b404 Client Error|\b5\d\d Server Error|HTTPError|HTTP error (?:4|5)\d\d|"
        r"too many \d+ error responses|Could not fetch URL|not a valid (?:JSON|HTML)|Invalid URL|"
        r"InvalidSchema|MissingSchema|invalid index",
    ),
    Cause(
        "platform",
        r"is not a supported wheel on this platform|No matching distribution found|"
        r"from versions: none|Could not find a version that satisfies|Failed building wheel|"
        r"Failed to build|metadata-generation-failed|Requires-Python",
    ),
    Cause(
        "permission",
        r"Permission denied|Errno 13\b|Errno 30\b|WinError 5\b|Read-only file system|"
        r"Access is denied",
    ),
    Cause(
        "memory",
        r"MemoryError|Cannot allocate memory|Errno 12\b",
    ),
)


def classify(text: str) -> Cause | None:
    """The cause that a failed command's words betray, or None."""
    return next((cause for cause in CAUSES if re.search(cause.pattern, text, re.IGNORECASE)), None)


def failure(step: str, text: str) -> InstallError:
    """The error for a failed command.

    Args:
        step: What was being done, for the message.
        text: What the command printed.
    """
    cause = classify(text)
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    if cause is None:
        return InstallError("other", f"{step} failed. {last}", texts.CAUSES["other"][1])
    return InstallError(cause.name, f"{step} failed. {cause.message} ({last})", cause.hint)


def from_system(step: str, error: OSError) -> InstallError:
    """The error for a call of the system that failed."""
    names = {errno.ENOSPC: "space", errno.EDQUOT: "space"} if hasattr(errno, "EDQUOT") else {}
    names |= {errno.EACCES: "permission", errno.EPERM: "permission", errno.EROFS: "permission"}
    name = names.get(error.errno or 0)
    cause = next((cause for cause in CAUSES if cause.name == name), None) or classify(str(error))
    where = f" {error.filename}" if error.filename else ""
    said = f"{step} failed:{where} {error.strerror or error}."
    if cause is None:
        return InstallError("other", said)
    return InstallError(cause.name, f"{said} {cause.message}", cause.hint)
