"""The wheel carries the config, so that the command works outside the repository."""

import subprocess
import sys
import zipfile
from pathlib import Path

from photoz_lit.fields import conf_directory

ROOT = Path(__file__).parents[1]
MAIN = "from photoz_lit.__main__ import main; main()"


def test_wheel_carries_conf_types_and_launcher_and_runs_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    conf = {f"photoz_lit/conf/{p.relative_to(conf_directory())}" for p in conf_directory().rglob("*.yaml")}
    assert conf <= names
    assert {"photoz_lit/py.typed", "hydra_plugins/photoz_lit_launcher/submitit_launcher.py"} <= names
    assert "photoz_lit/evaluation/report/report.html.j2" in names
    assert not [name for name in names if "research" in name.split("/")]
    code = "import sys; sys.path.insert(0, 'site'); from photoz_lit.fields import conf_directory, load_field;" + (
        "print(conf_directory(), load_field('sdss').n_bins)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "site" / "photoz_lit" / "conf"), "180"] or done.stdout.split() == [
        "site/photoz_lit/conf",
        "180",
    ]
    for chosen, task in (("+experiment=hsc_deep_labels", "labels_study"), ("task=realism", "realism")):
        research = [sys.executable, "-c", "import sys; sys.path.insert(0, 'site');" + MAIN, chosen]
        done = subprocess.run(research, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            f"photoz_lit: task={task} is research that the installed package does not carry; run the command in a"
            " checkout of the photoz_lit repository."
        ]
