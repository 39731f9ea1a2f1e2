"""A step of TRL's `GKDTrainer` (λ = 1, β = 1: the reverse KL on the student's own responses), as its training loop makes it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from bench.shapes import Pair, prompts_of

TOKENIZER = Path(__file__).resolve().parents[2] / "demo" / "teacher"
"""The trainer wants one, for its padding: nothing is tokenised."""


def version() -> str | None:
    """Of TRL; None where it is not installed."""
    return importlib.metadata.version("trl") if importlib.util.find_spec("trl") else None


class TrlStep:
    def __init__(self, pair: Pair, *, batch: int, prompt: int, new: int) -> None:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        from datasets import Dataset  # noqa: PLC0415
        from transformers import AutoTokenizer  # noqa: PLC0415
        from trl.experimental.gkd import GKDConfig, GKDTrainer  # noqa: PLC0415

        self.device, self.vocabulary, self.batch, self.prompt = pair.student.device, pair.student.vocabulary, batch, prompt
        student = pair.fresh_student()
        student.model.generation_config.eos_token_id = None
        settings = GKDConfig(
            output_dir=tempfile.mkdtemp(), per_device_train_batch_size=batch, max_steps=1000, learning_rate=5e-6, report_to="none",
            save_strategy="no", use_cpu=self.device.type == "cpu", bf16=pair.student.dtype == torch.bfloat16, gradient_checkpointing=False,
            disable_tqdm=True, lmbda=1.0, beta=1.0, temperature=1.0, max_new_tokens=new,
        )  # fmt: skip
        self.trainer = GKDTrainer(
            model=student.model, teacher_model=pair.teacher.model, args=settings, data_collator=lambda rows: rows,
            train_dataset=Dataset.from_list([{"row": 0}]), processing_class=AutoTokenizer.from_pretrained(TOKENIZER),
        )  # fmt: skip
        self.trainer.generation_config.min_new_tokens = new
        self.trainer.current_gradient_accumulation_steps = 1
        self.trainer.create_optimizer_and_scheduler(1000)
        self.model, self.optimizer = self.trainer.accelerator.prepare(self.trainer.model, self.trainer.optimizer)
        self.steps = 0

    def step(self) -> float:
        query = torch.tensor(prompts_of(self.batch, self.prompt, self.vocabulary, seed=self.steps), device=self.device)
        self.steps += 1
        inputs: dict[str, Any] = {"prompts": query, "prompt_attention_mask": torch.ones_like(query)}
        loss = self.trainer.training_step(self.model, inputs)
        self.trainer.accelerator.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.trainer.lr_scheduler.step()
        self.model.zero_grad()
        return float(loss)
