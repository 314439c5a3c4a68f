"""Drawing training polygons on the canvas: by hand, and by growing a region from a pixel."""
