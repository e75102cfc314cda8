"""`make space`: check that pushing makes a Space of this project, and print how to push."""

from __future__ import annotations

import argparse
import re
import sys

from deploy import files, front_matter, packages, start
from deploy.outcome import ROOT

PUSH = (
    "git clone . ../space-{name} && cd ../space-{name} && sed -i 's|OWNER/NAME|{space}|' README.md",
    # The hub takes binary files through large-file storage alone.
    "git commit -qam 'Name the Space' && git lfs migrate import --yes --everything"
    " --include='*.jpg,*.png,*.safetensors'",
    "git push --force https://huggingface.co/spaces/{space} HEAD:main",
)


def main(arguments: list[str] | None = None) -> int:
    """Print what each check finds, then the commands.

    Returns:
        0 if nothing is wrong; a check that could not be made says so and counts as nothing.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    parser.add_argument("--space", metavar="OWNER/NAME", default="OWNER/NAME", help="where to push")
    space = parser.parse_args(arguments).space
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", space):
        parser.error(f"--space is OWNER/NAME, not {space}")
    failed = False
    checks = front_matter.check, files.committed, files.check, packages.check, start.check
    for check in checks:
        outcome = check()
        print(outcome, flush=True)
        failed |= bool(outcome.problems)
    if failed:
        return 1
    print(f"\nCreate the Space (Gradio) on the hub once, then, in {ROOT.name}:\n")
    for command in PUSH:
        print(command.format(space=space, name=space.partition("/")[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
