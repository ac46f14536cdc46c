"""binder/ is what repo2docker reads: exact pins that fit the package, one version of Python, one executable step."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
BINDER = ROOT / "binder"
LOCK = re.sub(r"(?m)^#.*\n", "", (BINDER / "requirements.txt").read_text("utf-8")).replace("\\\n", "")
PINS = {
    canonicalize_name(requirement.name): requirement
    for line in LOCK.splitlines()
    for requirement in [Requirement(line.split(" --hash=")[0].strip().split()[0])]
}
NEEDED = [
    requirement
    for requirement in map(Requirement, requires("glm-magics") or ())
    if requirement.marker is None
    or any(requirement.marker.evaluate({"extra": extra}) for extra in ("plot", "dask"))
]


def test_every_pin_is_exact() -> None:
    loose = [str(pin) for pin in PINS.values() if not re.fullmatch(r"==[\w.]+", str(pin.specifier))]
    assert loose == []
    assert len(PINS) > len(NEEDED)


def test_every_pin_has_its_hashes() -> None:
    hashed = re.compile(r"\S+==\S+( +--hash=sha256:[0-9a-f]{64})+")
    assert [line for line in LOCK.splitlines() if not hashed.fullmatch(line)] == []


@pytest.mark.parametrize("needed", NEEDED, ids=str)
def test_the_package_accepts_the_pinned_version(needed: Requirement) -> None:
    pin = PINS[canonicalize_name(needed.name)]
    (exact,) = pin.specifier
    assert exact.version in needed.specifier


def test_the_pins_are_for_the_version_of_python_that_binder_has() -> None:
    command = re.search(r"--python-version (\S+)", (BINDER / "requirements.txt").read_text("utf-8"))
    assert command is not None
    version = command[1]
    assert (BINDER / "runtime.txt").read_text("utf-8") == f"python-{version}\n"
    (taken,) = re.findall(r'^requires-python = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    assert version in SpecifierSet(taken)


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_a_step_can_be_executed(name: str) -> None:
    step = BINDER / name
    assert os.access(step, os.X_OK)
    assert step.read_text("utf-8").startswith("#!/bin/bash\nset -euo pipefail\n")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_step_after_the_build_is_bash(tmp_path: Path) -> None:
    """Run with a `python` and a `jupyter-trust` that note their arguments."""
    python, trust = tmp_path / "python", tmp_path / "jupyter-trust"
    trust.write_text('#!/bin/bash\nprintf "%s\\n" "$@" >> "$0.calls"\n')
    trust.chmod(0o755)
    (tmp_path / "notebooks" / "below").mkdir(parents=True)
    (tmp_path / "notebooks" / "below" / "one.ipynb").write_text("{}")
    python.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$*" >> "$0.calls"\n'
        f'if [[ "$*" == *sys.prefix* ]]; then echo "{tmp_path}"; fi\n'
    )
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([BINDER / "postBuild"], env=environment, check=True, cwd=tmp_path)
    assert (
        "pip install --no-cache-dir --no-deps --no-build-isolation ."
        in (tmp_path / "python.calls").read_text()
    )
    assert (tmp_path / "jupyter-trust.calls").read_text() == "notebooks/below/one.ipynb\n"
    overrides = tmp_path / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    subprocess.run([sys.executable, "-m", "json.tool", overrides], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_start_runs_the_command_that_it_is_given_with_the_demo_beside_it(tmp_path: Path) -> None:
    """`python` notes its arguments; the command's output and exit code are those of `start`."""
    python = tmp_path / "python"
    python.write_text('#!/bin/bash\nprintf "%s\\n" "$*" >> "$0.calls"\n')
    python.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "GLM_DEMO_PORT": "8123"}
    words = [BINDER / "start", "bash", "-c", 'echo "$1"; exit 7', "bash", "two words"]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (7, "two words\n")
    calls = tmp_path / "python.calls"
    until = time.monotonic() + 30
    while not calls.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert calls.read_text() == "-m glm_magics.demo --port 8123\n"


def interpreter(version: str, named: str) -> str:
    """What `.ci/binder.py` finds where BINDER_PYTHON is `named`, or the error that it tells."""
    code = (
        "import sys, binder\n"
        "try:\n    print(binder.interpreter(sys.argv[1]))\n"
        "except binder.BinderError as error:\n    print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ci"), "BINDER_PYTHON": named}
    words = [sys.executable, "-c", code, version]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    return ran.stdout.strip() or ran.stderr


