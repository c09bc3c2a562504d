#!/usr/bin/env python3
"""Fails where the tests run other code of a dependency than the release.

Cargo builds each dependency with the features that anybody in the graph asks for, so a dev-dependency may switch on
what the release goes without: another float parser, another TLS library. Here every dependency of the release is
compared with itself in the graph of the tests. What differs is declared in [dependencies] too, or stands in the list
below with the reason why it does not matter.
"""

import collections
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Package: the features that only the tests have, and why the release does as well without.
EXCEPTIONS = {
    "getrandom": ({"sys_rng"}, "another way to call the same generator, which `rand` uses"),
    "hashbrown": (
        {"allocator-api2", "default", "default-hasher", "equivalent", "inline-more", "raw-entry"},
        "more methods on the same tables, and a default hasher that we do not take",
    ),
    "regex-automata": (
        {
            "dfa-onepass", "unicode", "unicode-age", "unicode-bool", "unicode-case", "unicode-gencat", "unicode-perl",
            "unicode-script", "unicode-segment", "unicode-word-boundary",
        },
        "the tables of Unicode, which our globs switch off with (?-u)",
    ),
    "regex-syntax": (
        {
            "default", "unicode", "unicode-age", "unicode-bool", "unicode-case", "unicode-gencat", "unicode-perl",
            "unicode-script", "unicode-segment",
        },
        "as regex-automata",
    ),
    "serde-saphyr": ({"deserialize"}, "the tests read YAML with it; the release only writes it"),
    "tokio": ({"test-util"}, "the paused clock; a release must not have it"),
}


def features(edges):
    """For each package and version in the graph its sets of features. What runs at build time may have a set of its own."""
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "tree", "--locked", "--edges", edges, "--prefix", "none", "--format", "{p}\t{f}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = collections.defaultdict(set)
    for line in done.stdout.splitlines():
        package, _, listed = line.removesuffix(" (*)").partition("\t")
        name, version = package.split()[:2]
        found[name, version].add(frozenset(filter(None, listed.split(","))))
    return found


def main():
    release = features("normal,build")
    tests = features("normal,build,dev")
    wrong, needed = [], set()
    for (name, version), sets in sorted(release.items()):
        allowed, _ = EXCEPTIONS.get(name, (set(), ""))
        for built in sets - tests[name, version]:
            needed.add(name)
            tested = min(tests[name, version], key=lambda other, built=built: len(built ^ other))
            if (built ^ tested) - allowed:
                wrong.append(f"{name} {version}: only the tests have {', '.join(sorted((built ^ tested) - allowed))}")
    wrong += [f"{name}: is in the list of exceptions and needs none" for name in sorted(EXCEPTIONS.keys() - needed)]
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        print("Declare it in [dependencies] of Cargo.toml, or say in tests/features.py why it does not matter.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
