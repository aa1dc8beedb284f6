"""Writes record.json: sealed partitions and ranges under given keys, computed without a line of the crate.

    pip install cryptography blake3
    python3 tests/vectors/record.py > tests/vectors/record.json

AES-GCM, AES-CTR, ChaCha20-Poly1305 and Ed25519 come from `cryptography`, BLAKE3 from `blake3`, SHA-512 and HMAC from hashlib.
Everything else follows the crate's documentation. Byte i of a plaintext is i mod 251. All bytes are hexadecimal; where
more than 1024 would stand, their SHA-512 stands instead, marked `sha512:`.
"""

import hashlib
import json
import sys

from blake3 import blake3
from common import AFGH, CLASS, COMMON, EPOCH, SIGNED, Party, be, context, digest, kdf, label, labelled, message, var
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from epoch import Tree

IMMUTABLE_HEADER, MUTABLE_HEADER, SEAL = 0x0020, 0x0021, 0x0022
SEALED_HEADER, SEALED_PARTITION, SEALED_RANGE = 0x0023, 0x0024, 0x0025
LAYER_EPOCH = 5
AEADS = {"AES-256-GCM": (1, AESGCM), "ChaCha20-Poly1305": (2, ChaCha20Poly1305)}

LEAF_KEY = digest(label("merkle body"), [b"leaf"])
NODE_KEY = digest(label("merkle body"), [b"node"])


def shown(data):
    return data.hex() if len(data) <= 1024 else "sha512:" + hashlib.sha512(data).hexdigest()


# The tree -----------------------------------------------------------------------------------------------------------


def middle(first, end):
    size = 1
    while 2 * size < end - first:
        size *= 2
    return first + size


def tree(leaves):
    """The hash over every subtree, by its first leaf and the one behind its last; below before above."""
    out = {}

    def walk(first, end):
        if end - first == 1:
            out[first, end] = leaves[first]
        else:
            split = middle(first, end)
            out[first, end] = blake3(walk(first, split) + walk(split, end), key=NODE_KEY).digest()
        return out[first, end]

    walk(0, len(leaves))
    return out


def prove(hashes, count, start, stop):
    """The largest subtrees without a leaf of the range, from left to right."""

    def walk(first, end):
        if end <= start or stop <= first or start == stop:
            return [hashes[first, end]]
        if end - first == 1:
            return []
        split = middle(first, end)
        return walk(first, split) + walk(split, end)

    return walk(0, count)


# Layers -------------------------------------------------------------------------------------------------------------


def layer(generation, epoch, owner, partition, header_digest, body):
    """The body in the layer of one generation, and what its key follows from."""
    tree = Tree(hashlib.sha256(b"layer/root").digest(), owner, partition, generation, 4)
    leaf_key = bytes.fromhex(tree.leaf(epoch)["key"])
    layer_key = kdf(label("body layer"), leaf_key, [header_digest])
    layered = Cipher(AES256(layer_key), CTR(bytes(16))).encryptor().update(body)
    return tree.encode(tree.cover(epoch, epoch))[1], leaf_key, layer_key, layered


# Cases --------------------------------------------------------------------------------------------------------------


