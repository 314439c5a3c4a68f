"""The Processing algorithms, one thin file each.

An algorithm describes its parameters, resolves layers, hands a job to the engine and names
the outputs; whatever computes lives in the engine. Ids and parameter names are a published
interface: models, scripts and batch files of users contain them, so they never change.
"""
