"""Fetches a model's files from the Hugging Face hub into its cache, telling how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm.auto import tqdm

from minillm.errors import BadInput

Progress = Callable[[str, float, float | None, str], None]
"""`progress(what, done, total, unit)`: something other than training that takes a while. `total` is None when unknown."""

SMALL = ["*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
EVERY_S = 0.5
"""Seconds between two reports of one download."""


def fetch(model: str, revision: str | None, pointer: str, progress: Progress, *, weights: bool, code: bool) -> Path:
    """The folder that holds the files of `model`: config and tokenizer, with `weights` its safetensors, with `code` its Python.

    Raises BadInput when the hub has no such model or revision, wants a token, or cannot be reached.
    """
    wanted = SMALL + (["*.safetensors"] if weights else []) + (["*.py"] if code else [])
    try:
        folder = snapshot_download(
            model, revision=revision, allow_patterns=wanted, ignore_patterns=["*/*"], tqdm_class=_reporter(f"download {model}", progress)
        )
    except HFValidationError as error:
        raise BadInput(f"{model!r} is neither a folder nor a model id of the form name or owner/name.", pointer=pointer) from error
    except GatedRepoError as error:
        raise BadInput(
            f"The model {model} asks for its terms to be accepted on the Hugging Face hub; accept them there and set HF_TOKEN.",
            pointer=pointer,
        ) from error
    except RevisionNotFoundError as error:
        raise BadInput(f"The model {model} has no revision {revision!r} on the Hugging Face hub.", pointer=pointer) from error
    except RepositoryNotFoundError as error:
        raise BadInput(
            f"There is no folder and no public model {model!r} on the Hugging Face hub; check the name, or set HF_TOKEN for a private one.",
            pointer=pointer,
        ) from error
    except LocalEntryNotFoundError as error:
        raise BadInput(
            f"The Hugging Face hub cannot be reached and {model} is not in its cache ({_cause(error)}); "
            "connect, set HF_ENDPOINT to a mirror, or give a folder.",
            pointer=pointer,
        ) from error
    except HfHubHTTPError as error:
        raise BadInput(f"The Hugging Face hub did not give {model}: {str(error).splitlines()[0]}", pointer=pointer) from error
    return Path(folder)


def _cause(error: BaseException) -> str:
    inner = error.__cause__ or error
    return f"{type(inner).__name__}: {str(inner).splitlines()[0] if str(inner) else 'no answer'}"


def _reporter(what: str, progress: Progress) -> type[Any]:
    """A tqdm class that reports bytes instead of drawing."""

    class Reporter(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            kwargs.pop("name", None)
            self.reported = 0.0
            super().__init__(*args, **kwargs)

        def display(self, *_args: Any, **_kwargs: Any) -> None:
            self.report(final=False)

        def close(self) -> None:
            if not self.disable:
                self.report(final=True)
            self.disable = True

        def report(self, *, final: bool) -> None:
            now = time.monotonic()
            if self.unit == "B" and self.n and (final or now - self.reported >= EVERY_S):
                self.reported = now
                progress(what, float(self.n), float(self.total) if self.total else None, "bytes")

    return Reporter
