"""One call of an operation, as the counter's formulas see it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload


class Call:
    """An operation with its arguments and what it returned.

    Args:
        function: the overload, `torch.ops.aten.add.Tensor`.
        args: positional.
        kwargs: by name.
        result: tensors, a sequence of them, or something else.

    Attributes:
        name: with namespace and overload: `aten.add_.Tensor`.
        kind: without them, and equal for the in-place and the list form: `add`.
        inputs: each tensor of the arguments once, in their order.
        changed: those of them that the operation writes, as its schema says.
        made: tensors that it returns and that are no arguments, nor views of them.
    """

    def __init__(
        self, function: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.name = str(function)
        self.kind = kind_of(function)
        self.inputs = _once([*args, *kwargs.values()])
        self.changed = _once([self.argument(name) for name in _changed(function)])
        self.made = _once(_new(function, result))

    @property
    def written(self) -> list[Tensor]:
        """Every tensor that has new values."""
        return [*self.changed, *self.made]

    def argument(self, name: str) -> Any:
        """Return an argument by its name in the schema, or its default."""
        position, default = _signature(self.function)[name]
        if position is not None and position < len(self.args):
            return self.args[position]
        return self.kwargs.get(name, default)

    def takes(self, name: str) -> bool:
        """Whether the operation has an argument of this name."""
        return name in _signature(self.function)

    def given(self, name: str) -> list[Tensor]:
        """Return the tensors of an argument: none, one or a list."""
        return _once([self.argument(name)])


@cache
def kind_of(function: OpOverload) -> str:
    """Return an operation's name; equal for `add`, `add_` and `_foreach_add_`."""
    name = function._schema.name.partition("::")[2]
    return str(name.removeprefix("_foreach_").removesuffix("_"))


@cache
def is_view(function: OpOverload) -> bool:
    """Whether an operation returns what it was given under another shape: nothing is computed."""
    returned = [value.alias_info for value in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in returned)


@cache
def is_composite(function: OpOverload) -> bool:
    """Whether an operation is made of others that can be counted in its place."""
    if function.namespace == "prim":
        return False  # what they tell is in no table of kernels
    name, key = str(function._schema.name), "CompositeImplicitAutograd"
    if function._schema.overload_name:
        name = f"{name}.{function._schema.overload_name}"
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(name, key))


def num_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of tensors; what is expanded along a dimension is there once."""
    return sum(_num_distinct(tensor) * tensor.element_size() for tensor in tensors)


def num_elements(tensors: Iterable[Tensor]) -> int:
    """Return the number of elements of tensors."""
    return sum(tensor.numel() for tensor in tensors)


def _num_distinct(tensor: Tensor) -> int:
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    return prod(size for size, stride in sizes if stride != 0 or size == 0)


@cache
def _signature(function: OpOverload) -> dict[str, tuple[int | None, Any]]:
    """Return position (None if given by name only) and default of each argument."""
    return {
        argument.name: (None if argument.kwarg_only else position, argument.default_value)
        for position, argument in enumerate(function._schema.arguments)
    }


@cache
def _changed(function: OpOverload) -> tuple[str, ...]:
    arguments = function._schema.arguments
    return tuple(a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write)


def _new(function: OpOverload, result: Any) -> list[Any]:
    """Return the results that the schema does not tie to an argument."""
    returns = function._schema.returns
    results = [result] if len(returns) == 1 else list(result or ())
    return [value for value, said in zip(results, returns, strict=True) if said.alias_info is None]


def _once(values: Sequence[Any]) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    for tensor in _tensors(values):
        found.setdefault(id(tensor), tensor)
    return list(found.values())


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
