"""Fingerprint: the counted cost of one training step. Exact: equal from run to run."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

SCHEMA = 1


class Fingerprint(BaseModel):
    """One optimiser step of a method on a student and batch shape, counted on the second step.

    Counted on fake tensors of the CPU, so a GPU is not needed and the host does not matter; the
    version of torch does, since it decides which operations a step is made of.

    Attributes:
        operations: calls of each aten operation that computes, by its name with overload.
        unknown: operations whose element-wise FLOPs are not known, by name: never counted as 0.
        matmul_flops_forward: of matrix products and convolutions, 2 a multiply-add.
        matmul_flops_backward: the same, in the backward pass.
        elementwise_flops: one for each element that an element-wise operation writes, more for
            those made of several.
        reduction_flops: one for each element that a reduction reads.
        bytes_read: by all operations, from shapes: as if nothing were fused or cached.
        bytes_written: likewise.
        saved_bytes: kept by autograd for the backward pass, each storage once.
        peak_live_bytes: largest sum of live tensors during the step: parameters, gradients,
            optimiser state, saved and temporary ones.
        resting_bytes: live tensors before the step: parameters, buffers, optimiser state, batch.
        copies: of tensors between host and device.
        synchronisations: operations that make the host wait for the device (`.item()`, `nonzero`).
        extra_params: trainable, of the method's auxiliary modules.
        extra_buffer_bytes: of the method's and its modules' buffers.
        images_forwarded: through the student, with gradient.
        images_forwarded_without_gradient: likewise without.
        state_bytes: what the method keeps between steps, its teacher included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    operations: dict[str, int]
    unknown: tuple[str, ...]
    matmul_flops_forward: int
    matmul_flops_backward: int
    elementwise_flops: int
    reduction_flops: int
    bytes_read: int
    bytes_written: int
    saved_bytes: int
    peak_live_bytes: int
    resting_bytes: int
    copies: int
    synchronisations: int
    extra_params: int
    extra_buffer_bytes: int
    images_forwarded: int
    images_forwarded_without_gradient: int
    state_bytes: int

    @property
    def matmul_flops(self) -> int:
        return self.matmul_flops_forward + self.matmul_flops_backward

    @property
    def num_operations(self) -> int:
        return sum(self.operations.values())

    @property
    def other_flops(self) -> int:
        return self.elementwise_flops + self.reduction_flops

    @property
    def bytes_moved(self) -> int:
        return self.bytes_read + self.bytes_written

    def quantities(self) -> dict[str, int]:
        """Return every quantity by its name, those of claims and gates."""
        return {name: int(getattr(self, name)) for name in QUANTITIES}


class Meaning(NamedTuple):
    """What a quantity is, for a reader."""

    title: str
    unit: str


QUANTITIES: dict[str, Meaning] = {
    "num_operations": Meaning("operations", ""),
    "matmul_flops": Meaning("matmul and convolution FLOPs", "FLOPs"),
    "matmul_flops_forward": Meaning("matmul and convolution FLOPs, forward", "FLOPs"),
    "matmul_flops_backward": Meaning("matmul and convolution FLOPs, backward", "FLOPs"),
    "elementwise_flops": Meaning("element-wise FLOPs", "FLOPs"),
    "reduction_flops": Meaning("reduction FLOPs", "FLOPs"),
    "bytes_moved": Meaning("bytes read and written", "B"),
    "bytes_read": Meaning("bytes read", "B"),
    "bytes_written": Meaning("bytes written", "B"),
    "saved_bytes": Meaning("bytes saved for backward", "B"),
    "peak_live_bytes": Meaning("peak of live tensors", "B"),
    "resting_bytes": Meaning("live tensors between steps", "B"),
    "copies": Meaning("copies between host and device", ""),
    "synchronisations": Meaning("waits for the device", ""),
    "extra_params": Meaning("auxiliary parameters", ""),
    "extra_buffer_bytes": Meaning("auxiliary buffers", "B"),
    "images_forwarded": Meaning("images forwarded", ""),
    "images_forwarded_without_gradient": Meaning("images forwarded without gradient", ""),
    "state_bytes": Meaning("state kept between steps", "B"),
}
