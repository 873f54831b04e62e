"""What a claim from outside Soret computes, so that it is not taken for what it was before."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from typing import Any

from soret.claims.discovery import is_own
from soret.claims.experiments import Continuation, Experiments, Measurement

_AFTERWARDS = ("judge", "control", "draw")


def what_it_computes(claim: Any, experiments: Experiments) -> dict[str, Any]:
    """Return digests that change when a claim of one's own would compute other numbers.

    Such a claim is edited while it is written. An ensemble goes by its experiment's digest, so that
    judge and figure can be changed without simulating again. Of a measurement or a continuation,
    which may call anything, all of the claim's module counts but judges, controls and figures.
    Soret's own claims are told by the version of its numbers, and return nothing.
    """
    if not is_own(claim):
        return {}
    made: dict[str, Any] = {}
    for name, one in experiments.items():
        if isinstance(one, Measurement | Continuation):
            made[name] = _code(sys.modules.get(type(claim).__module__), type(claim))
        else:
            made[name] = one.digest
    return {"computes": made}


def _code(module: Any, made: type) -> str | None:
    """Return the SHA-256 of what a module says, or a class where it is in no file.

    None where there is no source: typed into an interpreter.
    """
    for one in (module, made):
        try:
            tree = ast.parse(inspect.cleandoc(inspect.getsource(one)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                node.body = [
                    part for part in node.body if getattr(part, "name", "") not in _AFTERWARDS
                ]
        return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return None
