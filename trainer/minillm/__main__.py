"""Command line: `python -m minillm <verb> …`. Each verb imports what it needs and nothing more.

resolve <config> [--workspace DIR] [--usual-runs DIR] [--runs DIR]
                                       check a config and fill in its defaults; JSON on stdout; exit 0 or 2
preflight <config> [--workspace DIR] [--usual-runs DIR] [--runs DIR]
                                       load what a config names and look at it, without a run; JSON on stdout; exit 0 or 2
probe                                  what this interpreter has; JSON on stdout
supervise <run folder> [--resume]      start or adopt the trainer of a run and see it to its end
train <run folder> --attempt K         train; started by the supervisor
schemas <folder>                       write the JSON Schemas
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="minillm", description="MiniLLM: the Python side of the VS Code extension.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="verb")
    for verb, what in (
        ("resolve", "check a config and fill in its defaults"), ("preflight", "load what a config names and look at it, without a run"),
    ):  # fmt: skip
        of_config = verbs.add_parser(verb, help=what)
        of_config.add_argument("config", type=Path, help="a *.minillm.jsonc file")
        of_config.add_argument("--workspace", type=Path, help="folder that the runs folder is relative to; default: the config's")
        of_config.add_argument("--usual-runs", type=Path, help="runs folder where the config names none; default: runs")
        of_config.add_argument("--runs", type=Path, help="runs folder, whatever the config names")
    verbs.add_parser("probe", help="say what this interpreter has")
    supervise = verbs.add_parser("supervise", help="start or adopt the trainer of a run, and see it to its end")
    supervise.add_argument("run", type=Path, help="run folder")
    supervise.add_argument("--resume", action="store_true", help="start a new attempt of a run that has ended")
    supervise.add_argument("--unasked", action="store_true", help="adopt a living trainer or write down an end, and start nothing")
    supervise.add_argument("--grace", type=float, default=60.0, help="least seconds that a stop may take before signals follow (60)")
    supervise.add_argument("--back-off", type=float, default=5.0, help="seconds that the first automatic restart waits (5)")
    supervise.add_argument("--allow-changed-data", action="store_true", help="resume although files that the run reads have changed")
    train = verbs.add_parser("train", help="train; started by the supervisor")
    train.add_argument("run", type=Path, help="run folder")
    train.add_argument("--attempt", type=int, required=True, help="counts the trainer processes of the run, from 1")
    train.add_argument("--gate", action="store_true", help="wait for a word on stdin before beginning")
    schemas = verbs.add_parser("schemas", help="write the JSON Schemas of every record")
    schemas.add_argument("folder", type=Path)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # who reads the answer expects UTF-8, whatever this terminal speaks
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    match args.verb:
        case "resolve":
            return resolve_config(args.config, args.workspace, args.usual_runs, args.runs)
        case "preflight":
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as for training, below
            from minillm.checks.preflight import preflight

            found = preflight(args.config, args.workspace, args.usual_runs, args.runs)
            print(found.model_dump_json(by_alias=True))
            return 0 if found.config is not None else 2
        case "probe":
            from minillm.probe import probe

            print(json.dumps(probe(), ensure_ascii=False))
            return 0
        case "supervise":
            from minillm.supervise import CannotSupervise, supervise

            try:
                return supervise(
                    args.run, resume=args.resume, unasked=args.unasked, grace=args.grace, back_off=args.back_off,
                    allow_changed_data=args.allow_changed_data,
                )  # fmt: skip
            except (CannotSupervise, OSError) as error:
                print(error, file=sys.stderr)
                return 2
        case "train":
            if args.gate and not pass_gate():
                return 3
            # Threads that wait for one another must not spin: beside an editor on few cores that costs ten times the work itself.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read as torch is loaded
            from minillm.train import train

            return train(args.run, args.attempt)
        case _:
            from minillm.schemas import write

            for path in write(args.folder):
                print(path)
            return 0


def resolve_config(config: Path, workspace: Path | None, usual_runs: Path | None, runs: Path | None) -> int:
    """Prints a `Resolution`; exit code 0, or 2 when there are errors."""
    try:
        from minillm.resolve import resolve
    except ModuleNotFoundError as error:  # pydantic: everything else that this needs comes with Python
        text = f"{sys.executable} lacks the package {error.name}: install it with {sys.executable} -m pip install {error.name}."
        problem = {"text": text, "file": None, "line": None, "pointer": None, "severity": "error", "edits": []}
        print(json.dumps({"config": None, "problems": [problem]}))
        return 2
    resolution = resolve(config, workspace, usual_runs, runs)
    print(resolution.model_dump_json(by_alias=True))
    return 0 if resolution.config is not None else 2


def pass_gate() -> bool:
    """Waits for the supervisor's word that this process is written down. False when it died first: then nobody knows of us."""
    word = os.read(0, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return word != b""


if __name__ == "__main__":
    sys.exit(main())