def test_the_python_that_runs_the_checks_is_binders_where_the_version_is_the_same() -> None:
    assert interpreter(f"{sys.version_info[0]}.{sys.version_info[1]}", "") == sys.executable


def test_a_python_that_is_nowhere_is_said_to_be_missing_with_what_to_do() -> None:
    told = "Python 3.0 is missing: install it, or name it with BINDER_PYTHON=/path/to/python3.0"
    assert interpreter("3.0", "") == told


@pytest.mark.parametrize("named", [sys.executable, "/no/python"])
def test_a_python_that_is_named_but_is_not_the_version_is_refused(named: str) -> None:
    assert interpreter("3.0", named) == f"BINDER_PYTHON is {named}, which is not Python 3.0"


def shut(tmp_path: Path, code: str) -> tuple[str, str]:
    """What `code` prints where only this machine is reached, and what was noted."""
    shutil.copy2(ROOT / ".ci" / "loopback_only.py", tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-c", f"import loopback_only, socket\n{code}"]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    log = tmp_path / "loopback_only.log"
    return ran.stdout.strip() or ran.stderr, log.read_text("utf-8") if log.exists() else ""


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("socket.connect", 'socket.socket().connect(("192.0.2.1", 80))'),
        ("socket.connect", 'socket.socket().connect_ex(("192.0.2.1", 80))'),
        ("socket.connect", 'socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80))'),
        ("socket.sendto", 'socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 80))'),
        ("socket.bind", 'socket.socket().bind(("0.0.0.0", 0))'),
        ("socket.getaddrinfo", 'socket.getaddrinfo("example.invalid", 80)'),
        ("socket.gethostbyname", 'socket.gethostbyname("example.invalid")'),
    ],
)
def test_an_address_outside_is_refused_and_noted(tmp_path: Path, event: str, code: str) -> None:
    caught = f"try:\n    {code}\nexcept OSError as error:\n    print(type(error).__name__)"
    said, noted = shut(tmp_path, caught)
    assert said == "OutsideRefused"
    assert noted.startswith(f"{event} ")


def test_this_machine_is_reached_where_the_outside_is_refused(tmp_path: Path) -> None:
    code = (
        'server = socket.create_server(("127.0.0.1", 0))\n'
        'socket.create_connection(("localhost", server.getsockname()[1]), 5)\n'
        'left, right = socket.socketpair(); left.sendall(b"reached"); print(right.recv(9).decode())'
    )
    assert shut(tmp_path, code) == ("reached", "")


def test_an_output_that_is_not_the_same_and_one_that_is_missing_are_named(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder, text in zip(folders, ("a", "b"), strict=True):
        (folder / "01").mkdir(parents=True)
        (folder / "workshop" / "01").mkdir(parents=True)
        (folder / "01" / "001.json").write_text("same")
        (folder / "01" / "002.json").write_text(text)
    (folders[1] / "workshop" / "01" / "003.json").write_text("more")
    code = (
        "import sys; from pathlib import Path; import binder\n"
        "print(*binder.differences(Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ci")}
    words = [sys.executable, "-c", code, *folders]
    ran = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["01/002", "workshop/01/003"], ran.stderr


def test_of_an_output_only_the_times_are_left_out() -> None:
    code = (
        "import json, sys; from notebook_outputs import without_times\n"
        "print(json.dumps(without_times(json.load(sys.stdin), lambda text: text, has_plot=sys.argv[1] == 'plot')))"
    )
    answer = {"id": "20261126223842000000009e3779b1", "seconds": 5.1, "cost": "0.1", "tier": "glm-4.5-air"}
    output = {"metadata": {"glm_magics": answer}, "data": {"image/png": "iVBO", "text/plain": "5.1 s"}}
    kept = {**answer, "id": "TIME000000009e3779b1", "seconds": "TIME"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ci")}
    for plot, picture in (("no plot", "iVBO"), ("plot", "PLOT OF SECONDS")):
        words = [sys.executable, "-c", code, plot]
        ran = subprocess.run(
            words, input=json.dumps([output]), env=environment, capture_output=True, text=True, timeout=60
        )
        data = {"image/png": picture, "text/plain": "5.1 s"}
        assert json.loads(ran.stdout) == [{"metadata": {"glm_magics": kept}, "data": data}], ran.stderr
