"""Command line: `python -m minillm <verb> …`. Each verb imports what it needs and nothing more.

  resolve <config> [--workspace DIR]     check a config and fill in its defaults; JSON on stdout; exit 0 or 2
  probe                                  what this interpreter has; JSON on stdout
  supervise <run folder> [--resume]      start or adopt the trainer of a run and see it to its end
  train <run folder> --attempt K         train; started by the supervisor
  schemas <folder>                       write the JSON Schemas
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="minillm", description="MiniLLM: the Python side of the VS Code extension.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="verb")
    resolve = verbs.add_parser("resolve", help="check a config and fill in its defaults")
    resolve.add_argument("config", type=Path, help="a *.minillm.jsonc file")
    resolve.add_argument("--workspace", type=Path, help="folder that the runs folder is relative to; default: the config's")
    verbs.add_parser("probe", help="say what this interpreter has")
    supervise = verbs.add_parser("supervise", help="start or adopt the trainer of a run, and see it to its end")
    supervise.add_argument("run", type=Path, help="run folder")
    supervise.add_argument("--resume", action="store_true", help="start a new attempt of a run that has ended")
    supervise.add_argument("--grace", type=float, default=60.0, help="seconds that a stop request may take before signals follow (60)")
    train = verbs.add_parser("train", help="train; started by the supervisor")
    train.add_argument("run", type=Path, help="run folder")
    train.add_argument("--attempt", type=int, required=True, help="counts the trainer processes of the run, from 1")
    train.add_argument("--gate", action="store_true", help="wait for a word on stdin before beginning")
    schemas = verbs.add_parser("schemas", help="write the JSON Schemas of every record")
    schemas.add_argument("folder", type=Path)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    match args.verb:
        case "resolve":
            from minillm.resolve import main as resolve

            return resolve(args.config, args.workspace)
        case "probe":
            from minillm.probe import main as probe

            return probe()
        case "supervise":
            from minillm.supervise import CannotSupervise, supervise

            try:
                return supervise(args.run, resume=args.resume, grace=args.grace)
            except (CannotSupervise, OSError) as error:
                print(error, file=sys.stderr)
                return 2
        case "train":
            if args.gate and not pass_gate():
                return 3
            from minillm.train import train

            return train(args.run, args.attempt)
        case _:
            from minillm.schemas import write

            for path in write(args.folder):
                print(path)
            return 0


def pass_gate() -> bool:
    """Waits for the supervisor's word that this process is written down. False when it died first: then nobody knows of us."""
    word = os.read(0, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return word != b""


if __name__ == "__main__":
    sys.exit(main())
