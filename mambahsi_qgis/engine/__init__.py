"""The way to the engine: find its Python, hand layers and a job to it, follow what it tells."""
