"""What the vectors over BLS12-381 share: encodings of scalars, points and GT, the pairing, proofs of knowledge.

Curve and pairing come from py_ecc. Points are as py_ecc has them, in projective coordinates.
"""

import sys

from common import be, label, labelled
from py_ecc.bls.point_compression import compress_G1, compress_G2
from py_ecc.optimized_bls12_381 import (
    FQ12, G1, G2, Z1, Z2, add, curve_order as r, field_modulus as p, is_inf, multiply, neg, normalize, pairing
)

sys.setrecursionlimit(10000)


# Groups -------------------------------------------------------------------------------------------------------------


def hash_scalar(lab, parts):
    return int.from_bytes(labelled(lab, parts), "little") % r


def scalar(n):
    return n.to_bytes(32, "little")


def g1(point):
    return be(compress_G1(point), 48)


def g2(point):
    x1, x0 = compress_G2(point)
    return be(x1, 48) + be(x0, 48)


def g1_uncompressed(point):
    assert not is_inf(point)
    return b"".join(be(int(c), 48) for c in normalize(point))


def g2_uncompressed(point):
    """Of each coordinate the part with u first, as in the compressed form."""
    assert not is_inf(point)
    return b"".join(be(int(c), 48) for xy in normalize(point) for c in reversed(xy.coeffs))


def e(a, b):
    """py_ecc loops over |x| and leaves the sign of x = -0xd201000000010000 out, which inverts the result; and it
    raises to (p^12 - 1)/r, where bls12_381 and blst raise to three times that, which saves them a few steps."""
    f = pairing(b, a)
    return FQ12.one() / (f * f * f)


def gt(f):
    """py_ecc has Fp[w]/(w^12 - 2w^6 + 2); the tower is u = w^6 - 1, v = w^2. Coefficients from low to high, u inside,
    w outside, 48 bytes big-endian each."""
    c = [int(x) for x in f.coeffs]
    out = b""
    for k in range(2):
        for j in range(3):
            i = 2 * j + k
            out += be((c[i] + c[i + 6]) % p, 48) + be(c[i + 6], 48)
    return out


# Proofs -------------------------------------------------------------------------------------------------------------


def prove(lab, witness, base, mul, encode, image, msg, fresh):
    nonce = hash_scalar(label("proof nonce"), [lab, scalar(witness), encode(base), encode(image), fresh] + msg)
    commitment = mul(base, nonce)
    challenge = hash_scalar(lab, [encode(base), encode(image), encode(commitment)] + msg)
    response = (nonce + challenge * witness) % r
    return nonce, encode(commitment), challenge, response, scalar(challenge) + scalar(response)
