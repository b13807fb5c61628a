"""Streams of boxes as docs/spec/boxes.md derives them, written from that text alone.

Only what names boxes is here: the sealing of boxes is not. Slow and not in constant time: a model to compare with.
"""

from hashlib import sha512

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

P = 2**255 - 19
# RFC 8032, section 5.1: d, and the base point.
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def hkdf(salt, key, info, length):
    return HKDF(SHA512(), length, salt, info).derive(key)


def recover_x(y, sign):
    """The x of a point on the curve (RFC 8032, section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    assert (x * x - square) % P == 0, "not a point"
    return P - x if x & 1 != sign else x


BASE = (recover_x(BASE_Y, 0), BASE_Y)


def add(a, b):
    """Affine addition on the twisted Edwards curve, complete (RFC 8032, section 5.1)."""
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P)
    return x % P, y % P


def multiply(scalar, point):
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def encode(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def clamp(secret):
    """The scalar of an Ed25519 secret (RFC 8032, section 5.1.5)."""
    return int.from_bytes(secret, "little") & (2**254 - 8) | 2**254


def ids(seed, count):
    """The ids of a stream's first boxes."""
    root_seed = hkdf(b"sotto-stream-root-v1", seed, b"", 32)
    root = multiply(clamp(sha512(root_seed).digest()[:32]), BASE)
    state = hkdf(b"sotto-stream-chain-v1", seed, b"", 32)
    for index in range(count):
        step = hkdf(b"sotto-chain-v1", state, index.to_bytes(8, "big"), 96)
        state, blinding = step[:32], step[64:]
        yield encode(multiply(clamp(hkdf(b"sotto-mailbox-v1", blinding, encode(root), 32)), root))
