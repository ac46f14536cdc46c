"""Do what Binder does, in a new environment: requirements.txt, postBuild, start. Then run the notebooks.

    python .ci/binder.py               once
    python .ci/binder.py --times 20    twenty times; all outputs must be the same each time

The steps, their order and their folder are repo2docker's: the checkout is the home, `start` gets the
command to run. Once the environment is built, no Python process of it reaches anything but this machine
(`loopback_only.py`), and no variable holds a key. The kernels have what Binder installs and nothing else;
nbval runs beside them, in the environment of the checks, and compares with the saved outputs. Two things
differ from Binder, for speed: pip keeps its cache, and does not compile what no notebook imports. It needs
the Python of binder/runtime.txt; BINDER_PYTHON names it where it is not found.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from check import CI, ROOT, clean_environment

NOT_SOURCE = (".venv*", "node_modules", "__pycache__", ".*_cache", "dist", "build")
MOST_SECONDS = 900  # for one step; the longest, a run of all notebooks, takes two or three minutes
_PROBE = """
import socket
try:
    socket.socket().connect(("192.0.2.1", 80))
except OSError as error:
    print(type(error).__name__)
"""
_PROBES = {
    "a process": _PROBE,
    "a child of a process": f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_PROBE!r}])",
    "a kernel": f"""
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3")
client.execute_interactive({_PROBE!r}, timeout=60)
client.stop_channels()
manager.shutdown_kernel(now=True)
""",
}


class BinderError(Exception):
    """A step of Binder did not do what it should."""


@dataclass(frozen=True, slots=True)
class Image:
    """`home`: the checkout as built; `prefix`: its environment; `guard`: the folder of `loopback_only.py`."""

    home: Path
    prefix: Path
    guard: Path
    environment: dict[str, str]

    @property
    def python(self) -> str:
        return str(self.prefix / "bin" / "python")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Do what Binder does, then run the notebooks without a network."
    )
    parser.add_argument(
        "--times", type=int, default=1, metavar="N", help="run the notebooks N times (default: 1)"
    )
    times = parser.parse_args(arguments).times
    if times < 1:
        parser.error(f"--times takes 1 or more, not {times}")
    with tempfile.TemporaryDirectory(prefix="binder-") as name:
        try:
            _check(Path(name), times)
        except BinderError as error:
            print(f"binder: {error}", file=sys.stderr)
            return 1
    return 0


def _check(folder: Path, times: int) -> None:
    image = _build(folder)
    _shut(image)
    first = _run_notebooks(image, folder / "run-1")
    for number in range(2, times + 1):
        outputs = _run_notebooks(image, folder / f"run-{number}")
        differing = differences(first, outputs)
        if differing:
            raise BinderError(f"run {number} differs from the first in: {', '.join(differing)}")
    cells = len(_files(first))
    if times > 1:
        print(f"binder: {times} runs, {cells} cells each, all outputs the same", flush=True)


def interpreter(version: str) -> str:
    """A Python of this version: the one that BINDER_PYTHON names, or this one, one on the PATH, one of pyenv.

    Raises:
        BinderError: there is none.
    """
    named = os.environ.get("BINDER_PYTHON")
    if named:
        if _version(named) != version:
            raise BinderError(f"BINDER_PYTHON is {named}, which is not Python {version}")
        return named
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    installed = sorted(str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python"))
    for candidate in (sys.executable, shutil.which(f"python{version}"), *installed):
        if candidate and _version(candidate) == version:
            return candidate
    raise BinderError(
        f"Python {version} is missing: install it, or name it with BINDER_PYTHON=/path/to/python{version}"
    )


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        asked = subprocess.run([python, "-c", code], capture_output=True, encoding="utf-8", timeout=60)
    except OSError:
        return ""
    return asked.stdout.strip()


def _build(folder: Path) -> Image:
    home, prefix, guard = folder / "home", folder / "env", folder / "guard"
    _copy_checkout(home)
    version = (home / "binder" / "runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    clean = clean_environment(str(folder / "settings"))
    _step("environment", (interpreter(version), "-m", "venv", str(prefix)), home, clean)
    image = Image(home, prefix, guard, {**clean, "PATH": f"{prefix / 'bin'}{os.pathsep}{clean['PATH']}"})
    install = ("-m", "pip", "install", "-q", "--no-compile", "--require-hashes")
    _step(
        "requirements.txt", (image.python, *install, "-r", "binder/requirements.txt"), home, image.environment
    )
    _step("postBuild", ("binder/postBuild",), home, {**image.environment, "HOME": str(home)})
    return image


def _copy_checkout(home: Path) -> None:
    """The files that git knows or would add, which is what Binder clones."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout
    except (OSError, subprocess.CalledProcessError):  # an archive of the checkout
        shutil.copytree(ROOT, home, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        return
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, home / name)


