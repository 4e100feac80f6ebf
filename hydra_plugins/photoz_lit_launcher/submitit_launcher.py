"""Hand a sweep's jobs to Slurm through submitit; each is the same fresh process as on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from hydra_plugins.photoz_lit_launcher.logged_launcher import LoggedLauncher

SHARED = ("name", "timeout_min", "nodes", "cpus_per_task", "gpus_per_node", "mem_gb")  # the others are Slurm's alone


class SubmititLauncher(LoggedLauncher):
    """Submits the jobs as one array, waits for all, and tells which failed.

    Parameters
    ----------
    cluster : ``slurm`` or ``local``.
    jobs : says nothing to a cluster, whose own limits hold (``array_parallelism``).
    parameters : of a job, as ``sbatch`` knows them; those that are null are left to the cluster.
    """

    def __init__(self, cluster: str, jobs: int | str = "auto", **parameters: Any) -> None:  # noqa: ARG002
        self.cluster = cluster
        self.parameters = parameters

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Submit the jobs and wait for them.

        Raises
        ------
        InputError : submitit is not installed; or jobs failed: the others are done, and the sentence names those that
            are not.
        """
        # not at the top: Hydra imports every plugin at every start
        from photoz_lit.errors import InputError
        from photoz_lit.sweep import jobs_of_sweep, raise_failures, run_alone, tell

        self.require_reached(job_overrides)
        try:
            import submitit
        except ImportError as error:
            raise InputError("a sweep on Slurm needs submitit; pip install photoz-lit[slurm].") from error
        executor = submitit.AutoExecutor(folder=self.log_folder / "submitit" / "%j", cluster=self.cluster)
        known = {name: value for name, value in self.parameters.items() if value is not None}
        executor.update_parameters(
            **{name if name in SHARED else f"{self.cluster}_{name}": value for name, value in known.items()}
        )
        jobs = jobs_of_sweep(self.as_typed(job_overrides), self.log_folder)
        results = []
        for job, submitted in zip(jobs, executor.map_array(run_alone, jobs), strict=True):
            results.append(_ended(job, submitted))
            tell(results[-1])
        raise_failures(results)
        return [JobReturn(overrides=list(o), status=JobStatus.COMPLETED, _return_value=None) for o in job_overrides]


def _ended(job: Any, submitted: Any) -> Any:
    """How a job ended; one that the cluster stopped has no result."""
    from photoz_lit.sweep import JobResult

    try:
        return submitted.result()
    except Exception as error:  # submitit's errors have no common root, and every job must be waited for
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return JobResult(job, 1, f"job {submitted.job_id} ended without a result: {reason}")
