"""Making the engine's own environment, on any machine, from a Python that has nothing yet.

The job ``install`` runs in the Python that the environment is made from, by the same worker as
every other job, so that progress, Cancel, the log and the end of QGIS are handled as ever.
Therefore this package needs the standard library alone.

An environment is one folder. It is used only when a small file, the stamp, lies in it, and the
stamp is written last, by a rename: whatever ends an installation earlier leaves a folder that
nobody uses and that the next attempt removes. What has been downloaded stays beside it until an
installation succeeds, so that the next attempt does not download it again.
"""
