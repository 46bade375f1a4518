"""Numbers as people write them: thousands separators, decimal commas, currency signs, percent."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

MISSING = {
    *("", "na", "n/a", "n.a.", "n.a", "nd", "n.d.", "nan", "null", "none", "nil", "missing", "#n/a", "<na>", "#value!"),
    *("-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", ".", "..", "...", "\N{HORIZONTAL ELLIPSIS}", "?", "*", "**", ":"),
}
BEYOND = 1e30
"""Nothing that people measure is as large; such numbers stand for a missing one (-3.4e38, 1.8e308), and their squares
would leave what float32 can hold."""
INFINITE = {"inf", "+inf", "-inf", "infinity", "-infinity", "∞", "-∞"}
DRESS = re.compile(
    r"[\s'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}%]"
    r"|^[+-]?(?:rs\.?|r\$|us\$|chf|eur|usd|gbp|inr|kr\.?)(?=[\s\d+-])|(?<=[\d\s.,-])(?:rs\.?|chf|eur|usd|gbp|inr|kr\.?|zł|kč|,-)$",
    re.IGNORECASE,
)
"""What stands around and between the digits and changes nothing."""
PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?|[+-]?\d{1,2}(,\d{2})+,\d{3}(\.\d*)?")
"""Also as India groups them: 1,23,456."""
THOUSANDS_POINT = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


@dataclass
class Numerals:
    """What all numbers of a column together say of how they are written."""

    comma: str | None = None
    """A number that only makes sense with a decimal comma, e.g. 3,5 or 1.234,5."""
    point: str | None = None
    """A number whose commas can only separate thousands, e.g. 1,234.5 or 1,234,567."""
    open: str | None = None
    """A number that could be either: 1,234."""
    decimals: bool = False
    """A number with a point and other than three digits after it was seen: 3.5."""
    large: bool = False
    """A number of four digits or more without any separator was seen."""

    def see(self, text: str) -> None:
        text = bare(text)
        if PLAIN.fullmatch(text):
            whole, _, rest = text.partition(".")
            self.decimals |= bool(rest) and len(rest) != 3
            self.large |= len(whole.lstrip("+-")) > 3
        elif THOUSANDS_COMMA.fullmatch(text):
            if "." in text or text.count(",") > 1:
                self.point = self.point or text
            else:
                self.open = self.open or text
        elif THOUSANDS_POINT.fullmatch(text) or DECIMAL_COMMA.fullmatch(text):
            self.comma = self.comma or text

    @property
    def any_comma(self) -> bool:
        """Whether a number has a comma at all."""
        return bool(self.comma or self.point or self.open)

    def likelier(self) -> str:
        """The sign that is taken where nobody is asked."""
        return "," if self.comma and not self.point else "."

    def decimal(self) -> str | None:
        """',' or '.'; None where that has to be asked: numbers disagree, or 1,234 is all there is to go by."""
        if self.comma and (self.point or self.decimals):
            return None
        if self.comma:
            return ","
        if self.open and not (self.point or self.decimals) and self.large:
            return None  # 1234 next to 1,234: a decimal comma, or thousands that somebody forgot to separate
        return "."


def bare(text: str) -> str:
    """A number without currency, percent and blanks, a minus in front: '(1,200)' and '1,200-' are '-1,200'."""
    if PLAIN.fullmatch(text):
        return text
    if text.strip().casefold() in MISSING:
        return ""
    text = DRESS.sub("", text)
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Sc")
    text = text.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    if text.startswith("(") and text.endswith(")"):
        return "-" + text[1:-1]
    return "-" + text[:-1] if text[-1:] == "-" and text[:1].isdigit() else text


def number(text: str, decimal: str) -> float | None:
    """The number, nan for a missing one, ±inf as it says, or from ±BEYOND on; None for what is no number."""
    text = bare(text)
    if text.casefold() in MISSING:
        return math.nan
    if text.casefold() in INFINITE:
        return math.copysign(math.inf, -1 if text.startswith("-") else 1)
    if decimal == ",":
        if "," in text or THOUSANDS_POINT.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
    elif THOUSANDS_COMMA.fullmatch(text):
        text = text.replace(",", "")
    if not PLAIN.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) < BEYOND else math.copysign(math.inf, value)
