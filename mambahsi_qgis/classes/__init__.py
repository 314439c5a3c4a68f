"""The classes of a training layer: what they are, where they are kept, how they are changed.

Nothing here needs a window.
"""
