"""The MambaHSI network (Li et al. 2024, doi:10.1109/TGRS.2024.3430985).

Parameter names, construction order and arithmetic are those of the published code, so
that its checkpoints load and a seed gives its initial weights. What differs is how pixels
are held: as rows of a table of *valid* pixels beside a :class:`SceneGeometry` that knows
where they lie. A nodata pixel is thus never part of a sequence, a statistic or a mean.
"""

from mambahsi.network.geometry import SceneGeometry
from mambahsi.network.model import MambaHSI

__all__ = ["MambaHSI", "SceneGeometry"]
