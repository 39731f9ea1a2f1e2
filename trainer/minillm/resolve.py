"""`minillm resolve`: a config as it is written → a config in which everything is said, or every problem with it.

Static: no model is loaded, no torch imported. What needs the models (vocabularies, lengths, memory) is checked by the trainer as
it starts.
"""

from __future__ import annotations

from pathlib import Path

from minillm.contract import Problem, Resolution
from minillm.defaults import fill_phases, fill_rest
from minillm.findings import Findings
from minillm.jsonc import NotJson, key_name, parse, pointer
from minillm.shape import check_shape
from minillm.sources import check_data, check_models, check_runs_folder


def resolve(path: Path, workspace: Path | None = None, usual_runs: Path | None = None, runs: Path | None = None) -> Resolution:
    """Checks the config in `path` and fills in every default. Paths become absolute: relative ones start from the config's folder,
    the runs folder from `workspace` (default: the config's folder too). `usual_runs` is that folder where the config
    names none, `runs` whatever it names."""
    path = path.absolute()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        return _refused(f"The config {path} cannot be read: {error.strerror}.", path)
    except UnicodeDecodeError as error:
        return _refused(f"The config {path} is not UTF-8 text (byte {error.start}): save it as UTF-8.", path)
    try:
        document = parse(text)
    except NotJson as error:
        return _refused(f"{path.name}, {error}.", path, error.line)

    findings = Findings()
    for twice in document.duplicates:
        findings.error(f'"{key_name(twice)}" stands twice: only the last one would count, so take one of them out.', pointer(twice))
    config, problems = check_shape(document.value)
    findings.problems.extend(problems)
    if config is not None:
        check_models(config, path.parent, findings)
        fill_phases(config, findings)
        validation_rows = check_data(config, path.parent, findings)
        fill_rest(config, validation_rows, findings)
        check_runs_folder(config, usual_runs, runs, (workspace or path.parent).absolute(), findings)
    return Resolution(config=None if findings.failed else config, problems=findings.problems)


def _refused(text: str, path: Path, line: int | None = None) -> Resolution:
    return Resolution(config=None, problems=[Problem(text=text, file=str(path), line=line)])
