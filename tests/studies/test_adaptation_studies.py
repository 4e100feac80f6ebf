"""The studies of domain adaptation: what their jobs are, and what their rows keep."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from photoz_lit.command_line.choices import compose_config
from photoz_lit.run_folder import run_folder
from photoz_lit.studies.compared import Compared, compared_in
from photoz_lit.studies.definition import Study, StudyJob, jobs_of
from photoz_lit.studies.rows import merged_rows, result_row
from photoz_lit.tasks.task import within
from tests.composed import composed

METRICS = {
    "field": "xmm_d",
    "data": "simulated",
    "n_test": 500,
    "sigma_mad": 0.03,
    "eta": 0.1,
    "bias": -0.01,
    "nz_tv": 0.2,
    "nz_mean_shift": -0.05,
    "by_mag": {"22-23": {"n": 200, "sigma_mad": 0.02, "eta": 0.05, "bias": -0.01, "crps": 0.1}},
    "source": {"sigma_mad": 0.02, "eta": 0.04, "bias": 0.001, "crps": 0.1},
    "adaptation": {"frozen_accuracy": 0.8, "probe_auc_before": 0.95, "probe_auc_after": 0.6},
    "nz": {"z_min": 0.0, "z_max": 6.0, "stacked": [1.0] * 80, "truth": [1] * 80},
}


def study_of(name: str) -> Study:
    study = composed("task=study", f"study={name}").study
    assert study is not None
    return study


def test_a_row_of_an_adaptation_carries_source_probe_and_magnitude_bins() -> None:
    row = result_row(StudyJob("dann", 0, {}, ()), METRICS)
    assert row["source_sigma_mad"] == 0.02
    assert row["source_eta"] == 0.04
    assert row["source_bias"] == 0.001
    assert (row["nz_tv"], row["nz_mean_shift"]) == (0.2, -0.05)
    assert (row["frozen_accuracy"], row["probe_auc_before"], row["probe_auc_after"]) == (0.8, 0.95, 0.6)
    assert row["by_mag"] == {"22-23": {"n": 200, "sigma_mad": 0.02, "eta": 0.05, "bias": -0.01}}
    assert row["nz"]["stacked"] == [1.0] * 80


def test_an_adaptation_that_ran_again_replaces_its_row() -> None:
    job = StudyJob("dann", 0, {}, ())
    again = {**METRICS, "nz_tv": 0.1, "source": {"sigma_mad": 0.5}, "adaptation": {}, "by_mag": {}}
    (row,) = merged_rows([result_row(job, METRICS)], [result_row(job, again)])
    assert row["nz_tv"] == 0.1
    assert "frozen_accuracy" not in row


def test_a_row_without_adaptation_is_as_it_was() -> None:
    plain = {name: value for name, value in METRICS.items() if name not in ("adaptation", "source", "nz")}
    row = result_row(StudyJob("baseline", 0, {}, ()), plain)
    assert set(row) == {
        "method", "field", "seed", "data", "n_test", "sigma_mad", "eta", "bias", "galaxies", "by_source",
    }  # fmt: skip


def test_the_first_seed_of_every_method_and_field_comes_before_the_second() -> None:
    jobs = jobs_of(study_of("domain_adaptation"))
    five = ["none", "dann", "dann_calibrated", "guided_paired", "oracle"]
    others = ["degraded", "coral", "guided", "paired", "guided_paired_uncalibrated"]
    assert [job.seed for job in jobs] == [1] * 25 + [2] * 25 + [3] * 25
    assert [job.method for job in jobs[:25]] == [*five, *five, *five, *others, *five]
    fields = ["xmm_d"] * 5 + ["elais_d"] * 5 + ["deep23_d"] * 5 + ["xmm_d"] * 5 + ["xmm_ud"] * 5
    assert all(job.name.startswith(f"{field}_adapt") for job, field in zip(jobs, fields, strict=False))


@pytest.mark.parametrize("name", ["shift_parts", "negative_transfer"])
def test_studies_of_xmm_deep_share_the_runs_of_domain_adaptation(name: str) -> None:
    study = study_of(name)
    assert study.common == study_of("domain_adaptation").common
    known = {tuple(job.overrides) for job in jobs_of(study_of("domain_adaptation"))}
    shared = [job for job in jobs_of(study) if tuple(job.overrides) in known]
    assert {str(value) for job in shared for value in job.settings.values()} <= {"all", "like"}
    assert {job.method for job in shared} == {job.method for job in jobs_of(study)}


def test_a_part_of_the_shift_and_a_selection_of_the_source_reach_the_config() -> None:
    jobs = {(job.method, job.settings["part"]): job for job in jobs_of(study_of("shift_parts"))}
    conditions = composed(*jobs["dann", "depth"].overrides).simulation.conditions
    assert conditions is not None
    assert (conditions.base, conditions.parts) == ("cosmos_ud", ("depth",))
    assert composed(*jobs["dann", "all"].overrides).simulation.conditions is None
    bright = next(job for job in jobs_of(study_of("negative_transfer")) if job.settings["population"] == "bright")
    assert composed(*bright.overrides).data.source_select == "mag_i < 22.5 or ra * 1000000 % 10 < 1"


DUELLED = ["domain_adaptation", "negative_transfer", "shift_parts", "oii_emitters", "fair_adaptation"]


@pytest.mark.parametrize("name", DUELLED)
def test_two_methods_of_a_duel_differ_in_the_named_keys_alone(name: str) -> None:
    study = study_of(name)
    assert study.duels
    first = {job.method: job for job in reversed(jobs_of(study))}
    for duel in study.duels:
        pair = [whole(first[method]) for method in (duel.method, duel.reference)]
        differ = {key for key in {*pair[0], *pair[1]} if pair[0].get(key) != pair[1].get(key)} - {"adapt.name"}
        assert {key for key in differ if not any(within(key, allowed) for allowed in duel.keys)} == set()
        assert all(any(within(key, allowed) for key in differ) for allowed in duel.keys)


def whole(job: StudyJob) -> dict[str, str]:
    """Every key of a job's config as Hydra composes it, parts of the adaptation too."""
    return flat(OmegaConf.to_container(compose_config(job.overrides), resolve=True))


