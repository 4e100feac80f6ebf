"""Hand a sweep's jobs to :mod:`photoz_lit.sweep`: each in a fresh process with a separate run folder."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.utils import JobReturn, JobStatus

from hydra_plugins.photoz_lit_launcher.logged_launcher import LoggedLauncher


class ProcessLauncher(LoggedLauncher):
    """Runs jobs as ``python -m photoz_lit <overrides>``, a bounded number at once, one GPU each where there are any.

    Parameters
    ----------
    jobs : how many run at once, ``jobs`` of the command line; ``auto`` is one per GPU, or one on the CPU.
    """

    def __init__(self, jobs: int | str = "auto") -> None:
        self.jobs = jobs

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Run the jobs.

        Raises
        ------
        InputError : ``jobs`` is no number of jobs; or jobs failed: the others are done, and the sentence names those
            that are not.
        """
        # not at the top: Hydra imports every plugin at every start
        from photoz_lit.errors import InputError
        from photoz_lit.sweep import jobs_of_sweep, run_jobs

        if self.jobs != "auto" and not (isinstance(self.jobs, int) and self.jobs > 0):
            raise InputError(f"'jobs={self.jobs}' is wrong: it is how many jobs run at once, or auto.")
        self.require_reached(job_overrides)
        run_jobs(jobs_of_sweep(self.as_typed(job_overrides), self.log_folder), self.jobs)
        return [JobReturn(overrides=list(o), status=JobStatus.COMPLETED, _return_value=None) for o in job_overrides]
