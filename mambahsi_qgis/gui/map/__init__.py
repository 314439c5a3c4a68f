"""The tab “Map”: looking at a map, and finding where the next polygon helps most."""
