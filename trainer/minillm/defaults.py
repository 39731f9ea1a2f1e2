"""Defaults of a config that depend on the rest of it, and contradictions between its parts. Touches no file."""

from __future__ import annotations

from minillm.config import PRESETS, Config, MiniLlmPhase, Objective, SftPhase
from minillm.findings import Findings
from minillm.metrics import CATALOGUE

CHECKPOINTS = 20
"""Over a whole run, when the config does not say; the trainer counts alike where steps are not known here."""
LEARNING_RATES = {"sft": 5e-4, "minillm": 5e-6}
"""As published for GPT-2."""
RANDOM_LEARNING_RATE = 1e-3
"""Of a student that starts from random weights."""


def fill_phases(config: Config, findings: Findings) -> None:
    """Puts preset, learning rates and sizes into every phase, in place."""
    for index, phase in enumerate(config.phases):
        at = f"/phases/{index}"
        name = f"phases[{index}]"
        if phase.optimizer.learning_rate is None:
            phase.optimizer.learning_rate = RANDOM_LEARNING_RATE if config.student.init == "random" else LEARNING_RATES[phase.method]
        phase.micro_batch_size = phase.micro_batch_size or phase.batch_size
        if phase.micro_batch_size > phase.batch_size:
            sizes = f"{phase.micro_batch_size}, more than batchSize {phase.batch_size}"
            sentence = f"{name}.microBatchSize is {sizes}, of which it is a part; lower it."
            findings.error(sentence, f"{at}/microBatchSize")
        if isinstance(phase, SftPhase):
            phase.train = phase.train or config.data.train
            if (phase.epochs is None) == (phase.steps is None):
                found = 'neither "epochs" nor "steps"' if phase.steps is None else 'both "epochs" and "steps"'
                findings.error(f"{name} has {found}: give one of them.", at if phase.steps is None else f"{at}/steps")
        else:
            _fill_minillm(config, phase, name, at, findings)


def _fill_minillm(config: Config, phase: MiniLlmPhase, name: str, at: str, findings: Findings) -> None:
    phase.prompts = phase.prompts or config.data.train
    phase.rollout_chunk = min(phase.rollout_chunk, phase.rollouts)
    if phase.rollouts < phase.batch_size:
        sizes = f"{phase.rollouts}, fewer than batchSize {phase.batch_size}"
        sentence = f"{name}.rollouts is {sizes}: raise rollouts to a multiple of it, or lower batchSize."
        findings.error(sentence, f"{at}/rollouts")
    elif phase.rollouts % phase.batch_size:
        rest = phase.rollouts % phase.batch_size
        sizes = f"{phase.rollouts}, no multiple of batchSize {phase.batch_size}"
        findings.warn(f"{name}.rollouts is {sizes}: every pass ends with a step on {rest} sequences.", f"{at}/rollouts")
    phase.objective = _fill_objective(config, phase.objective, f"{name}.objective", f"{at}/objective", findings)


def _fill_objective(config: Config, given: Objective, name: str, at: str, findings: Findings) -> Objective:
    """The preset with what was given in its place."""
    said = given.model_fields_set
    filled = PRESETS[config.preset].model_copy(update={key: getattr(given, key) for key in said if getattr(given, key) is not None})
    if filled.sampling == "student" and "sampling" in said:
        if given.alpha:
            why = 'with "sampling": "student" the teacher draws no token'
            findings.error(f"{name}.alpha is {given.alpha:g}, but {why}: leave one of them out.", f"{at}/alpha")
        filled.alpha = 0.0
    elif filled.alpha == 0.0:
        filled.sampling = "student"
    if config.data.corpus is None:
        if given.lm_weight:
            why = "there is no data.corpus for this term: name a text file there, or set lmWeight to 0"
            findings.error(f"{name}.lmWeight is {given.lm_weight:g}, but {why}.", f"{at}/lmWeight")
        filled.lm_weight = 0.0
    return filled


def fill_rest(config: Config, validation_rows: int | None, findings: Findings) -> None:
    """Checkpoints, evaluation and inspection, in place. `validation_rows` is None when they were not counted."""
    total = total_steps(config)
    if config.checkpoints.every is None and total is not None:
        config.checkpoints.every = max(1, round(total / CHECKPOINTS))
    every = config.checkpoints.every
    if every is not None and total is not None and every > total:
        why = f"the run has {total} steps: there is a checkpoint at the end of each phase alone"
        findings.warn(f"checkpoints.every is {every}, but {why}.", "/checkpoints/every")
    validation = config.data.validation
    if config.evaluation.final_rows is None and validation is not None:
        config.evaluation.final_rows = validation_rows
    config.inspect.prompts = config.inspect.prompts or validation or config.data.train
    _check_best(config, findings)
    if validation is None:
        if "best" in config.checkpoints.model_fields_set:
            why = "there is no data.validation to score on: name a file there, or leave best out"
            findings.error(f'checkpoints.best is "{config.checkpoints.best}", but {why}.', "/checkpoints/best")
        else:
            findings.warn("There is no data.validation: checkpoints get samples but no scores, and none is the best.", "/data")
    elif validation == config.data.train:
        findings.warn("data.validation is the file that data.train is: scores on rows that were trained on say little.", "/data/validation")


def _check_best(config: Config, findings: Findings) -> None:
    best = config.checkpoints.best
    allowed = [name for name, metric in CATALOGUE.items() if name.startswith("eval/") and metric.better in ("lower", "higher")]
    if best not in allowed:
        findings.error(f'checkpoints.best is "{best}"; it must be one of {", ".join(allowed)}.', "/checkpoints/best")


def total_steps(config: Config) -> int | None:
    """Optimizer steps of the whole run; None when a phase counts in epochs, for which rows must be tokenised: some are left out."""
    steps = [phase.steps for phase in config.phases]
    return None if None in steps else sum(count for count in steps if count is not None)