def _shut(image: Image) -> None:
    """From here on only this machine is reached, which is tried."""
    image.guard.mkdir()
    for plugin in ("loopback_only.py", "notebook_outputs.py"):
        shutil.copy2(CI / plugin, image.guard)
    (site_packages,) = image.prefix.glob("lib/python3*/site-packages")
    (site_packages / "loopback_only.pth").write_text(f"{image.guard}\nimport loopback_only\n", "utf-8")
    log = image.guard / "loopback_only.log"
    for where, probe in _PROBES.items():
        words = (image.python, "-c", probe)
        tried = subprocess.run(
            words, env=image.environment, capture_output=True, encoding="utf-8", timeout=120
        )
        if tried.stdout.strip() != "OutsideRefused" or not log.exists():
            raise BinderError(f"the network is not shut in {where}: {tried.stdout}{tried.stderr}")
        log.unlink()
    print("binder: the network is shut in " + ", ".join(_PROBES), flush=True)


def _run_notebooks(image: Image, folder: Path) -> Path:
    """Run them in a new copy of the image, through `start`; the folder with the outputs of each cell."""
    home, outputs = folder / "home", folder / "outputs"
    shutil.copytree(image.home, home)
    _write_kernel(folder / "data" / "kernels" / "binder", image.python)
    port = _free_port()
    environment = {
        **image.environment,
        "HOME": str(home),
        "GLM_DEMO_PORT": str(port),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "NOTEBOOK_OUTPUTS": str(outputs),
        "PYTHONPATH": str(image.guard),
    }
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "loopback_only", "-p", "notebook_outputs")
    jobs = ("-p", "no:cacheprovider", "-n", "4", "--dist", "loadfile")  # they mostly wait for words to come
    nbval = (
        "--nbval",
        "--nbval-kernel-name",
        "binder",
        "--nbval-kernel-startup-timeout",
        "300",  # several start at once, on a machine that may have other work
        "--nbval-sanitize-with",
        "notebooks/nbval.cfg",
        "notebooks",
    )
    _step("start", ("binder/start", *pytest, *jobs, *nbval), home, environment, port=port)
    log = image.guard / "loopback_only.log"
    if log.exists():
        raise BinderError(f"the notebooks asked for the network:\n{log.read_text('utf-8')}")
    return outputs


def _write_kernel(folder: Path, python: str) -> None:
    folder.mkdir(parents=True)
    words = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": "Binder", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), "utf-8")


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _step(
    name: str, words: Sequence[str], folder: Path, environment: Mapping[str, str], *, port: int | None = None
) -> None:
    """Run it, and end all that it leaves running. With `port`, something must listen there while it runs."""
    began = time.monotonic()
    process = subprocess.Popen(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        answers = port is None or _listens(port, process)
        code = process.wait(MOST_SECONDS)
    except subprocess.TimeoutExpired:
        raise BinderError(f"{name} took more than {MOST_SECONDS} s") from None
    finally:
        _end_group(process)
    if code:
        raise BinderError(f"{name} ended with exit code {code}")
    if not answers:
        raise BinderError(f"{name} did not bring up the demo's server on port {port}")
    print(f"binder: {name} {time.monotonic() - began:.0f} s", flush=True)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    while process.poll() is None:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def differences(first: Path, second: Path) -> list[str]:
    """The cells, as NOTEBOOK/NUMBER, whose outputs are not the same bytes in both folders, or in one only."""
    names = sorted(_files(first) | _files(second))
    _, differing, missing = filecmp.cmpfiles(first, second, names, shallow=False)
    return sorted(name.removesuffix(".json") for name in (*differing, *missing))


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("**/*.json")}


if __name__ == "__main__":
    sys.exit(main())
