"""What the vectors share: labelled hashing, key derivation, messages and parties, after the crate's documentation.

SHA-512 and HMAC come from hashlib, Ed25519 from `cryptography`; HKDF is written out and checked against `cryptography`.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COMMON, AFGH = 0, 1
CONTEXT = 0x0001
SIGNED = 0x8000
EPOCH, CLASS = 0, 1


def be(n, length):
    return n.to_bytes(length, "big")


def label(name):
    return b"sesphr v1 " + name.encode()


# Hashing ------------------------------------------------------------------------------------------------------------


def labelled(lab, parts):
    out = be(len(lab), 8) + lab
    for part in parts:
        out += be(len(part), 8) + part
    return hashlib.sha512(out).digest()


def digest(lab, parts):
    return labelled(lab, parts)[:32]


def hkdf(salt, ikm, info, length):
    prk = hmac.new(salt, ikm, hashlib.sha512).digest()
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha512).digest()
        out, i = out + block, i + 1
    other = HKDF(algorithm=hashes.SHA512(), length=length, salt=salt, info=info).derive(ikm)
    assert other == out[:length]
    return other


def kdf(lab, secret, parts):
    return hkdf(lab, secret, labelled(lab, parts), 32)


# Messages -----------------------------------------------------------------------------------------------------------


def message(suite, kind, body):
    return bytes([1, suite]) + be(kind, 2) + body


def var(data):
    return be(len(data), 4) + data


def context(suite, owner, record, version, partition, slot, number, params, origin, author, aad):
    """Encoding and digest; in the digest the fields follow the label without a length of their own."""
    body = (
        bytes([suite]) + owner + record + be(version, 8) + var(partition.encode()) + bytes([slot]) + be(number, 4)
        + params + origin + author + var(aad)
    )
    lab = label("context")
    return message(COMMON, CONTEXT, body), hashlib.sha512(be(len(lab), 8) + lab + body).digest()[:32]


class Party:
    """An Ed25519 key, the hedge derived from it, and the counter of its draws."""

    def __init__(self, seed):
        self.seed, self.draws = seed, 0
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = self.key.public_key().public_bytes(*raw)
        self.id = digest(label("party id"), [self.public])
        self.hedge = kdf(label("hedge key"), seed, [])

    def draw(self, lab, parts, fresh):
        count, self.draws = self.draws, self.draws + 1
        return [fresh, self.hedge, be(count, 8)] + parts

    def sign(self, suite, kind, body):
        statement = message(suite, kind, body)
        signature = self.key.sign(labelled(label("signed statement"), [self.public, statement]))
        return message(suite, kind | SIGNED, self.public + statement + signature)

    def statement_id(self, suite, kind, body):
        return digest(label("statement id"), [self.public, message(suite, kind, body)])
