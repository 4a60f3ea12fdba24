"""Plants a deliberate bug in the code, and removes it again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

PACKAGES = ("account_core", "account_events", "consumers", "ops", "projector", "tests")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A deliberate bug.

    Attributes:
        why: the faulty behaviour.
        module: the name of the module to change.
        right: the correct source text, which occurs exactly once.
        wrong: its replacement.
    """

    why: str
    module: str
    right: str
    wrong: str


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Execute the changed source as a new module, and use its functions and classes everywhere inside the block."""
    original = sys.modules[mutant.module]
    source = Path(str(original.__file__)).read_text(encoding="utf-8")
    assert source.count(mutant.right) == 1, f"{source.count(mutant.right)} in {mutant.module}: {mutant.right!r}"
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
    """Replace all imports of the original's functions and classes. Return the replaced values, to restore them."""
    new = {
        id(was): fresh.__dict__[name]
        for name, was in vars(original).items()
        if isinstance(was, FunctionType | type) and was.__module__ == original.__name__
    }
    replaced: list[tuple[ModuleType, str, object]] = []
    for module in [each for name, each in sys.modules.items() if name.startswith(PACKAGES)]:
        for name, was in list(vars(module).items()):
            if id(was) in new:
                replaced.append((module, name, was))
                setattr(module, name, new[id(was)])
    return replaced
