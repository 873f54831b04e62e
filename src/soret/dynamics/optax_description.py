"""What a made optax optimizer is made of: its parts by name, with the numbers they hold."""

from typing import Any

import optax

from soret.runs.functions import closed_over, plain, public


def parts(optimizer: optax.GradientTransformation) -> list[dict[str, Any]]:
    """Return the parts of an optimizer in the order they act, as plain data.

    A made optimizer keeps no name: it is a pair of functions that close over its arguments. Each
    part goes by the function that made it ("optax.scale_by_adam") and what its update closes over;
    a chain goes by its parts.
    """
    return _parts(optimizer.init, optimizer.update)


def follows_schedule(described: Any) -> bool:
    """Return whether parts, as `parts` returns them, have a schedule among them, or within."""
    if isinstance(described, list):
        return any(map(follows_schedule, described))
    if not isinstance(described, dict):
        return False
    return (
        described.get("name") == "optax.scale_by_schedule"
        or bool(described.get("sched_hps"))
        or any(map(follows_schedule, described.values()))
    )


def _parts(init: Any, update: Any) -> list[dict[str, Any]]:
    first, held = _held(init), _held(update)
    inits, updates = first.get("init_fns"), held.get("update_fns")
    if isinstance(inits, tuple) and isinstance(updates, tuple):
        return [part for pair in zip(inits, updates, strict=True) for part in _parts(*pair)]
    maker, *_ = getattr(update, "__qualname__", type(update).__qualname__).split(".<locals>")
    if maker == "with_extra_args_support" and "tx" in held:
        return parts(held["tx"])
    found = {
        name: parts(value) if isinstance(value, optax.GradientTransformation) else plain(value)
        for name, value in (first | held).items()
    }
    module = getattr(update, "__module__", type(update).__module__)
    return [{"name": public(module, maker), **found}]


def _held(function: Any) -> dict[str, Any]:
    """Return what a function closes over, or what the object has that it is a method of."""
    instance = getattr(function, "__self__", None)
    return closed_over(function) if instance is None else dict(getattr(instance, "__dict__", {}))
