"""Numbers as sentences say them."""

from __future__ import annotations


def count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def share(part: int, whole: int) -> str:
    """A percentage; never 0 % of something that is there, nor 100 % of what is not all."""
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "under 1 %"
    return f"{min(99, round(percent)) if part < whole else 100} %"


def size(number: float) -> str:
    """Bytes in the unit that leaves two or three digits."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(number) < 999.5 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"


def quoted(text: str, longest: int = 30) -> str:
    """A short piece of text, its line ends visible."""
    shown = text if len(text) <= longest else f"…{text[-longest:]}"
    return '"' + shown.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t") + '"'
