"""BLAKE2b: the hash that decides whether two values, or two pieces of code, are the same.

It is what `hashlib.blake2b` is. `hashlib` loads OpenSSL too, which takes longer than a short flow takes to run.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b as blake2b
except ImportError:  # a Python that is built in another way
    from hashlib import blake2b as blake2b