def flat(content: Any, prefix: str = "") -> dict[str, str]:
    found = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return found


def test_a_study_says_how_it_is_compared_and_older_results_take_it_from_its_file() -> None:
    study = study_of("domain_adaptation")
    assert (study.reference, study.bound, study.main) == ("none", "oracle", "guided_paired")
    assert [(duel.reference, duel.differs_in) for duel in study.duels[:2]] == [
        ("dann_calibrated", "guiding and pairing"), ("dann", "calibration"),
    ]  # fmt: skip
    assert list(study.methods) == sorted(study.methods, key=study.rank)
    older = compared_in({"rows": [], "tuned_on": ["elais_d"]}, "domain_adaptation")
    assert older.model_dump() == {**Compared(**study.model_dump(include=set(Compared.model_fields))).model_dump(),
                                  "tuned_on": ["elais_d"]}  # fmt: skip
    assert compared_in({"rows": [], "reference": "dann"}, "domain_adaptation") == Compared(reference="dann")
    assert compared_in({"rows": []}, "no_study") == Compared()


def test_a_duel_of_a_method_that_the_study_lacks_is_refused() -> None:
    content = study_of("negative_transfer").model_dump()
    content["duels"][0]["reference"] = "dan"
    with pytest.raises(ValueError, match="the study has no row of method 'dan'; did you mean 'dann'"):
        Study.model_validate(content)


def test_how_fields_are_adapted_names_the_run_of_an_adaptation_alone() -> None:
    plain, changed = composed("field=hsc6b"), composed("field=hsc6b", "adapt.discriminator_updates=9")
    assert run_folder(plain, "x").path == run_folder(changed, "x").path
    adapting = [composed("+experiment=xmm_d_adapt", f"adapt.discriminator_updates={n}") for n in (8, 9)]
    assert run_folder(adapting[0], "x").path != run_folder(adapting[1], "x").path
