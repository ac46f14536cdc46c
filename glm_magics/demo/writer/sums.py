"""Arithmetic in a question, worked out truly."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

__all__ = ["arithmetic"]

_SPOKEN = (
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"\bdivided by\b|÷|除以", "/"),
    (r"\bmultiplied by\b|\btimes\b|×|乘以?", "*"),
    (r"(?<=\d)\s*x\s*(?=\d)", "*"),
    (r"\bplus\b|加上?", "+"),
    (r"\bminus\b|减去?|−", "-"),
    (r"\^|\bto the power of\b", "**"),
    (r"\bsquared\b", "**2"),
    (r"\bcubed\b", "**3"),
)
_DATE = re.compile(r"[\d\s]+-[\d\s]+-[\d\s-]+")
_EXPRESSION = re.compile(r"[(\-]*\d[\d.]*(?:[\s()]*(?:\*\*|//|[-+*/%])[\s(]*-?[\d.]+[\s)]*)+")
_OPERATORS: Mapping[type[ast.AST], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: operator.mod,
}
_MOST_DIGITS = 200


def arithmetic(question: str) -> tuple[str, str] | None:
    """The expression in a question and its value; None when there is none, or no value."""
    spoken = question
    for words, sign in _SPOKEN:
        spoken = re.sub(words, sign, spoken, flags=re.IGNORECASE)
    found = _EXPRESSION.search(spoken)
    if found is None or _DATE.fullmatch(found[0]):
        return None
    expression = found[0].strip().rstrip(".")
    expression += ")" * (expression.count("(") - expression.count(")"))
    try:
        return expression, _shown(_value(ast.parse(expression, mode="eval").body))
    except (ValueError, SyntaxError, ZeroDivisionError, OverflowError, RecursionError):
        return None


def _value(node: ast.AST) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left), _value(right))
    raise ValueError("not arithmetic")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    digits = max(len(str(base.numerator)), len(str(base.denominator)))
    if exponent.denominator != 1 or abs(exponent) * digits > _MOST_DIGITS:
        raise ValueError("too large to show")
    return Fraction(base ** int(exponent))


def _shown(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.10g}"
