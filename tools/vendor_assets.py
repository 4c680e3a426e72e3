"""
Renew the browser libraries in ``ecozones/data/assets`` from the packages pinned in ``tools/assets.lock.json``.

Run it on a machine with ``npm`` after a change of the lock file. Each package is fetched with ``npm pack`` and refused
unless its integrity is the one in the lock; an entry without one gets it. What comes out is committed: nobody who
installs or builds the library needs a network.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import mimetypes
import posixpath
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "tools" / "assets.lock.json"
ASSETS = ROOT / "ecozones" / "data" / "assets"

# A face of the icon font is referenced several times and each copy would be inlined: the solid one stays, once.
SOLID = "fa-solid-900.woff2"


def fetch(name: str, version: str, into: Path) -> Path:
    """Download one package and give the path of its archive."""
    done = subprocess.run(
        ["npm", "pack", f"{name}@{version}", "--json", "--pack-destination", str(into)],
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    entry = told[0] if isinstance(told, list) else next(iter(told.values()))
    return into / Path(entry["filename"]).name.replace("@", "").replace("/", "-")


def integrity(archive: Path) -> str:
    """Give the sha512 of an archive in the form of lock files."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()


def data_uri(members: dict[str, bytes], path: str) -> str:
    """Give a file of the package as a data URI; double-size sprites are left out, every screen can do without."""
    if "2x" in path:
        return "data:,"
    kind = "font/woff2" if path.endswith(".woff2") else mimetypes.guess_type(path)[0]
    return f"data:{kind};base64,{base64.b64encode(members[path]).decode()}"


def inline_urls(css: str, members: dict[str, bytes], folder: str) -> str:
    """Put every file that a style sheet refers to into the sheet itself."""
    if SOLID in css:
        css = re.sub(r"@font-face\{[^}]*\}", "", css)
        face = data_uri(members, posixpath.normpath(posixpath.join(folder, "../webfonts", SOLID)))
        css += (
            '@font-face{font-family:"Font Awesome 6 Free";font-style:normal;font-weight:900;font-display:block;'
            f'src:url("{face}") format("woff2")}}'
        )

    def swap(match: re.Match[str]) -> str:
        target = match.group(1).strip("'\"")
        if target.startswith(("data:", "#")):
            return match.group(0)
        path = posixpath.normpath(posixpath.join(folder, target.split("?")[0].split("#")[0]))
        return f'url("{data_uri(members, path)}")'

    return re.sub(r"url\(([^)]*)\)", swap, css)


def icon_patch(members: dict[str, bytes]) -> str:
    """Give Leaflet its marker pictures: it finds them by the path of its style sheet, which an inline one has not."""
    icon, shadow = (data_uri(members, f"dist/images/{name}.png") for name in ("marker-icon", "marker-shadow"))
    return (
        "\ndelete L.Icon.Default.prototype._getIconUrl;"
        f'L.Icon.Default.mergeOptions({{iconUrl:"{icon}",iconRetinaUrl:"{icon}",shadowUrl:"{shadow}"}});'
    )


def prepare(path: str, members: dict[str, bytes], *, icons: bool) -> str:
    """Make one file fit to stand inside a page."""
    text = members[path].decode("utf-8-sig").replace("\r\n", "\n")
    text = re.sub(r"(//|/\*)[#@] ?sourceMappingURL=.*?(\*/|$)", "", text, flags=re.MULTILINE)
    if path.endswith(".css"):
        text = inline_urls(text, members, posixpath.dirname(path))
    elif icons:
        text += icon_patch(members)
    # `</script` inside a library would end the element that holds it
    return re.sub(r"</(script|style)", r"<\\/\1", text, flags=re.IGNORECASE).strip() + "\n"


def vendor(entry: dict[str, Any], scratch: Path) -> dict[str, dict[str, str]]:
    """Write the files of one package and its licence; give their lines of the manifest by URL."""
    archive = fetch(entry["npm"], entry["version"], scratch)
    found = integrity(archive)
    if entry.setdefault("integrity", found) != found:
        message = f"{entry['npm']}@{entry['version']} has integrity {found}, the lock says {entry['integrity']}"
        raise SystemExit(message)
    with tarfile.open(archive) as packed:
        members = {
            member.name.split("/", 1)[1]: packed.extractfile(member).read()  # type: ignore[union-attr]
            for member in packed.getmembers()
            if member.isfile()
        }
    stem = entry["npm"].rsplit("/", 1)[-1]
    licence = members[entry["licence_file"]].decode("utf-8") if entry.get("licence_file") else entry["licence_text"]
    (ASSETS / "licences").mkdir(parents=True, exist_ok=True)
    (ASSETS / "licences" / f"{stem}.txt").write_text(licence.strip() + "\n", encoding="utf-8")
    lines = {}
    for path, urls in entry["files"].items():
        text = prepare(path, members, icons=entry["npm"] == "leaflet" and path.endswith(".js"))
        name = f"{stem}{'.css' if path.endswith('.css') else '.js'}"
        (ASSETS / name).write_text(text, encoding="utf-8")
        line = {
            "file": name,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "npm": f"{entry['npm']}@{entry['version']}",
            "licence": entry["licence"],
        }
        lines |= dict.fromkeys(urls, line)
    return lines


def main() -> None:
    """Renew every asset, or check that what is committed is what the lock gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the manifest would change")
    check = parser.parse_args().check
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    manifest: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for entry in lock["packages"]:
            manifest |= vendor(entry, Path(scratch))
            print(f"{entry['npm']}@{entry['version']}")
    for url, why in lock["empty"].items():
        manifest[url] = {"file": "", "sha256": "", "npm": "", "licence": why}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    path = ASSETS / "manifest.json"
    if check and path.read_text(encoding="utf-8") != text:
        message = "the committed assets are not those of the lock"
        raise SystemExit(message)
    path.write_text(text, encoding="utf-8")
    LOCK.write_text(json.dumps(lock, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
