"""Writes rewrap.json: wrapped keys that move from one generation to the next, computed without a line of the crate.

    pip install rbcl==1.1.2 cryptography blake3
    python3 tests/vectors/rewrap.py > tests/vectors/rewrap.json

Trees of epoch keys come from epoch.py, the group (libsodium's, from `rbcl`, held to RFC 9496) from threshold.py, hashes,
messages and parties from common.py. Everything else follows the crate's documentation. All bytes are hexadecimal; fresh
bytes are what the random number generator gives, in the order in which it is asked. Parties count their draws; the order
is that of the file.
"""

import json
import sys

from common import COMMON, Party, be, kdf, label, labelled, message
from epoch import Tree
from threshold import ORDER, add, base, hash_scalar, hexed, mul, scalar, seeds, self_check, var

DIRECTORY, WRAPPED, TOKEN, TERMS = 0x0071, 0x0072, 0x0073, 0x0076
VALIDITY = [10, 20]


class Secret:
    """x of one epoch and generation."""

    def __init__(self, root, owner, partition, generation, height, epoch):
        self.tree = Tree(root, owner.id, partition, generation, height)
        self.epoch = epoch
        self.x = int.from_bytes(bytes.fromhex(self.tree.leaf(epoch)["scalar_bytes"]), "little") % ORDER
        self.inverse = pow(self.x, -1, ORDER)
        self.y = base(self.x)
        self.name = owner.id + var(partition.encode()) + be(generation, 4) + be(height, 1)
        self.parts = [owner.id, partition.encode(), be(epoch, 4), be(height, 1)]

    def shown(self):
        return {
            "generation": self.tree.generation,
            "intermediates": hexed({"x": scalar(self.x), "inverse": scalar(self.inverse), "Y": self.y}),
        }


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def minus(a, b):
    return add(a, mul(ORDER - 1, b))


def encode(generation, parts):
    body = be(generation, 4) + b"".join(parts)
    assert len(body) == 132
    return message(COMMON, WRAPPED, body)


def wrap(name, secret, version, author):
    inputs = seeds(name, "record", "data_key", "fresh_m")
    inputs["record"], draws = inputs["record"][:16], author.draws
    subject = secret.parts + [inputs["record"], be(version, 8)]
    parts = author.draw(label("rewrap m"), [secret.y, inputs["data_key"]] + subject, inputs["fresh_m"])
    m = hash_scalar(label("rewrap m"), parts)
    M, rho = base(m), hash_scalar(label("rewrap rho"), [scalar(m), secret.y, base(1)])
    C1, C2 = mul(rho, secret.y), add(base(rho), M)
    K = kdf(label("rewrap key"), M, subject)
    pad = kdf(label("rewrap pad"), K, [])
    sealed = xor(inputs["data_key"], pad)
    tag = kdf(label("rewrap tag"), K, [sealed])
    # What a reader does.
    assert minus(C2, mul(secret.inverse, C1)) == M
    out = {
        "version": version, "author_draws": draws, "inputs": hexed(inputs),
        "intermediates": hexed({
            "m": scalar(m), "M": M, "rho": scalar(rho), "C1": C1, "C2": C2, "K": K, "pad": pad, "sealed": sealed, "tag": tag,
        }),
        "messages": hexed({"wrapped": encode(secret.tree.generation, [C1, C2, sealed, tag])}),
    }
    return {"M": M, "now": [C1, C2, sealed, tag], "out": out}


def update(old, new, delta, seed, now, M):
    C1, C2, sealed, tag = now
    rho = hash_scalar(label("rewrap rho"), [seed, C1, C2])
    C1, C2 = add(mul(delta, C1), mul(rho, new.y)), add(C2, base(rho))
    assert minus(C2, mul(new.inverse, C1)) == M and minus(C2, mul(old.inverse, C1)) != M
    moved = [C1, C2, sealed, tag]
    return moved, {
        "intermediates": hexed({"rho": scalar(rho), "C1": C1, "C2": C2}),
        "messages": hexed({"wrapped": encode(new.tree.generation, moved)}),
    }


def step(name, owner, cloud, old, new, wraps):
    """One token; all wrapped keys at once, and then the first of them alone."""
    delta = new.x * old.inverse % ORDER
    assert mul(delta, old.y) == new.y
    terms = old.name + be(new.tree.generation, 4) + be(old.epoch, 4) + old.y + new.y
    signed, named = owner.sign(COMMON, TERMS, terms), owner.statement_id(COMMON, TERMS, terms)
    inputs, draws = seeds(name, "fresh_many", "fresh_one"), cloud.draws
    lab = label("rewrap update")
    many, one = [labelled(lab, cloud.draw(lab, [named], inputs[fresh])) for fresh in ("fresh_many", "fresh_one")]
    alone = update(old, new, delta, one, wraps[0]["now"], wraps[0]["M"])[1]
    all_of_them = []
    for w in wraps:
        w["now"], out = update(old, new, delta, many, w["now"], w["M"])
        all_of_them.append(out)
    return {
        "from": old.tree.generation, "to": new.tree.generation, "cloud_draws": draws, "inputs": hexed(inputs),
        "intermediates": hexed({"delta": scalar(delta), "digest": named, "seed_many": many, "seed_one": one}),
        "messages": hexed({"terms": signed, "token": message(COMMON, TOKEN, signed + scalar(delta))}),
        "many": all_of_them, "one": alone,
    }


def case(root, owner, author, cloud, partition, height, epoch, generations, versions):
    name = f"rewrap/{partition}"
    secrets = [Secret(root, owner, partition, generation, height, epoch) for generation in generations]
    wraps = [wrap(f"{name}/wrap {i}", secrets[0], version, author) for i, version in enumerate(versions)]
    steps = [
        step(f"{name}/step {i}", owner, cloud, old, new, wraps) for i, (old, new) in enumerate(zip(secrets, secrets[1:]))
    ]
    return secrets[0], {
        "partition": partition, "height": height, "epoch": epoch, "secrets": [secret.shown() for secret in secrets],
        "wraps": [w["out"] for w in wraps], "steps": steps,
    }


if __name__ == "__main__":
    self_check()
    inputs = seeds("rewrap", "owner_seed", "author_seed", "cloud_seed", "root")
    owner, author, cloud = [Party(inputs[f"{name}_seed"]) for name in ("owner", "author", "cloud")]
    everybody = inputs["root"], owner, author, cloud
    made = [
        case(*everybody, "medical", 16, 100, [0, 1, 2], [1, 2**64 - 1]),
        # A generation that is left out, and the last one.
        case(*everybody, "insurance", 1, 1, [3, 5, 2**32 - 1], [0]),
        case(*everybody, "z-0_9.abcdefghijklmnopqrstuvwxyz", 32, 2**32 - 1, [0, 1], [7]),
    ]
    entries = sorted((secret for secret, _ in made), key=lambda secret: secret.tree.partition)
    directory = be(4, 8) + be(VALIDITY[0], 8) + be(VALIDITY[1], 8) + be(len(entries), 4)
    directory += b"".join(secret.name + be(secret.epoch, 4) + secret.y for secret in entries)
    vectors = {
        "inputs": hexed(inputs),
        "intermediates": hexed({f"{name}_hedge": party.hedge for name, party in [("author", author), ("cloud", cloud)]}),
        "directory": {
            "version": 4, "validity": VALIDITY,
            "messages": hexed({"directory": owner.sign(COMMON, DIRECTORY, directory)}),
        },
        "cases": [out for _, out in made],
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()
