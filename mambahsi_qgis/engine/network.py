"""QGIS's own network settings, for pip: proxy, package index, certificates.

They reach pip through its environment, never through a file or a command line, where others
could read a password. An index's own user and password are not QGIS's to keep: its settings, and
Processing's history, are files of plain text. pip finds them where people keep them for pip.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from qgis.core import QgsApplication, QgsNetworkAccessManager, QgsSettings
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkProxyFactory, QNetworkProxyQuery

from mambahsi_qgis.translation import tr

INDEX_SETTING = "mambahsi/package_index"
"""Address of a package index that replaces pip's own; never with user and password."""

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def index_problem(address: str) -> str:
    """Why an address must not be kept, or an empty text."""
    if not re.match(r"\s*(?:[\w+.-]+://)?[^/\s]*@", address):
        return ""
    return tr(
        "The address of the package index holds a user or a password, which QGIS would keep "
        "readable in its settings and its history. Leave them out. pip finds them in the file "
        ".netrc of your home folder (machine HOST login USER password PASSWORD)."
    )


def index_setting() -> str:
    """The index that is set among QGIS's options, or an empty text."""
    return str(QgsSettings().value(INDEX_SETTING, "") or "").strip()


def surroundings(folder: Path, index: str = "") -> dict[str, str]:
    """Variables that make pip use QGIS's network settings. Call in the main thread.

    Args:
        folder: Where a file of certificates may be written; removed with it.
        index: Package index; empty takes the setting, and where that is empty, too, pip's own.
    """
    found: dict[str, str] = {}
    proxy = _proxy()
    if proxy:
        found.update(dict.fromkeys(_PROXIES, proxy))
        spared = _without_proxy()
        if spared:
            found.update(dict.fromkeys(("NO_PROXY", "no_proxy"), spared))
    index = index.strip() or index_setting()
    if index:
        found["PIP_INDEX_URL"] = index
    certificates = _certificates(folder)
    if certificates:
        found.update(dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE"), str(certificates)))
    return found


def _proxy() -> str:
    """The proxy of QGIS's settings as an address, empty where there is none."""
    if not QgsSettings().value("proxy/proxyEnabled", False, type=bool):
        return ""
    proxy = QgsNetworkAccessManager.instance().fallbackProxy()
    kinds = QNetworkProxy.ProxyType
    if proxy.type() == kinds.DefaultProxy:
        # The system's own; any address outside will do for asking.
        query = QNetworkProxyQuery(QUrl("https://download.pytorch.org"))
        proxy = QNetworkProxyFactory.systemProxyForQuery(query)[0]
    if proxy.type() == kinds.NoProxy or not proxy.hostName():
        return ""
    scheme = "socks5h" if proxy.type() == kinds.Socks5Proxy else "http"
    user = ""
    if proxy.user():
        user = f"{quote(proxy.user(), safe='')}:{quote(proxy.password(), safe='')}@"
    return f"{scheme}://{user}{proxy.hostName()}:{proxy.port()}"


def _without_proxy() -> str:
    """The hosts that QGIS asks without the proxy."""
    manager = QgsNetworkAccessManager.instance()
    addresses = [*manager.excludeList(), *manager.noProxyList()]
    return ",".join(QUrl(address).host() or address for address in addresses if address)


def _certificates(folder: Path) -> str:
    """A file of the trusted certificates, if the user added any to QGIS's."""
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not manager.databaseCAs():
        return ""
    path = folder / "certificates.pem"
    path.write_bytes(bytes(manager.trustedCaCertsPemText()))
    return str(path)
