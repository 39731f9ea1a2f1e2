"""Defaults of a config that depend on the rest of it, and contradictions between its parts. Touches no file."""

from __future__ import annotations

from minillm.config import Config
from minillm.findings import Findings
from minillm.methods import PRESETS, DistillmPhase, GkdPhase, KdPhase, MiniLlmPhase, Objective, Passes, Phase, Rounds
from minillm.metrics import CATALOGUE

CHECKPOINTS = 20
"""Over a whole run, when the config does not say; the trainer counts alike where steps are not known here."""
LEARNING_RATES = {"sft": 5e-4, "kd": 5e-4, "rkl": 5e-4, "seqkd": 5e-4, "distillm": 5e-4, "gkd": 5e-5, "opd": 5e-5, "minillm": 5e-6}
"""As published: for GPT-2, and for full fine-tuning on a model's own responses."""
RANDOM_LEARNING_RATE = 1e-3
"""Of a student that starts from random weights."""
LORA_LEARNING_RATE = 1e-4
"""Of low-rank corrections, at least."""
VALIDATION_ROWS = 16
"""Sampled besides inspection prompts of one's own, when the config does not say."""
NULL_SWITCHES_OFF = ("clip_range", "reward_clip")
"""Switches for which null says something; for the others it is as if they were not given."""
LOOKS = 20
"""At the validation loss, in an adaptive phase."""


