"""Loads what the config names: tokenizer, teacher and student, on a device, in a precision.

A model is a folder or an id on the Hugging Face hub. Hub files are fetched first (`download.py`), with progress, so
that loading itself never waits for the network.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging as transformers_logging

from minillm import lora as low_rank
from minillm.activations import fuse_activations
from minillm.config import Config, Student, Teacher
from minillm.download import Progress, fetch
from minillm.errors import BadInput
from minillm.language_model import LanguageModel, aligned, verify
from minillm.processor import processor
from minillm.products import use_faster_products
from minillm.recompute import recompute
from minillm.sources import check_weights
from minillm.vocabulary import compare_tokenizers, shared_vocabulary

transformers_logging.disable_progress_bar()  # its bars would fill the log; progress goes through the callback

TINY = 20_000_000
"""Parameters up to which plain attention beats the fused kernel on a CPU."""


def choose_device(name: str) -> torch.device:
    """`auto`: cuda, else mps, else cpu. Raises BadInput for a device that this machine lacks."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, there in available.items() if there))
    if not available[name]:
        here = " or ".join(f'"{device}"' for device, there in available.items() if there)
        raise BadInput(
            f'"device" is "{name}", but torch {torch.__version__} finds none on this machine; use "auto" or {here}.', pointer="/device"
        )
    return torch.device(name)


def hardware(device: torch.device) -> str:
    """What a device is sold as, as far as that is known without asking other programs: another one rounds in another way."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor()


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of the forward passes. `auto`: bf16 on a GPU that has it, else fp32. Losses are fp32 either way."""
    if name == "auto":
        name = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return torch.bfloat16 if name == "bf16" else torch.float32


def silent(_what: str, _done: float, _total: float | None, _unit: str) -> None:
    """Progress that nobody watches."""


def load_tokenizer(config: Config, progress: Progress = silent) -> Any:
    """The student's tokenizer (`student.tokenizer`, else the student's own), with a pad token and the end token of `data.endToken`."""
    source = config.student.tokenizer or config.student.model
    if source == "teacher":
        return _tokenizer(config.teacher, "/teacher/model", progress, config.data.end_token)
    part = config.student if source == config.student.model else Student(model=source, trust_remote_code=config.student.trust_remote_code)
    return _tokenizer(part, "/student/tokenizer" if config.student.tokenizer else "/student/model", progress, config.data.end_token)


def load_teacher(config: Config, device: torch.device, dtype: torch.dtype, progress: Progress = silent) -> LanguageModel:
    """The teacher: weights in the compute dtype, frozen, without dropout."""
    folder = _folder(config.teacher, "/teacher/model", progress, weights=True)
    progress("loading the teacher", 0, None, "")
    model = _load(folder, config.teacher, "/teacher/model", "teacher", dtype=dtype, device=device)
    model.requires_grad_(False)
    return _ready(model, device, dtype, f"teacher {config.teacher.model}", "/teacher/model")


def load_student(config: Config, device: torch.device, dtype: torch.dtype, progress: Progress = silent) -> LanguageModel:
    """The student: fp32 master weights of what trains, forward passes in `dtype`.

    It comes without dropout (eval mode), and distillation leaves it so: the sampled tokens and the policy ratio must
    come from the same distribution. A phase that wants the model's own dropout calls `.model.train()` and puts it back.
    """
    random, lora = config.student.init == "random", config.student.lora
    part, adapted = _origin(config.student)
    folder = _folder(part, "/student/model", progress, weights=not random)
    progress("loading the student", 0, None, "")
    if random:
        torch.manual_seed(config.seed)
    model = _load(folder, part, "/student/model", "student", dtype=torch.float32, device=device, random=random)
    if lora is not None:
        low_rank.attach(model, lora, config.seed, f"student {part.model}", "/student/lora")
        model.minillm_base = {"model": part.model, "revision": part.revision}
        if adapted is not None:
            low_rank.restore(model, adapted)
        low_rank.narrow(model, dtype)
    if config.student.recompute:
        recompute(model, f"student {config.student.model}", "/student/recompute")
    return _ready(model, device, dtype, f"student {config.student.model}", "/student/model")


def _origin(student: Student) -> tuple[Student, Path | None]:
    """Whose weights the student has before training and, for a checkpoint with corrections, where these are: not their sum is loaded."""
    lora = student.lora
    if lora is None or (base := low_rank.base_of(Path(student.model), lora)) is None:
        return student, None
    return student.model_copy(update=base), Path(student.model)


def held_once(config: Config) -> bool:
    """Whether the teacher is what a student with corrections starts from: then it is the student without them, and takes no memory."""
    origin, _ = _origin(config.student)
    return origin.lora is not None and (origin.model, origin.revision) == (config.teacher.model, config.teacher.revision)


@dataclass
class Pair:
    """Teacher and student that share a vocabulary, and their tokenizer."""

    teacher: LanguageModel
    student: LanguageModel
    tokenizer: Any


def load_pair(config: Config, device: torch.device, dtype: torch.dtype, progress: Progress = silent) -> Pair:
    """Everything a run needs, checked: vocabularies agree, and both are cut to the ids that they share."""
    tokenizer = load_tokenizer(config, progress)
    if config.student.tokenizer != "teacher":
        compare_tokenizers(_tokenizer(config.teacher, "/teacher/model", progress, config.data.end_token), tokenizer)
    if held_once(config):
        student = load_student(config, device, dtype, progress)
        teacher: LanguageModel = low_rank.Origin(student, f"teacher {config.teacher.model}")
    else:
        teacher, student = load_teacher(config, device, dtype, progress), load_student(config, device, dtype, progress)
    teacher.vocabulary = student.vocabulary = shared_vocabulary(tokenizer, teacher.width, student.width)
    return Pair(teacher, student, tokenizer)


