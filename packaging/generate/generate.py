#!/usr/bin/env python3
"""Writes what the packages say about the crates, from Cargo.lock and the crates themselves:

  packaging/debian/copyright         one paragraph for each crate in vendor/, and the licences' texts
  packaging/rpm/nvme-registry.spec   Provides: bundled(crate(...)) for each crate that is linked into the program

  generate.py write VENDOR           writes both; VENDOR is what `cargo vendor --versioned-dirs` made
  generate.py check VENDOR           fails, with the difference, where they are not what would be written
"""

import difflib
import pathlib
import re
import subprocess
import sys
import tomllib

TOP = pathlib.Path(__file__).resolve().parents[2]
HEAD = pathlib.Path(__file__).with_name("copyright.head")
TEXTS = pathlib.Path(__file__).with_name("copyright.licences")

# SPDX's names on the left, the names of Debian's copyright format on the right. A licence that is not here is an error:
# a person has to read it first.
LICENCES = {
    "MIT": "Expat",
    "MIT-0": "MIT-0",
    "Apache-2.0": "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception": "Apache-2.0 with LLVM exception",
    "LGPL-2.1-or-later": "LGPL-2.1+",
    "Unlicense": "Unlicense",
    "Unicode-3.0": "Unicode-3.0",
    "Zlib": "Zlib",
    "BSD-2-Clause": "BSD-2-clause",
}
# Licence files deeper in a crate, by a word of their name.
NESTED = {"UNICODE": "Unicode-DFS-2016"}


def expression(spdx):
    """An SPDX expression in the words of Debian's format: `or` and `and` for OR and AND, `, and` where OR binds closer."""
    spdx = spdx.replace("/", " OR ")
    names = re.split(r"\s+(?:OR|AND)\s+|[()]", spdx)
    unknown = [name for name in names if name and name not in LICENCES]
    if unknown:
        sys.exit(f"generate: a licence that is not known here: {unknown} in {spdx!r}")
    result = re.sub(r"\((.*?)\) AND ", r"\1, and ", spdx).replace(" OR ", " or ").replace(" AND ", " and ")
    for name in sorted(LICENCES, key=len, reverse=True):
        result = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-]| with)", LICENCES[name], result)
    return result


def holders(crate, package):
    """Who holds the copyright: the lines that say so in the crate's licence files, or else its authors."""
    found = []
    for path in sorted(crate.iterdir()):
        if not re.match(r"(?i)licen|copy|authors", path.name) or not path.is_file():
            continue
        for line in path.read_text(errors="replace").splitlines():
            match = re.match(r"\s*(?:Portions |Short version.*)?Copyright:?\s*(?:\(c\)|\(C\)|©)?\s*(.+)", line)
            # Not the pattern in the appendix of the Apache licence, nor sentences of a licence.
            if match and re.search(r"\d{4}|The .*(?:Developers|Authors|Contributors)|[Cc]ontributors", match[1]) and "[yyyy]" not in match[1]:
                # Without addresses: they are not what the licence asks for.
                holder = re.sub(r"\s*[<(]?[\w.+-]+@[\w.-]+[>)]?", "", match[1])
                found.append(re.sub(r"\s+", " ", holder).rstrip(",. "))
    if not found:
        found = [re.sub(r"\s*<.*", "", author) for author in package.get("authors", [])]
    return list(dict.fromkeys(found)) or [f"the authors of {package['name']}"]


def paragraph(files, copyright, licence):
    return f"Files: {files}\nCopyright: " + "\n ".join(copyright) + f"\nLicense: {licence}\n"


def debian_copyright(vendor):
    paragraphs = [HEAD.read_text()]
    nested = []
    used = {"Expat", "Apache-2.0"}
    for crate in sorted(vendor.iterdir()):
        package = tomllib.loads((crate / "Cargo.toml").read_text())["package"]
        if "license" not in package:
            sys.exit(f"generate: {crate.name} names no licence")
        licence = expression(package["license"])
        paragraphs.append(paragraph(f"vendor/{crate.name}/*", holders(crate, package), licence))
        used.update(re.split(r" or |,? and ", licence))
        for path in sorted(crate.rglob("*")):
            if path.parent == crate or not path.is_file() or not re.match(r"(?i)licen|copying", path.name):
                continue
            words = [word for word in NESTED if word in path.name.upper()]
            if not words:
                sys.exit(f"generate: a licence of its own, that is not known here: {path}")
            nested.append(paragraph(f"{path.parent.relative_to(vendor.parent)}/*", ["Unicode, Inc."], NESTED[words[0]]))
            used.add(NESTED[words[0]])
    texts = TEXTS.read_text().split("\n\n")
    known = {text.splitlines()[0].removeprefix("License: "): text.strip() + "\n" for text in texts if text.strip()}
    missing = used - known.keys()
    if missing:
        sys.exit(f"generate: no text of {sorted(missing)} in {TEXTS}")
    return "\n".join(paragraphs + nested + [known[name] for name in known if name in used])


def linked():
    """The crates that are linked into the program, as (name, version)."""
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--edges", "normal", "--target", "x86_64-unknown-linux-musl", "--prefix", "none"],
        cwd=TOP, check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    return sorted({(line.split()[0], line.split()[1].removeprefix("v")) for line in tree})


def spec(old):
    lines = "".join(f"Provides:       bundled(crate({name})) = {version}\n" for name, version in linked())
    new, count = re.subn(r"(?s)(# Generated from Cargo\.lock.*?\n)(?:Provides:.*?\n)*(# End of the generated part\.\n)",
                         lambda match: match[1] + lines + match[2], old)
    if count != 1:
        sys.exit("generate: the spec has no place for the generated part")
    return new


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "check"):
        sys.exit("usage: generate.py write|check VENDOR")
    copyright_file = TOP / "packaging/debian/copyright"
    spec_file = TOP / "packaging/rpm/nvme-registry.spec"
    wanted = {copyright_file: debian_copyright(pathlib.Path(sys.argv[2])), spec_file: spec(spec_file.read_text())}
    failed = False
    for path, text in wanted.items():
        if sys.argv[1] == "write":
            path.write_text(text)
        elif path.read_text() != text:
            failed = True
            sys.stdout.writelines(difflib.unified_diff(
                path.read_text().splitlines(True), text.splitlines(True), str(path), "what Cargo.lock and the crates say"))
    if failed:
        sys.exit("generate: not what Cargo.lock and the crates say; `make generate` writes it")


if __name__ == "__main__":
    main()
