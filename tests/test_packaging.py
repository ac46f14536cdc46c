"""What is built is whole: a wheel, also from the sdist, without Node, with all that the package reads at run time."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm_magics import __version__

ROOT = Path(__file__).parent.parent
NOT_SOURCE = {".git", ".venv", ".venv-gateway", ".venv-lite", "node_modules", "__pycache__", "dist", "build"}
AT_RUN_TIME = (
    "glm_magics/py.typed",
    "glm_magics/tiers.json",
    "glm_magics/locale/zh/LC_MESSAGES/glm_magics.mo",
)
OF_THE_BROWSER = [path.name for path in sorted((ROOT / "widgets" / "src").iterdir())]


def build(source: Path, target: Path, kind: str) -> Path:
    """hatchling alone, with nothing else on the PATH: neither Node nor a network is there to be used."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    nowhere = {"PATH": str(target / "nothing"), "HOME": os.environ.get("HOME", "")}
    done = subprocess.run(command, cwd=source, env=nowhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def wheel_of_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder)
    (source,) = folder.iterdir()
    return build(source, tmp_path_factory.mktemp("again"), "wheel")


def test_the_wheel_holds_every_module(wheel: Path) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "glm_magics").rglob("*.py")}
    assert modules <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("name", [*AT_RUN_TIME, *(f"glm_magics/static/{name}" for name in OF_THE_BROWSER)])
def test_the_wheel_holds_what_the_package_reads(wheel: Path, name: str) -> None:
    assert zipfile.ZipFile(wheel).getinfo(name) is not None


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"glm_magics", f"glm_magics-{__version__}.dist-info"}


def test_the_sdist_makes_the_same_wheel(wheel: Path, wheel_of_sdist: Path) -> None:
    contents = [
        {entry.filename: entry.CRC for entry in zipfile.ZipFile(built).infolist()}
        for built in (wheel, wheel_of_sdist)
    ]
    assert contents[0] == contents[1]


def test_the_sdist_holds_what_the_tests_and_the_reader_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert not any(NOT_SOURCE & set(name.split("/")) for name in names)
    wanted = (
        ".ci/check.py",
        "LICENSE",
        "SECURITY.md",
        "notebooks/01_quickstart.ipynb",
        "tests/test_packaging.py",
    )
    assert [name for name in wanted if name not in names] == []


def test_the_unpacked_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "import glm_magics, glm_magics._assets as assets\n"
        "glm_magics.connect('demo://?pace=0')\n"
        "print(glm_magics.__file__, assets.asset('stream.js'))\n"
        "print(glm_magics.ask('what is 6 * 7?', tier='air').text)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout.count(str(tmp_path)) == 2, done.stdout + done.stderr
    assert "42" in done.stdout


@pytest.mark.parametrize("folder", ["widgets", "tests/render_fuzz"])
def test_a_lock_names_no_registry_and_pins_by_hash(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))["packages"]
    named = {name: package for name, package in packages.items() if name}
    assert named
    assert [name for name, package in named.items() if "resolved" in package] == []
    assert [
        name for name, package in named.items() if not package.get("integrity", "").startswith("sha512-")
    ] == []


def test_no_source_names_a_folder_of_somebodys_machine() -> None:
    folders = re.compile(rb"/(?:home|Users|root)/\w+|/opt/\w+|[A-Z]:\\\\Users")
    assert [str(path) for path in sources() if folders.search(path.read_bytes())] == []


def sources() -> Iterator[Path]:
    """The text files of the project, without what was installed or built beside them, and without attack data."""
    for folder, inside, files in os.walk(ROOT):
        inside[:] = [
            name for name in inside if name not in NOT_SOURCE | {"data"} and not name.endswith("_cache")
        ]
        endings = (".py", ".md", ".toml", ".ipynb", ".json", ".js", ".cfg", ".txt")
        yield from (Path(folder, name) for name in files if name.endswith(endings))