def fill_phases(config: Config, findings: Findings) -> None:
    """Puts preset, learning rates and sizes into every phase, in place."""
    for index, phase in enumerate(config.phases):
        at = f"/phases/{index}"
        name = f"phases[{index}]"
        if phase.optimizer.learning_rate is None:
            rate = RANDOM_LEARNING_RATE if config.student.init == "random" else LEARNING_RATES[phase.method]
            phase.optimizer.learning_rate = rate if config.student.lora is None else max(rate, LORA_LEARNING_RATE)
        phase.micro_batch_size = phase.micro_batch_size or phase.batch_size
        if phase.micro_batch_size > phase.batch_size:
            sizes = f"{phase.micro_batch_size}, more than batchSize {phase.batch_size}"
            sentence = f"{name}.microBatchSize is {sizes}, of which it is a part; lower it."
            findings.error(sentence, f"{at}/microBatchSize")
        _fill_files(config, phase)
        match phase:
            case Passes():
                if (phase.epochs is None) == (phase.steps is None):
                    found = 'neither "epochs" nor "steps"' if phase.steps is None else 'both "epochs" and "steps"'
                    findings.error(f"{name} has {found}: give one of them.", at if phase.steps is None else f"{at}/steps")
                if isinstance(phase, KdPhase) and phase.divergence.kind == "alphaBeta" and not any(phase.divergence.powers):
                    findings.error(f"{name}.divergence.powers are both 0: one of them must be more.", f"{at}/divergence/powers")
            case GkdPhase() if on_policy_size(phase) == 0:
                phase.on_policy_share = 0.0
            case Rounds():
                _fill_rounds(phase, name, at, findings)
            case DistillmPhase():
                _fill_distillm(config, phase, name, at, findings)
        if isinstance(phase, MiniLlmPhase):
            phase.mask_groups = phase.mask_groups or max(4, -(-phase.rollouts // phase.rollout_chunk))
            phase.objective = _fill_objective(config, phase.objective, f"{name}.objective", f"{at}/objective", findings)


def _fill_files(config: Config, phase: Phase) -> None:
    for key in ("train", "prompts"):
        if key in type(phase).model_fields:
            setattr(phase, key, getattr(phase, key) or config.data.train)


def on_policy_size(phase: Rounds) -> int:
    """Sequences of a step that the student has sampled."""
    return round(phase.on_policy_share * phase.batch_size) if isinstance(phase, GkdPhase) else phase.batch_size


def _fill_rounds(phase: Rounds, name: str, at: str, findings: Findings) -> None:
    size = on_policy_size(phase)
    phase.rollouts = phase.rollouts or size
    phase.rollout_chunk = min(phase.rollout_chunk, phase.rollouts)
    if phase.rollouts < size:
        sizes = f"{phase.rollouts}, fewer than batchSize {size}"
        sentence = f"{name}.rollouts is {sizes}: raise rollouts to a multiple of it, or lower batchSize."
        findings.error(sentence, f"{at}/rollouts")
    elif phase.rollouts % size:
        rest = phase.rollouts % size
        sizes = f"{phase.rollouts}, no multiple of batchSize {size}"
        findings.warn(f"{name}.rollouts is {sizes}: every pass ends with a step on {rest} sequences.", f"{at}/rollouts")


def _fill_distillm(config: Config, phase: DistillmPhase, name: str, at: str, findings: Findings) -> None:
    phase.adapt_every = phase.adapt_every or max(1, phase.steps // LOOKS)
    if phase.adapt_by > 0 and config.data.validation is None:
        why = "there is no data.validation whose loss it could follow: name a file there, or set adaptBy to 0"
        findings.error(f"{name}.adaptBy is {phase.adapt_by:g}, but {why}.", f"{at}/adaptBy" if "adapt_by" in phase.model_fields_set else at)
    if phase.replay_capacity < phase.batch_size:
        sizes = f"{phase.replay_capacity}, fewer than batchSize {phase.batch_size}"
        findings.error(f"{name}.replayCapacity is {sizes}: raise it.", f"{at}/replayCapacity")
    phase.lm_weight = _lm_weight(config, phase.lm_weight, 1.0, name, at, findings)


def _lm_weight(config: Config, given: float | None, otherwise: float | None, name: str, at: str, findings: Findings) -> float | None:
    """The weight of the corpus term; 0 without a corpus."""
    if config.data.corpus is not None:
        return otherwise if given is None else given
    if given:
        why = "there is no data.corpus for this term: name a text file there, or set lmWeight to 0"
        findings.error(f"{name}.lmWeight is {given:g}, but {why}.", f"{at}/lmWeight")
    return 0.0


def _fill_objective(config: Config, given: Objective, name: str, at: str, findings: Findings) -> Objective:
    """The preset with what was given in its place."""
    said = given.model_fields_set
    kept = {key: value for key in said if (value := getattr(given, key)) is not None or key in NULL_SWITCHES_OFF}
    filled = PRESETS[config.preset].model_copy(update=kept)
    if filled.sampling == "student" and "sampling" in said:
        if given.alpha:
            why = 'with "sampling": "student" the teacher draws no token'
            findings.error(f"{name}.alpha is {given.alpha:g}, but {why}: leave one of them out.", f"{at}/alpha")
        filled.alpha = 0.0
    elif filled.alpha == 0.0:
        filled.sampling = "student"
    filled.lm_weight = _lm_weight(config, given.lm_weight, filled.lm_weight, name, at, findings)
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
    _fill_inspect(config, findings)
    _check_best(config, findings)
    if validation is None:
        if "best" in config.checkpoints.model_fields_set:
            why = "there is no data.validation to score on: name a file there, or leave best out"
            findings.error(f'checkpoints.best is "{config.checkpoints.best}", but {why}.', "/checkpoints/best")
        else:
            findings.warn("There is no data.validation: checkpoints get samples but no scores, and none is the best.", "/data")
    elif validation == config.data.train:
        findings.warn("data.validation is the file that data.train is: scores on rows that were trained on say little.", "/data/validation")


def _fill_inspect(config: Config, findings: Findings) -> None:
    inspect, validation = config.inspect, config.data.validation
    if validation is None and inspect.validation_rows:
        why = "there is no data.validation to take them from: name a file there, or set validationRows to 0"
        findings.error(f"inspect.validationRows is {inspect.validation_rows}, but {why}.", "/inspect/validationRows")
    if validation is None or inspect.prompts in (None, validation):
        inspect.validation_rows = 0  # there are none, or they are the inspection prompts
    elif inspect.validation_rows is None:
        inspect.validation_rows = VALIDATION_ROWS
    inspect.prompts = inspect.prompts or validation or config.data.train


def _check_best(config: Config, findings: Findings) -> None:
    best = config.checkpoints.best
    allowed = [name for name, metric in CATALOGUE.items() if name.startswith("eval/") and metric.better in ("lower", "higher")]
    if best not in allowed:
        findings.error(f'checkpoints.best is "{best}"; it must be one of {", ".join(allowed)}.', "/checkpoints/best")


def total_steps(config: Config) -> int | None:
    """Optimizer steps of the whole run; None when a phase counts in epochs, for which rows must be tokenised: some are left out."""
    steps = [phase.steps for phase in config.phases]
    return None if None in steps else sum(count for count in steps if count is not None)
