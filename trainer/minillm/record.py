"""What a run keeps of its student as it goes: checkpoints, their samples, their evaluations, and which of them is best.

Files are the memory: what a killed trainer had already written is found again by name and not done twice.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from minillm import checkpoint, samples
from minillm.data import Example, file_hash
from minillm.evaluate import Between, Result, evaluate, matching_temperature
from minillm.interrupt import Interrupt
from minillm.language_model import LanguageModel
from minillm.metrics import CATALOGUE
from minillm.models import hardware, load_checkpoint
from minillm.optimizer import optimizer_tensors
from minillm.prepare import Prepared, Progress
from minillm.progress import SAVING
from minillm.rundir import VERSION, EventWriter, RunDir, read_json, write_json_whole


class Record:
    def __init__(
        self, run: RunDir, attempt: int, events: EventWriter, prepared: Prepared, interrupt: Interrupt, progress: Progress
    ) -> None:
        self.run, self.attempt, self.events, self.prepared = run, attempt, events, prepared
        self.interrupt, self.progress = interrupt, progress
        self._set: dict[str, Any] | None = None
        prepared.inspection.go_on(run.samples / "passed-over.json", samples.sampled_prompts(run))

    # ---------------------------------------------------------------------------------------------- checkpoints

    def save(self, step: int, index: int, n: int) -> str:
        """Writes a checkpoint of the student after step `n` of phase `index`, unless there is one; returns its name."""
        name = checkpoint.checkpoint_name(step, self.attempt)
        if (self.run.checkpoints / name).is_dir():
            return name
        # Told, not asked: a request to stop is no reason to leave off here, and the supervisor waits for the end of it.
        self.events.write("progress", what=SAVING, done=0, total=None, unit="")
        prepared, phase = self.prepared, self.prepared.phases[index]
        done = n == phase.steps
        state = {
            "v": VERSION, "run": self.run.id, "attempt": self.attempt, "step": step, "phase": index, "phaseStep": n,
            "environment": environment(prepared),
        }  # fmt: skip
        saved = checkpoint.save(
            self.run, name, prepared.student.model, prepared.tokenizer, state,
            {} if done else optimizer_tensors(prepared.student.model, phase.optimizer), {} if done else phase.tensors(n),
        )  # fmt: skip
        self.events.write("checkpoint", step=step, name=name, path=saved.path, bytes=saved.bytes, seconds=saved.seconds, phase=phase.method)
        self.prune()
        return name

    def prune(self) -> None:
        names = checkpoint.listed(self.run)
        start = self.start_of_distillation()
        protected = {names[0], names[-1], *([start] if start else []), *([best] if (best := self.best()) else [])}
        checkpoint.prune(self.run, self.prepared.config.checkpoints.keep, protected)

    def start_of_distillation(self) -> str | None:
        """The checkpoint from which distillation began."""
        step = self.prepared.distillation
        if step is None:
            return None
        return next((name for name in checkpoint.listed(self.run) if name.startswith(checkpoint.checkpoint_name(step, 0)[:-1])), None)

    def best(self) -> str | None:
        """The checkpoint whose evaluation is best by `checkpoints.best`, of those that led to the newest."""
        metric = self.prepared.config.checkpoints.best
        sign = 1 if CATALOGUE[metric].better == "lower" else -1
        found = []
        for name in checkpoint.kept(self.run):
            metrics = (read_json(self.run.evaluations / f"{name}.json") or {}).get("metrics", {})
            value = metrics.get(metric)
            if isinstance(value, float | int):
                found.append((sign * value, name))
        return min(found)[1] if found else None

    # ---------------------------------------------------------------------------------------------- samples, evaluations

    def sample(self, name: str, step: int) -> None:
        """Writes the samples of the student as it is, under the checkpoint's name; before them once the teacher's."""
        if (self.run.samples / f"{name}.jsonl").exists():
            return
        prepared = self.prepared
        examples = prepared.inspection.refresh(self.warn)
        if not examples:
            return
        # The teacher never changes: it answers each prompt once.
        if not samples.covers(self.run, "teacher", examples):
            self.write_samples("teacher", 0, None, examples, "samples of the teacher")
        self.write_samples(name, step, prepared.student, examples, "samples")
        samples.thin(self.run, prepared.config.inspect.keep_tokens)

    def write_samples(self, who: str, step: int, student: LanguageModel | None, examples: list[Example], what: str) -> None:
        prepared = self.prepared
        made = samples.write_samples(self.run, who, step, student, prepared.teacher, examples, prepared.setting, self.between(what))
        self.events.write(
            "samples", step=step, checkpoint=who, path=made.path, count=made.count, bytes=made.bytes, tokenBytes=made.token_bytes
        )

    def warn(self, text: str) -> None:
        self.events.write("message", level="warning", text=text)

    def evaluate(self, name: str, step: int) -> None:
        """Scores the student as it is on the fixed subset, under the checkpoint's name; before it once the teacher."""
        if not self.prepared.subset:
            return
        self.write("teacher", "teacher", 0, "teacher", self.prepared.teacher, full=False)
        self.write(name, name, step, "student", self.prepared.student, full=False)
        self.prune()  # another one may be the best now

    def scores(self, name: str) -> dict[str, Any] | None:
        """What the evaluation of a checkpoint found; None when there was none."""
        return (read_json(self.path(name)) or {}).get("metrics")

    def samples(self, name: str) -> list[dict[str, Any]]:
        """What the student said at a checkpoint, line by line."""
        return samples.lines_of(self.run.samples / f"{name}.jsonl")

    def conclude(self, name: str, step: int) -> None:
        """The last word, on all final rows: the student, the teacher, and the start of distillation as it was and sharpened."""
        prepared = self.prepared
        if not prepared.final:
            return
        self.write(f"{name}.full", name, step, "student", prepared.student, full=True)
        self.write("teacher.full", "teacher", 0, "teacher", prepared.teacher, full=True)
        start = self.start_of_distillation()
        if start is not None and start != name and prepared.config.evaluation.sharpening_control:
            try:
                self.control(start, name, step)
            except torch.OutOfMemoryError:  # a third model beside two: the run itself has what it was for
                self.warn("The sharpening control did not fit into the GPU's memory and is left out; everything else is complete.")

    def control(self, start: str, name: str, step: int) -> None:
        """The student that distillation began with, as it was and sharpened to the entropy of checkpoint `name`."""
        prepared, first = self.prepared, self.prepared.distillation
        assert first is not None
        settings, dtype = prepared.config.student, prepared.student.dtype
        student = load_checkpoint(self.run.checkpoints / start, prepared.device, dtype, settings, f"checkpoint {start}")
        student.vocabulary = prepared.student.vocabulary
        self.write(f"{start}.full", start, first, "student", student, full=True)
        if not self.path("control.full").exists():
            # Matched on the rows that are scored at every checkpoint: they are fewer, and the same for both.
            self.write(name, name, step, "student", prepared.student, full=False)
            entropy = (self.scores(name) or {})["eval/entropy"]
            between = self.between("looking for the temperature of the sharpening control")
            temperature = matching_temperature(student, entropy, prepared.subset, prepared.setting, between)
            self.write("control.full", start, first, "control", student, full=True, temperature=temperature)

    def write(self, file: str, name: str, step: int, subject: str, model: LanguageModel, *, full: bool, temperature: float = 1.0) -> None:
        """Evaluates, unless the file is there; writes it and tells of it."""
        path = self.path(file)
        if path.exists():
            return
        prepared = self.prepared
        examples = prepared.final if full else prepared.subset
        began = time.perf_counter()
        teacher = None if subject == "teacher" else prepared.teacher
        what = {"teacher": "evaluating the teacher", "control": "evaluating the sharpening control"}.get(subject, "evaluating")
        greedy = subject != "control"  # what is certain is the same at every temperature
        result = evaluate(model, teacher, examples, prepared.setting, self.between(what), temperature=temperature, greedy=greedy)
        metrics = result.metrics | {"time/evaluation": time.perf_counter() - began}
        self.run.evaluations.mkdir(exist_ok=True)
        write_json_whole(path, {
            "v": VERSION, "checkpoint": name, "step": step, "subject": subject, "full": full, "temperature": temperature,
            "metrics": metrics, "interval": result.interval, "manifest": self.manifest(examples, result),
        })  # fmt: skip
        self.events.write(
            "evaluation", step=step, checkpoint=name, subject=subject, full=full, rows=len(examples), temperature=temperature,
            metrics=metrics, path=str(path.relative_to(self.run.path)),
        )  # fmt: skip

    def path(self, file: str) -> Path:
        return self.run.evaluations / f"{file}.json"

    def manifest(self, examples: list[Example], result: Result) -> dict[str, Any]:
        """What was scored and how: enough to do it again."""
        config = self.prepared.config
        if self._set is None:
            prompts = "\0".join(example.prompt for example in self.prepared.final)
            tokenizer = self.prepared.tokenizer
            words = repr(sorted(tokenizer.get_vocab().items())) + repr(tokenizer.special_tokens_map)
            self._set = {
                "set": config.data.validation, "setSha256": file_hash(config.data.validation or ""),
                "promptsSha256": hashlib.sha256(prompts.encode()).hexdigest(), "template": config.data.template,
                "tokenizerSha256": hashlib.sha256(words.encode()).hexdigest(),
            }  # fmt: skip
        counts = {"rows": len(examples), "answered": sum(bool(example.responses) for example in examples)}
        choice = "evenly spaced rows of the set" if len(examples) < self.prepared.rows["validation"] else "all rows of the set"
        how = {"choice": choice, "counts": counts, "unit": config.evaluation.unit, "interval": "bootstrap over rows, 95 %"}
        return self._set | how | result.decoding

    def between(self, what: str) -> Between:
        def tell(done: int, total: int) -> None:
            self.interrupt.check()
            self.progress(what, done, total, "")

        return tell


def environment(prepared: Prepared) -> dict[str, Any]:
    """What a resume must find again to go on bit for bit."""
    decoded = {"student": prepared.student, "teacher": prepared.reading.teacher}
    return {
        "torch": torch.__version__, "transformers": transformers.__version__, "device": str(prepared.device),
        "hardware": hardware(prepared.device), "precision": prepared.precision, "threads": prepared.threads,
        "teacherPrecision": prepared.reading.precision,
        "cudaGraphs": ", ".join(role for role, model in decoded.items() if model.recorded) or "none",
    }  # fmt: skip
