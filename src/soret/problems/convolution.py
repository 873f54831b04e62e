"""Convolution of one image by matrix products, for ensembles on any device.

A compiler's own convolution is built for one network and large batches; under `vmap` over
replicas and inside `scan` it falls back to slow loops on a CPU. Here columns are gathered and
multiplied in one product, and rows are added up. With few channels such products are too thin for
the hardware; so `fold` by 2 puts every 2 x 2 block of pixels into the channels, where a 5 x 5
kernel becomes a 3 x 3 kernel between blocks: products on three times instead of five times the
image, and six times as wide. `benchmarks/convolution.py` measures the difference.
"""

from functools import reduce

import jax.numpy as jnp
from jax.lax import optimization_barrier as barrier
from jaxtyping import Array, Float


def fold(x: Float[Array, "rows columns channels"], by: int) -> Float[Array, "..."]:
    """Put blocks of `by` x `by` pixels into the channels; rows and columns must be multiples.

    Returns
    -------
    array (rows / by, columns / by, by · by · channels)
    """
    rows, columns, channels = x.shape
    blocks = x.reshape(rows // by, by, columns // by, by, channels)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(rows // by, columns // by, -1)


def unfold(x: Float[Array, "rows columns channels"], by: int) -> Float[Array, "..."]:
    """Undo `fold`."""
    rows, columns, depth = x.shape
    blocks = x.reshape(rows, columns, by, by, depth // by**2)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(rows * by, columns * by, -1)


def convolve(
    x: Float[Array, "rows columns channels"],
    kernel: Float[Array, "outputs channels size size"],
    *,
    stride: int = 1,
    padding: int = 0,
) -> Float[Array, "..."]:
    """Return the cross-correlation of an image with a kernel, as `torch.nn.Conv2d` defines it.

    Parameters
    ----------
    x : (rows, columns, channels)
    kernel : (outputs, channels, size, size)
    stride : int
    padding : int
        Zeros added on every side.

    Returns
    -------
    array (rows′, columns′, outputs), rows′ = (rows + 2·padding − size) // stride + 1
    """
    outputs, _, size, _ = kernel.shape
    matrix = kernel.transpose(2, 3, 1, 0).reshape(-1, outputs)
    return _correlated(_padded(x, padding), matrix, size, stride)


def convolve_folded(
    x: Float[Array, "rows columns depth"],
    kernel: Float[Array, "outputs channels size size"],
    *,
    by: int,
    padding: int = 0,
) -> Float[Array, "..."]:
    """Convolve a folded image into a folded image: ``fold(convolve(unfold(x), …))``.

    The stride is 1, and `can_fold` must hold for the sizes.

    Parameters
    ----------
    x : (rows / by, columns / by, by · by · channels)
    kernel : (outputs, channels, size, size)
    by : int
    padding : int
        Zeros added to every side of the unfolded image.
    """
    blocks = -(-padding // by)
    matrix, reach = _kernel_between_blocks(kernel, by, blocks * by - padding)
    return _correlated(_padded(x, blocks), matrix, reach, 1)


def max_pool(x: Float[Array, "rows columns channels"], by: int) -> Float[Array, "..."]:
    """Return the largest value of every block of `by` x `by` pixels.

    Rows and columns that fill no block are dropped.
    """
    rows, columns, channels = x.shape
    whole = x[: rows // by * by, : columns // by * by]
    return whole.reshape(rows // by, by, columns // by, by, channels).max(axis=(1, 3))


def can_fold(rows: int, columns: int, size: int, stride: int, padding: int, by: int) -> bool:
    """Say whether `convolve_folded` takes these sizes: blocks come out whole on both sides."""
    grows = 2 * padding - size + 1
    return (
        stride == 1
        and all(n % by == 0 and (n + grows) % by == 0 and n + grows > 0 for n in (rows, columns))
        and all(_blocks_out(n, size, padding, by) == (n + grows) // by for n in (rows, columns))
    )


def _blocks_out(n: int, size: int, padding: int, by: int) -> int:
    blocks = -(-padding // by)
    reach = _reach(size, by, blocks * by - padding)
    return n // by + 2 * blocks - reach + 1


def _reach(size: int, by: int, offset: int) -> int:
    """Return over how many blocks the kernel of a block of pixels reaches."""
    return -(-(size + by - 1 + offset) // by)


def _kernel_between_blocks(
    kernel: Float[Array, "outputs channels size size"], by: int, offset: int
) -> tuple[Float[Array, "..."], int]:
    """Return the kernel from blocks to blocks as a matrix, and its size in blocks.

    Pixel (a, b) of an output block sees the kernel at (a + offset, b + offset) of the blocks
    that its patch covers.
    """
    outputs, channels, size, _ = kernel.shape
    reach = _reach(size, by, offset)
    pixels = kernel.transpose(2, 3, 1, 0)
    shifted = [
        jnp.pad(
            pixels, (_around(a, size, reach * by), _around(b, size, reach * by), *([(0, 0)] * 2))
        )
        for a in range(offset, offset + by)
        for b in range(offset, offset + by)
    ]
    whole = jnp.stack(shifted, axis=3).reshape(reach, by, reach, by, channels, by * by * outputs)
    matrix = whole.transpose(0, 2, 1, 3, 4, 5).reshape(-1, by * by * outputs)
    return matrix, reach


def _around(before: int, size: int, whole: int) -> tuple[int, int]:
    return before, whole - size - before


def _padded(x: Float[Array, "rows columns channels"], by: int) -> Float[Array, "..."]:
    return jnp.pad(x, ((by, by), (by, by), (0, 0))) if by else x


def _correlated(
    x: Float[Array, "rows columns channels"],
    matrix: Float[Array, "size*size*channels outputs"],
    size: int,
    stride: int,
) -> Float[Array, "rows′ columns′ outputs"]:
    """Correlate an image that is padded already with a kernel, by one product.

    Columns are gathered and rows are added up afterwards: patches of `size` · channels numbers,
    and not of `size`² · channels, are written to memory and read, which takes longer than the
    product. The barriers keep XLA from gathering while it multiplies, which is no product for its
    library then.
    """
    rows, columns = (n - size + 1 for n in x.shape[:2])
    side_by_side = jnp.concatenate(jnp.split(matrix, size), axis=1)
    shifted = [x[:, j : j + columns : stride] for j in range(size)]
    patches, side_by_side = barrier((jnp.concatenate(shifted, axis=-1), side_by_side))
    parts = jnp.split(barrier(patches @ side_by_side), size, axis=-1)
    return reduce(jnp.add, [part[i : i + rows : stride] for i, part in enumerate(parts)])