def case(aead, length, about, chunk_size=4096, capsule_len=160, generations=()):
    name = f"{aead}, {length} bytes in chunks of {chunk_size}"

    def seed(what):
        return hashlib.sha256(f"{name}/{what}".encode()).digest()

    partition, slot, number, version, params, aad = about
    author = Party(seed("author_seed"))
    inputs = {
        "author_seed": author.seed, "key": seed("key"), "salt": seed("salt"),
        "capsule": hashlib.shake_256(name.encode()).digest(capsule_len),
        "owner": seed("owner"), "record": seed("record")[:16], "params": params, "origin": seed("origin"), "aad": aad,
    }
    key, salt = inputs["key"], inputs["salt"]
    encoded_context, ctx = context(
        AFGH, inputs["owner"], inputs["record"], version, partition, slot, number, params, inputs["origin"], author.id,
        aad,
    )

    # Header and keys.
    cipher_number, cipher = AEADS[aead]
    commitment = kdf(label("body commitment"), key, [salt])
    immutable = message(
        COMMON, IMMUTABLE_HEADER,
        encoded_context + var(inputs["capsule"]) + bytes([cipher_number, chunk_size.bit_length() - 1]) + salt
        + commitment,
    )
    header_digest = digest(label("immutable header"), [immutable])
    body_key = kdf(label("body key"), key, [salt, header_digest])

    # Body.
    plaintext = bytes(i % 251 for i in range(length))
    pieces = [plaintext[at : at + chunk_size] for at in range(0, length, chunk_size)] or [b""]
    count = len(pieces)
    nonces = [bytes(7) + be(i, 4) + bytes([i == count - 1]) for i in range(count)]
    chunks = [cipher(body_key).encrypt(nonce, piece, b"") for nonce, piece in zip(nonces, pieces)]
    leaves = [blake3(chunk, key=LEAF_KEY).digest() for chunk in chunks]
    hashes = tree(leaves)
    root = hashes[0, count]

    # Seal and partition.
    statement = header_digest + root + be(length, 8)
    encoded_statement = message(COMMON, SEAL, statement)
    signed_message = labelled(label("signed statement"), [author.public, encoded_statement])
    seal = author.sign(COMMON, SEAL, statement)
    assert seal[:4] == message(COMMON, SEAL | SIGNED, b"") and len(seal) == 176
    mutable = message(COMMON, MUTABLE_HEADER, be(0, 4) + var(b"") + b"\0")
    header = message(COMMON, SEALED_HEADER, immutable + mutable + seal)
    body = b"".join(chunks)

    # Ranges: nothing, everything, the last byte, and what lies across the borders of chunks or on them.
    ranges = []
    wanted = (0, 0), (length, length), (0, length), (length - 1, length), (4090, 4100), (4096, 8192)
    for start, end in dict.fromkeys(wanted):
        if not 0 <= start <= end <= length:
            continue
        first, stop = (start // chunk_size, -(-end // chunk_size)) if start < end else (0, 0)
        proof = prove(hashes, count, first, stop)
        encoded = message(
            COMMON, SEALED_RANGE,
            header + be(start, 8) + be(end, 8) + b"".join(chunks[first:stop]) + be(len(proof), 4) + b"".join(proof),
        )
        ranges.append({
            "start": start, "end": end, "proof": [x.hex() for x in proof], "sealed_range": shown(encoded),
        })

    middle_values = {
        "author_public": author.public, "author": author.id, "context_digest": ctx, "commitment": commitment,
        "header_digest": header_digest, "body_key": body_key, "root": root, "signed_message": signed_message,
        "signature": seal[-64:], "statement_id": author.statement_id(COMMON, SEAL, statement),
    }
    messages = {
        "context": encoded_context, "immutable_header": immutable, "mutable_header": mutable,
        "seal_statement": encoded_statement, "seal": seal, "sealed_header": header,
    }
    out = {
        "name": name, "aead": aead, "length": length, "chunk_size": chunk_size, "partition": partition,
        "slot": ["epoch", "class"][slot], "slot_number": number, "version": version,
    }
    for group, values in ("inputs", inputs), ("intermediates", middle_values), ("messages", messages):
        out[group] = {k: v.hex() for k, v in values.items()}
    out["chunks"] = [
        {"nonce": nonce.hex(), "sealed": shown(chunk), "leaf": leaf.hex()}
        for nonce, chunk, leaf in zip(nonces, chunks, leaves)
    ]
    out["nodes"] = [
        {"first": first, "split": middle(first, end), "end": end, "hash": value.hex()}
        for (first, end), value in hashes.items() if end - first > 1
    ]
    out |= {"body": shown(body), "ranges": ranges}
    out["sealed_partition"] = shown(message(COMMON, SEALED_PARTITION, header + body))

    # The same body in one layer after another.
    out["layers"] = []
    for generation in generations:
        epoch_keys, leaf_key, layer_key, layered = layer(
            generation, LAYER_EPOCH, inputs["owner"], partition, header_digest, body
        )
        mutable = message(COMMON, MUTABLE_HEADER, be(0, 4) + var(b"") + b"\1" + be(generation, 4))
        header = message(COMMON, SEALED_HEADER, immutable + mutable + seal)
        out["layers"].append({
            "generation": generation, "epoch": LAYER_EPOCH, "epoch_keys": epoch_keys.hex(), "leaf_key": leaf_key.hex(),
            "layer_key": layer_key.hex(), "mutable_header": mutable.hex(), "body": shown(layered),
            "sealed_partition": shown(message(COMMON, SEALED_PARTITION, header + layered)),
        })
    return out


if __name__ == "__main__":
    plain = ("medical", EPOCH, 0, 1, bytes(32), b"")
    full = ("z-0_9.abcdefghijklmnopqrstuvwxyz", CLASS, 2**32 - 1, 2**64 - 1, hashlib.sha256(b"params").digest(), b"aad")
    cases = []
    for length in 0, 1, 4095, 4096, 4097, 3 * 4096 + 5:
        cases += [case("AES-256-GCM", length, plain), case("ChaCha20-Poly1305", length, full)]
    # Trees that are not full, the last of them over enough chunks to be spread over cores.
    cases.append(case("ChaCha20-Poly1305", 2 * 4096 + 9, plain, capsule_len=0))
    cases.append(case("ChaCha20-Poly1305", 6 * 4096 + 1, plain, capsule_len=1024))
    cases.append(case("AES-256-GCM", 17 * 4096 + 3, full))
    cases.append(case("AES-256-GCM", 3 * 4096 + 5, full, chunk_size=8192))
    # Layers: around nothing but a tag, over part of a block, over several chunks.
    cases.append(case("AES-256-GCM", 0, full, chunk_size=8192, generations=[0]))
    cases.append(case("ChaCha20-Poly1305", 300, plain, chunk_size=8192, generations=[1, 2**32 - 1]))
    cases.append(case("AES-256-GCM", 5 * 4096 + 9, plain, generations=[1, 2, 7]))
    json.dump({"leaf_key": LEAF_KEY.hex(), "node_key": NODE_KEY.hex(), "cases": cases}, sys.stdout, indent=1)
    print()