def locate(config: Config, progress: Progress = silent) -> tuple[Path, Path]:
    """Folders of teacher and student, whose hub files are fetched first; nothing is loaded."""
    teacher = _folder(config.teacher, "/teacher/model", progress, weights=True)
    return teacher, _folder(config.student, "/student/model", progress, weights=config.student.init != "random")


def load_checkpoint(folder: Path, device: torch.device, dtype: torch.dtype, settings: Student, name: str = "checkpoint") -> LanguageModel:
    """What a run with the student of `settings` has saved, to be read alone and as exactly as the living student: its vocabulary is not
    yet cut to the shared one. Where corrections were trained, the sum of them and the base, in the dtype that the base has there."""
    part = Student(model=str(folder), trust_remote_code=settings.trust_remote_code)
    model = _load(folder, part, "", name, dtype=torch.float32, device=device)
    if settings.lora is not None:
        low_rank.narrow(model.requires_grad_(False), dtype)
    return _ready(model, device, dtype, name)


def _ready(model: Any, device: torch.device, dtype: torch.dtype, name: str, pointer: str | None = None) -> LanguageModel:
    model.to(device).eval()
    fuse_activations(model)
    use_faster_products(model)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = aligned(tensor.data)
    ready = LanguageModel(model, dtype, name)
    verify(ready, pointer)
    return ready


_fetched: dict[tuple[str, str | None, bool, bool, bool], Path] = {}
"""Models of the hub whose files this process has fetched: it asks the hub once, not for every part that is read."""


def _folder(part: Teacher | Student, pointer: str, progress: Progress, *, weights: bool) -> Path:
    """The local folder of a model; hub files are fetched into the hub's cache."""
    path = Path(part.model).expanduser()
    if not path.is_dir():
        wanted = (part.model, part.revision, weights, part.trust_remote_code, part.allow_pickle)
        if wanted not in _fetched:
            code, pickled = part.trust_remote_code, part.allow_pickle
            _fetched[wanted] = fetch(part.model, part.revision, pointer, progress, weights=weights, code=code, pickled=pickled)
        path = _fetched[wanted]
    if not (path / "config.json").is_file():
        raise BadInput(
            f"{path} has no config.json: a model folder holds config.json, a tokenizer and safetensors weights.", pointer=pointer
        )
    if weights:
        check_weights(path, part, pointer.split("/")[1], pointer)
    return path


def _load(
    folder: Path, part: Teacher | Student, pointer: str, role: str, *, dtype: torch.dtype, device: torch.device, random: bool = False
) -> Any:
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=part.trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{folder / 'config.json'} cannot be read as a model's config: {_first_line(error)}", pointer=pointer) from error
    _check_causal(config, part, pointer, role)
    options: dict[str, Any] = {"dtype": dtype, "trust_remote_code": part.trust_remote_code}
    if device.type == "cpu" and _parameters(config) <= TINY:
        options["attn_implementation"] = "eager"
    try:
        if random:
            return AutoModelForCausalLM.from_config(config, **options)
        safe = None if part.allow_pickle else True
        return AutoModelForCausalLM.from_pretrained(folder, config=config, use_safetensors=safe, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadInput(f"The {role} in {folder} cannot be loaded: {_first_line(error)}", pointer=pointer) from error


def _check_causal(config: Any, part: Teacher | Student, pointer: str, role: str) -> None:
    kind = config.model_type
    remote = part.trust_remote_code and "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    if config.is_encoder_decoder or (kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not remote):
        raise BadInput(
            f"The {role} {part.model} is a {kind} model, which has no causal language-model head; teacher and student must both be "
            "causal language models (GPT-2, OPT, Llama, Qwen, Gemma, …).",
            pointer=pointer,
        )


def _parameters(config: Any) -> int:
    """Parameters of a decoder, roughly: enough to tell a tiny one."""
    text = config.get_text_config()
    width = text.hidden_size
    return 12 * width * width * text.num_hidden_layers + text.vocab_size * width


def _tokenizer(part: Teacher | Student, pointer: str, progress: Progress, end: str | None) -> Any:
    """`end`: the token that ends a response, where it is not the tokenizer's own end token."""
    path = Path(part.model).expanduser()
    folder = path if path.is_dir() else fetch(part.model, part.revision, pointer, progress, weights=False, code=part.trust_remote_code)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns on every fork, and rows are few
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=part.trust_remote_code)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        of_student = pointer.startswith("/student")
        hint = 'set "tokenizer": "teacher" or name a model that has one' if of_student else "add tokenizer.json and tokenizer_config.json"
        raise BadInput(f"{folder} has no tokenizer that can be loaded ({_first_line(error)}); {hint}.", pointer=pointer) from error
    if end is not None:
        if end not in tokenizer.get_vocab():
            own = ", ".join(tokenizer.all_special_tokens[:8])
            raise BadInput(
                f'data.endToken "{end}" is no token of the tokenizer in {folder}; its special tokens are {own}.', pointer="/data/endToken"
            )
        tokenizer.eos_token = end
    if tokenizer.eos_token_id is None:
        raise BadInput(
            f"The tokenizer in {folder} has no end token (eos_token), so a response could never end; name one with data.endToken.",
            pointer=pointer,
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked everywhere: its id does not matter
    return tokenizer


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
