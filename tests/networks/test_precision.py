from pathlib import Path

import pytest
import torch

from photoz_lit.networks.precision import best_precision


def test_cpu_takes_bfloat16_where_the_processor_says_it_computes_in_it() -> None:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file() or "flags" not in cpuinfo.read_text():
        pytest.skip("needs /proc/cpuinfo of an x86 processor")
    flags = cpuinfo.read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    expected = "bf16-mixed" if {"avx512_bf16", "amx_bf16"} & set(flags) else "32-true"
    assert best_precision("cpu") == expected
    assert best_precision(torch.device("cpu")) == expected


def test_unknown_kinds_of_device_stay_in_float32() -> None:
    assert best_precision("meta") == "32-true"
