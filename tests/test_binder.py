"""binder/ is what repo2docker reads: exact pins that fit the package, one version of Python, one executable step."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BINDER = Path(__file__).parent.parent / "binder"
PINS = {
    canonicalize_name(requirement.name): requirement
    for line in (BINDER / "requirements.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
    for requirement in [Requirement(line)]
}
NEEDED = [
    requirement
    for requirement in map(Requirement, requires("glm-magics") or ())
    if requirement.marker is None or requirement.marker.evaluate({"extra": "plot"})
]


def test_every_pin_is_exact() -> None:
    loose = [str(pin) for pin in PINS.values() if not re.fullmatch(r"==[\w.]+", str(pin.specifier))]
    assert loose == []
    assert len(PINS) > len(NEEDED)


@pytest.mark.parametrize("needed", NEEDED, ids=str)
def test_the_package_accepts_the_pinned_version(needed: Requirement) -> None:
    pin = PINS[canonicalize_name(needed.name)]
    (exact,) = pin.specifier
    assert exact.version in needed.specifier


def test_the_version_of_python_is_one_that_the_package_takes() -> None:
    match = re.fullmatch(r"python-3\.(\d+)\n", (BINDER / "runtime.txt").read_text("utf-8"))
    assert match is not None
    assert int(match[1]) >= 10


def test_the_step_after_the_build_can_be_executed() -> None:
    step = BINDER / "postBuild"
    assert os.access(step, os.X_OK)
    assert step.read_text("utf-8").startswith("#!/bin/bash\nset -euo pipefail\n")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_step_after_the_build_is_bash(tmp_path: Path) -> None:
    """Run with a `python` that notes its arguments: it installs the package without dependencies, and more."""
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$*" >> "$0.calls"\n'
        f'if [[ "$*" == *sys.prefix* ]]; then echo "{tmp_path}"; fi\n'
    )
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([BINDER / "postBuild"], env=environment, check=True, cwd=tmp_path)
    assert "pip install --no-cache-dir --no-deps ." in (tmp_path / "python.calls").read_text()
    overrides = tmp_path / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    subprocess.run([sys.executable, "-m", "json.tool", overrides], check=True, capture_output=True)
