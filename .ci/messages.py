"""Bring the catalogs up to what the source says, and compile them.

    python .ci/messages.py

New messages are then in the `.po` files, empty, for a translator; what the source no longer has is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "glm_magics"
KEYWORDS = {"_": None, "N_": None}


def main() -> None:
    for path in catalogs():
        path.write_bytes(as_po(updated(path)))
        path.with_suffix(".mo").write_bytes(as_mo(read(path)))
        missing = [message.id for message in read(path) if message.id and not message.string]
        print(f"{path.relative_to(ROOT)}: {len(read(path))} messages, {len(missing)} not translated")


def catalogs() -> list[Path]:
    return sorted(PACKAGE.glob("locale/*/LC_MESSAGES/glm_magics.po"))


def messages() -> Iterator[tuple[str, str]]:
    """Every marked message of the source, with the file that has it."""
    for file, _line, message, _comments, _context in extract_from_dir(PACKAGE, keywords=KEYWORDS):
        yield str(message), Path(file).as_posix()


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain="glm_magics")


def updated(path: Path) -> Catalog:
    """The catalog with the messages of the source in their order, and the translations it had."""
    catalog, template = read(path), Catalog(domain="glm_magics")
    for message, file in sorted(messages(), key=lambda found: found[1]):
        template.add(message, locations=[(file, 0)])
    catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    return catalog


def as_po(catalog: Catalog) -> bytes:
    written = BytesIO()
    write_po(written, catalog, width=100, include_lineno=False)
    return written.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    written = BytesIO()
    write_mo(written, catalog)
    return written.getvalue()


if __name__ == "__main__":
    main()
