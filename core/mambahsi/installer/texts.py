"""What the installer says in words that do not change: its steps, and the causes of failures.

The engine says them in English. The plugin loads this one file by its path and says them in the
user's language, because whoever installs has seen nothing else of the engine yet; a cause
crosses the process boundary as the error's code, ``install-CAUSE``. ``make translate`` reads the
literals that are marked here. Standard library alone, and Python 3.9.
"""

from __future__ import annotations


def mark(text: str) -> str:
    """The text as it is; the call tells that it is to be translated."""
    return text


PREPARING = mark("Preparing the folder")
REMOVING = mark("Removing what an earlier attempt left")
CREATING = mark("Creating the environment")
FETCHING_PIP = mark("Fetching pip")
INSTALLING_TORCH = mark("Installing PyTorch")
INSTALLING_PACKAGES = mark("Installing packages")
VERIFYING = mark("Verifying the engine")
BUILDING = mark("Building mamba-ssm")

CHOSEN = mark("as chosen")
NO_CUDA = mark("this system has no CUDA")
NO_DRIVER = mark("no driver of an NVIDIA graphics card was found")

CAUSES: dict[str, tuple[str, str]] = {
    "space": (
        mark("The disk is full."),
        mark("Free some space and install again; what was downloaded is kept."),
    ),
    "socks": (
        mark("The proxy is a SOCKS proxy, which pip cannot use by itself."),
        mark(
            "Choose an HTTP proxy under Settings ▸ Options ▸ Network in QGIS, or install from a "
            "folder of wheels."
        ),
    ),
    "path": (
        mark("Paths in the engine's folder are longer than this system allows."),
        mark(
            "On Windows, have an administrator enable long paths (“Enable Win32 long paths” of "
            "the group policies) and install again. What was downloaded is kept."
        ),
    ),
    "proxy": (
        mark("The proxy refused the connection."),
        mark(
            "Check the proxy under Settings ▸ Options ▸ Network in QGIS: its address, user and "
            "password."
        ),
    ),
    "tls": (
        mark("The server's certificate is not trusted."),
        mark(
            "Where a company's proxy replaces certificates, add its certificate under Settings ▸ "
            "Options ▸ Authentication ▸ Manage Certificates in QGIS. A wrong clock of the "
            "computer has the same effect."
        ),
    ),
    "network": (
        mark("The package index cannot be reached."),
        mark(
            "Check the network connection, and the proxy under Settings ▸ Options ▸ Network in "
            "QGIS, then install again; what was downloaded is kept. Without a network, install "
            "from a folder of wheels."
        ),
    ),
    "hash": (
        mark("A package is not the one that the plugin was tested with: its digest differs."),
        mark(
            "Install again. If that does not help, the package index changes its files; choose "
            "another one in the settings, and report it."
        ),
    ),
    "login": (
        mark("The package index refuses access."),
        mark(
            "Where it asks for a user and a password, write them into the file .netrc of your "
            "home folder (machine HOST login USER password PASSWORD) and install again. Else ask "
            "whoever runs the index."
        ),
    ),
    "index": (
        mark("The package index answers with an error."),
        mark("Check the address of the package index in the settings; empty takes pip's own."),
    ),
    "platform": (
        mark("There is no ready-made package for this computer and its Python."),
        mark(
            "Needed are a 64-bit Python 3.10 to 3.13 on Windows, on Linux (x86-64 or ARM), or on "
            "macOS 14 or later with an Apple processor. Name another Python in the settings, or "
            "complete the folder of wheels."
        ),
    ),
    "permission": (
        mark("The folder cannot be written."),
        mark(
            "Make the folder writable, close other programs that use it (a running QGIS or "
            "engine, a virus scanner), and install again."
        ),
    ),
    "memory": (
        mark("The memory ran out."),
        mark("Close other programs and install again."),
    ),
    "pip": (
        mark("Python comes without pip, and none can be fetched without a network."),
        mark(
            "Put the wheel of pip that is named below into the folder of wheels. Or, on Debian "
            "and Ubuntu: sudo apt install python3-venv. Or name another Python."
        ),
    ),
    "busy": (
        mark("Another installation of the engine is running, in another QGIS perhaps."),
        mark("Wait until it is done. One that was killed ends by itself within a minute."),
    ),
    "verify": (
        mark("The new engine does not work."),
        mark(
            "The log holds the whole report. A virus scanner that blocks files, or missing "
            "system libraries, have this effect."
        ),
    ),
    "wheels": (
        mark("The folder of wheels does not exist."),
        mark("Choose another one."),
    ),
    "python": (
        mark("This Python is too old or too new."),
        mark("The engine needs Python 3.10 to 3.13."),
    ),
    "driver": (
        mark("There is no build of PyTorch with CUDA for this system."),
        mark("Choose the build for the processor."),
    ),
    "folder": (
        mark("The folder is there already, and holds something else than an engine."),
        mark("Name a folder that does not exist yet."),
    ),
    "build": (
        mark("The kernels of mamba-ssm could not be built."),
        mark("The engine works without them. The log tells what the compilers said."),
    ),
    "other": (
        mark("The installation failed."),
        mark("The log holds the details."),
    ),
}
"""By the name of a cause: what happened, and what to do."""

NO_KERNELS: dict[str, str] = {
    "system": mark("they are built on Linux alone"),
    "variant": mark("the engine has PyTorch's build for the processor"),
    "nvcc": mark("CUDA's compiler nvcc was not found (CUDA_HOME, PATH, /usr/local/cuda)"),
    "compiler": mark("a C++ compiler was not found"),
    "cuda": mark("nvcc is not of the CUDA that PyTorch is built for"),
    "card": mark("no NVIDIA graphics card of compute capability 7.5 or later was found"),
    "headers": mark("Python's headers are missing (on Debian and Ubuntu: python3-dev)"),
}
"""Why the kernels of mamba-ssm cannot be built, by name."""
