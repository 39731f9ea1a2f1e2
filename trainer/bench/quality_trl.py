"""A trial of a trainer of TRL: `GKDTrainer` wholly on the student's own responses with the reverse KL, or `DistillationTrainer`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import DistillationConfig, DistillationTrainer
from trl.experimental.gkd import GKDConfig, GKDTrainer

from bench.quality_setting import COURSE, TEMPERATURE, Task, cpu_seconds, prepared
from bench.quality_trial import Trial, Watch, conduct, looking
from minillm.methods import Optimizer
from minillm.optimizer import learning_rate, make_optimizer
from minillm.prepare import Prepared
from minillm.sequences import left_pad


def train(folder: Path, task: Task, trial: Trial, student: Path, steps: int, at: list[int]) -> Watch:
    warnings.filterwarnings("ignore")
    phase = {"method": "minillm", "prompts": task.prompts, "rows": task.rows, "steps": 1}
    ready = prepared(folder, phase, task=task, seed=trial.seed, student=student)
    words = [example.prompt for example in ready.files[0]["prompts"]]
    settings = Optimizer.model_validate({"learningRate": trial.rate} | COURSE)
    optimizer = make_optimizer(ready.student.model, settings)
    for group in optimizer.param_groups:
        group["lr"] = 1.0  # the schedule below gives the rate itself
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: learning_rate(settings, min(done + 1, steps), steps))
    watch = Watch(looking(ready, steps) if at else None, at)

    class Told(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            watch.began = cpu_seconds()

        def on_step_end(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            watch.after(state.global_step)

    common = dict(
        output_dir=str(folder / "trl"), per_device_train_batch_size=trial.batch, gradient_accumulation_steps=1, max_steps=steps,
        learning_rate=trial.rate, max_grad_norm=settings.max_grad_norm, logging_steps=10**6, save_strategy="no", report_to="none",
        use_cpu=True, bf16=False, gradient_checkpointing=False, dataloader_num_workers=0, disable_tqdm=True, seed=trial.seed,
        temperature=TEMPERATURE, beta=1.0, optim="adamw_torch",
    )  # fmt: skip
    given: dict[str, Any] = dict(
        model=ready.student.model, teacher_model=ready.teacher.model, train_dataset=Dataset.from_list([{"prompt": word} for word in words]),
        processing_class=ready.tokenizer, callbacks=[Told()], optimizers=(optimizer, schedule),
    )  # fmt: skip
    trainer = _gkd(ready, common, given) if trial.method == "gkd" else _distillation(ready, common, given)
    trainer.train()
    return watch


def _gkd(ready: Prepared, common: dict[str, Any], given: dict[str, Any]) -> Any:
    """λ = 1, β = 1. Its own collator wants chats; ours gives what its trainer reads of a batch."""
    tokenizer = ready.tokenizer

    def collate(rows: list[dict[str, str]]) -> dict[str, torch.Tensor]:
        ids, mask = left_pad(tokenizer([row["prompt"] for row in rows])["input_ids"], tokenizer.pad_token_id)
        # With λ = 1 the student's own response takes the place of these before they are read.
        return {"input_ids": ids, "attention_mask": mask, "labels": ids, "prompts": ids, "prompt_attention_mask": mask}

    data = ready.config.data
    settings = GKDConfig(
        **common, lmbda=1.0, max_new_tokens=data.max_new_tokens, max_length=data.max_prompt_tokens + data.max_new_tokens,
        remove_unused_columns=False, dataset_kwargs={"skip_prepare_dataset": True},
    )  # fmt: skip
    return GKDTrainer(args=settings, data_collator=collate, **given)


def _distillation(ready: Prepared, common: dict[str, Any], given: dict[str, Any]) -> Any:
    settings = DistillationConfig(**common, max_completion_length=ready.config.data.max_new_tokens)
    return DistillationTrainer(args=settings, **given)


if __name__ == "__main__":
    conduct(train)
