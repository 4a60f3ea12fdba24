"""How a deliberate bug gets into the code, and out of it again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

ROOMS = ("projector", "ops", "account_events", "tests")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug.

    Attributes:
        why: what is wrong with it.
        module: where, as it is imported.
        right: what is there; exactly once.
        wrong: what is there instead.
    """

    why: str
    module: str
    right: str
    wrong: str


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """The module's source with the bug, executed as a module of its own, whose functions and classes all use now."""
    original = sys.modules[mutant.module]
    source = Path(str(original.__file__)).read_text(encoding="utf-8")
    assert source.count(mutant.right) == 1, f"{mutant.module} has {source.count(mutant.right)} times {mutant.right!r}"
    fresh = ModuleType(mutant.module)
    sys.modules[mutant.module] = fresh  # dataclasses look their module up
    try:
        exec(compile(source.replace(mutant.right, mutant.wrong), f"<{mutant.module}>", "exec"), fresh.__dict__)  # noqa: S102
    finally:
        sys.modules[mutant.module] = original
    replaced = _replace(original, fresh)
    try:
        yield
    finally:
        for module, name, was in replaced:
            setattr(module, name, was)


def _replace(original: ModuleType, fresh: ModuleType) -> list[tuple[ModuleType, str, object]]:
    """Whoever has imported a function or a class of the original gets the fresh one; what there was before."""
    new = {
        id(was): fresh.__dict__[name]
        for name, was in vars(original).items()
        if isinstance(was, FunctionType | type) and was.__module__ == original.__name__
    }
    replaced: list[tuple[ModuleType, str, object]] = []
    for module in [each for name, each in sys.modules.items() if name.startswith(ROOMS)]:
        for name, was in list(vars(module).items()):
            if id(was) in new:
                replaced.append((module, name, was))
                setattr(module, name, new[id(was)])
    return replaced
