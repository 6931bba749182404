#!/usr/bin/env python3
"""Makes the software bill of materials of the program, in CycloneDX's JSON, with cargo-cyclonedx: sbom.py FILE

cargo-cyclonedx also lists crates of optional features that are off. Those are taken out: what stays is what `cargo tree`
says is linked into the program. The date is that of the commit, and no path of this machine stays, so that the same
commit gives the same bytes.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from generate import TOP, linked


def cyclonedx(tree):
    """What cargo-cyclonedx says about a copy of the tree: it writes its file beside Cargo.toml."""
    files = subprocess.run(["git", "ls-files", "-z", "Cargo.toml", "Cargo.lock", ".cargo", "src", "tests/*.rs"],
                           cwd=TOP, check=True, capture_output=True).stdout
    subprocess.run(["xargs", "-0", "cp", "--parents", "-t", tree], cwd=TOP, input=files, check=True)
    when = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=TOP, check=True, capture_output=True, text=True).stdout
    subprocess.run(
        ["cargo", "cyclonedx", "-q", "--format", "json", "--spec-version", "1.5", "--target", "x86_64-unknown-linux-musl",
         "--no-build-deps", "--override-filename", "sbom"],
        cwd=tree, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": when.strip()})
    return (pathlib.Path(tree) / "sbom.json").read_text()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: sbom.py FILE")
    with tempfile.TemporaryDirectory() as tree:
        bom = json.loads(cyclonedx(tree).replace(f"path+file://{tree}#", "").replace("?download_url=file://.", ""))
    wanted = set(linked())
    bom["components"] = [part for part in bom["components"] if (part["name"], part["version"]) in wanted]
    missing = wanted - {(part["name"], part["version"]) for part in bom["components"]}
    if missing:
        sys.exit(f"sbom: cargo-cyclonedx does not list what is linked: {sorted(missing)}")
    known = {part["bom-ref"] for part in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    bom["dependencies"] = [
        entry | ({"dependsOn": [ref for ref in entry["dependsOn"] if ref in known]} if "dependsOn" in entry else {})
        for entry in bom["dependencies"] if entry["ref"] in known]
    pathlib.Path(sys.argv[1]).write_text(json.dumps(bom, indent=2) + "\n")


if __name__ == "__main__":
    main()
