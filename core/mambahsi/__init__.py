"""The engine of MambaHSI for QGIS: scenes and labels in, models and land-cover maps out.

The engine never imports ``qgis``, PyQt or ``osgeo``. It runs in an interpreter of its
own, and QGIS talks to it across a process boundary (see :mod:`mambahsi.worker`).
Importing this package is cheap: PyTorch and rasterio are loaded by the modules that
need them.
"""

import os

# Must be known before PyTorch is loaded. Its threads would otherwise spin while they wait for
# work, and take the cores from the kernels' own threads and from every other program.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
