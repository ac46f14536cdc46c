"""Small pieces of correct Python, each with the words that ask for it."""

from __future__ import annotations

__all__ = ["MEAN", "PLAIN", "SNIPPETS"]

_FIBONACCI = '''\
def fibonacci(count):
    """The first `count` Fibonacci numbers."""
    a, b = 0, 1
    numbers = []
    for _ in range(count):
        numbers.append(a)
        a, b = b, a + b
    return numbers


print(fibonacci(10))'''

_PRIMES = '''\
def primes(limit):
    """All primes up to `limit`."""
    is_prime = [False, False] + [True] * (limit - 1)
    for n in range(2, int(limit**0.5) + 1):
        if is_prime[n]:
            for multiple in range(n * n, limit + 1, n):
                is_prime[multiple] = False
    return [n for n in range(limit + 1) if is_prime[n]]


print(primes(50))'''

_FACTORIAL = '''\
def factorial(n):
    """n! for a whole number n >= 0."""
    result = 1
    for factor in range(2, n + 1):
        result *= factor
    return result


print(factorial(10))'''

_SORT = '''\
def quicksort(values):
    """A sorted copy of `values`."""
    if len(values) <= 1:
        return list(values)
    pivot = values[len(values) // 2]
    smaller = [v for v in values if v < pivot]
    equal = [v for v in values if v == pivot]
    larger = [v for v in values if v > pivot]
    return quicksort(smaller) + equal + quicksort(larger)


print(quicksort([3, 1, 4, 1, 5, 9, 2, 6]))'''

_PALINDROME = '''\
def is_palindrome(text):
    """Whether `text` reads the same backwards, letters and digits only."""
    letters = [c.lower() for c in text if c.isalnum()]
    return letters == letters[::-1]


print(is_palindrome("A man, a plan, a canal: Panama"))'''

_FIZZBUZZ = """\
for n in range(1, 16):
    print("Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0) or n)"""

_PLOT = """\
import math

import matplotlib.pyplot as plt

xs = [n / 10 for n in range(63)]
plt.plot(xs, [math.sin(x) for x in xs])
plt.xlabel("x")
plt.ylabel("sin x")
plt.show()"""

_GROUPS = """\
import pandas as pd

sales = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "amount": [3, 5, 4]})
print(sales.groupby("city")["amount"].sum())"""

_WORDS = """\
from collections import Counter

text = "the cat and the hat"
print(Counter(text.split()).most_common(2))"""

PLAIN = '''\
def greet(name):
    """A friendly line for `name`."""
    return f"Hello, {name}!"


print(greet("GLM"))'''

MEAN = '''\
def mean(values):
    """The sample mean of some numbers."""
    return sum(values) / len(values)


print(mean([2, 3, 7]))'''

SNIPPETS = (
    ("fibonacci 斐波那契", _FIBONACCI),
    ("prime primes sieve 素数 质数", _PRIMES),
    ("factorial 阶乘", _FACTORIAL),
    ("sort sorting quicksort 排序", _SORT),
    ("reverse palindrome 回文 反转", _PALINDROME),
    ("fizzbuzz", _FIZZBUZZ),
    ("plot chart graph matplotlib sine 画图 曲线", _PLOT),
    ("pandas dataframe group csv 数据框 分组", _GROUPS),
    ("word words frequency 词频", _WORDS),
)
