"""Fetches a model's files from the Hugging Face hub into its cache, telling how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
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

constants.HF_HUB_DISABLE_TELEMETRY = True  # nothing is sent but what fetching a file needs


def fetch(model: str, revision: str | None, pointer: str, progress: Progress, *, weights: bool, code: bool, pickled: bool = False) -> Path:
    """The folder that holds the files of `model`: config and tokenizer, with `weights` its safetensors (where it has none and may be
    `pickled`: its pickles), with `code` its Python.

    What is in the cache serves when the hub cannot be reached. Raises BadInput when the hub has no such model or
    revision, wants a token, or cannot be reached and the cache has not everything.
    """
    wanted = SMALL + (["*.safetensors"] if weights else []) + (["pytorch_model*.bin"] if weights and pickled else [])
    wanted += ["*.py"] if code else []
    what: dict[str, Any] = {"revision": revision, "allow_patterns": wanted, "ignore_patterns": ["*/*"]}
    reporter = _reporter(f"downloading {model}", progress)
    try:
        folder = Path(snapshot_download(model, tqdm_class=reporter, **what))
        for bar in reporter.bars:  # the client leaves that to whoever lets go of them last, which may be a thread of its own
            bar.close()
        return folder
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
    except Exception as error:  # broken connections reach us as errors of the hub's HTTP client, whichever it is
        try:
            return Path(snapshot_download(model, local_files_only=True, **what))
        except LocalEntryNotFoundError:
            raise BadInput(
                f"The Hugging Face hub cannot be reached and {model} is not in its cache ({_cause(error)}); "
                "connect, set HF_ENDPOINT to a mirror, or give a folder.",
                pointer=pointer,
            ) from error


def _cause(error: BaseException) -> str:
    """The innermost error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer'}"


def _reporter(what: str, progress: Progress) -> type[Any]:
    """A tqdm class that reports bytes instead of drawing."""

    class Reporter(tqdm):  # type: ignore[type-arg]
        bars: ClassVar[list[Any]] = []

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            # Of what is stored in pieces two bars are kept: what has been received, and what has been written, which comes to the total.
            self.told = not (kwargs.pop("name", None) or "").endswith(".transfer")
            self.reported = 0.0
            self.counting = Lock()
            super().__init__(*args, **kwargs)
            self.bars.append(self)

        def update(self, n: float | None = 1) -> bool | None:
            with self.counting:  # files come in threads of their own, all of which add to this one
                return super().update(n)

        def display(self, *_args: Any, **_kwargs: Any) -> None:
            self.report(final=False)

        def close(self) -> None:
            if not self.disable:
                self.report(final=True)
            self.disable = True

        def report(self, *, final: bool) -> None:
            now = time.monotonic()
            if self.told and self.unit == "B" and self.n and (final or now - self.reported >= EVERY_S):
                self.reported = now
                progress(what, float(self.n), float(self.total) if self.total else None, "bytes")

    return Reporter
