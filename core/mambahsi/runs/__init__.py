"""The jobs, run: each module takes one kind of job through from its files to its result.

What they are made of (scenes, labels, training, maps) knows nothing of jobs; here it is put
together, and only here are the outputs of a job named, checked and renamed into place.
"""

from __future__ import annotations

import sys
from typing import Any

from mambahsi import jobs
from mambahsi.errors import ResourceError
from mambahsi.feedback import Feedback


def run(job: Any, feedback: Feedback) -> dict[str, Any]:
    """Run a job.

    Args:
        job: One of the dataclasses in :data:`mambahsi.jobs.KINDS`.
        feedback: Told how it goes.

    Returns:
        What came of it, as plain values; see the module of the kind.

    Raises:
        MambaHSIError: The job failed for a reason that the user can put right.
        JobError: The job contradicts itself.
    """
    try:
        return _run(job, feedback)
    except (RuntimeError, MemoryError) as error:
        # Before a job has a way to choose, as where others have taken all of a GPU.
        if "torch" not in sys.modules:
            raise
        from mambahsi.devices import first_line, is_out_of_memory

        if not is_out_of_memory(error):
            raise
        raise ResourceError(
            f"Memory ran out: {first_line(error)}",
            "End other programs that use the device, choose another device, or lower the memory "
            "budget.",
        ) from error
    except Exception as error:
        # Triton's own, of no common kind, at a kernel whose size the self-check did not
        # launch.
        if not isinstance(error, getattr(sys.modules.get("triton"), "OutOfResources", ())):
            raise
        raise ResourceError(
            f"A kernel wants more of the GPU than it has: {error}",
            "Choose scan 'torch', which does without these kernels, or device 'cpu'.",
        ) from error


def _run(job: Any, feedback: Feedback) -> dict[str, Any]:
    # Imported by need: describing the engine takes neither PyTorch's kernels nor rasterio.
    if isinstance(job, jobs.TrainJob):
        from mambahsi.runs.train import train

        return train(job, feedback)
    if isinstance(job, jobs.ClassifyJob):
        from mambahsi.runs.classify import classify

        return classify(job, feedback)
    if isinstance(job, jobs.TrainAndClassifyJob):
        from mambahsi.runs.train_and_classify import train_and_classify

        return train_and_classify(job, feedback)
    if isinstance(job, jobs.CrossValidateJob):
        from mambahsi.runs.cross_validate import cross_validate

        return cross_validate(job, feedback)
    if isinstance(job, jobs.AssessJob):
        from mambahsi.runs.assess import assess

        return assess(job, feedback)
    if isinstance(job, jobs.ImportBenchmarkJob):
        from mambahsi.runs.import_benchmark import import_benchmark

        return import_benchmark(job, feedback)
    if isinstance(job, jobs.BenchmarkJob):
        from mambahsi.runs.benchmark import benchmark

        return benchmark(job, feedback)
    if isinstance(job, jobs.RerunJob):
        from mambahsi.runs.rerun import rerun

        return rerun(job, feedback)
    if isinstance(job, jobs.SampleDesignJob):
        from mambahsi.runs.sample_design import sample_design

        return sample_design(job, feedback)
    if isinstance(job, jobs.ExportLandCoverJob):
        from mambahsi.runs.export_landcover import export_landcover

        return export_landcover(job, feedback)
    if isinstance(job, jobs.SignaturesJob | jobs.SeparabilityJob):
        from mambahsi.runs.samples import describe_samples

        return describe_samples(job, feedback)
    if isinstance(job, jobs.CheckSamplesJob):
        from mambahsi.runs.samples import check_samples

        return check_samples(job, feedback)
    if isinstance(job, jobs.InstallJob):
        from mambahsi.runs.install import install

        return install(job, feedback)
    if isinstance(job, jobs.DoctorJob):
        from mambahsi.runs.doctor import doctor

        return doctor(feedback)
    from mambahsi.runs.info import info

    return info(job)
