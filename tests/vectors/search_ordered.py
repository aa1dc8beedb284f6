"""Writes search_ordered.json: the ordered mode of search on ristretto255, computed without a line of the crate.

    pip install rbcl==1.1.2 cryptography blake3
    python3 tests/vectors/search_ordered.py > tests/vectors/search_ordered.json

The group is libsodium's, from `rbcl`, held to RFC 9496 by threshold.py, and so is the hash to it; hashes, messages and
parties come from common.py. Everything else follows the crate's documentation. All bytes are hexadecimal.
"""

import json
import pathlib
import sys

import rbcl
from common import Party, be, digest, kdf, label, labelled, message, var
from threshold import ORDER, base, hash_scalar, hexed, mul, scalar, seeds, self_check

ORDERED = 5
SPACE, WRITE_KEY, QUERY_KEY = 0x0090, 0x009C, 0x009D
SWITCH_TERMS, SWITCH_KEY, ROTATION_TERMS, ROTATION = 0x00A0, 0x00A1, 0x00A3, 0x00A4
INTEGER, RANGES = 4, 2
PROVIDER, QUERIER = 0, 1
END = {"smallest": 0, "greatest": 1}


def uniform_check():
    rfc = json.loads(pathlib.Path(__file__).with_name("ristretto.json").read_text())
    for case in rfc["uniform"]:
        assert rbcl.crypto_core_ristretto255_from_hash(bytes.fromhex(case["input"])).hex() == case["output"]


def inverse(k):
    return pow(k, -1, ORDER)


def step(party, generation):
    return party.id + be(generation, 4)


def path(steps):
    return be(len(steps), 1) + b"".join(step(*at) for at in steps)


def scope_of(paths):
    """Paths are in order as lists of steps are, not as their encodings."""
    ordered = sorted(paths, key=lambda steps: [(party.id, generation) for party, generation in steps])
    return be(len(ordered), 4) + b"".join(path(steps) for steps in ordered)


class Space:
    def __init__(self, root, owner, partition, attribute, bits):
        self.root, self.owner, self.bits = kdf(label("search root"), root, []), owner, bits
        body = owner.id + var(partition.encode()) + var(attribute.encode()) + bytes([INTEGER, bits, RANGES])
        self.message = message(ORDERED, SPACE, body)
        self.id = digest(label("search space"), [self.message])

    def r(self, generation):
        return hash_scalar(label("ordered r"), [self.root, self.id, be(generation, 4)])

    def c(self, domain, name):
        return hash_scalar(label("ordered c"), [self.root, self.id, domain, name])

    def writer(self, steps):
        """c, k and the steps' τ."""
        c = self.c(b"provider", path(steps[:1]))
        k, taus = self.r(steps[0][1]) * inverse(c) % ORDER, []
        for depth in range(2, len(steps) + 1):
            tau = hash_scalar(label("ordered tau"), [scalar(k), self.id, path(steps[:depth])])
            c, k, taus = c * inverse(tau) % ORDER, k * tau % ORDER, taus + [tau]
        assert c * k % ORDER == self.r(steps[0][1])
        return c, k, taus

    def points(self, k, number):
        out, text = [], format(number, f"0{self.bits}b")
        for t, bit in enumerate(text):
            prefix = int(text[:t] or "0", 2)
            for value in (int(bit), int(bit) + 1):
                parts = [self.id, be(t, 1), be(prefix, 8), be(value, 1)]
                element = rbcl.crypto_core_ristretto255_from_hash(labelled(label("ordered point"), parts))
                out.append(mul(k, element))
        return out

    def digests(self, points):
        return [digest(label("ordered digest"), [self.id, be(i // 2, 1), point])[:16] for i, point in enumerate(points)]

    def stored(self, c, points):
        return self.digests([mul(c, point) for point in points])


def compare(a, b):
    for t in range(0, len(a), 2):
        if a[t] != b[t]:
            less, greater = a[t + 1] == b[t], b[t + 1] == a[t]
            assert less != greater
            return -1 if less else 1
    return 0


def switch_key(space, signer, subject, factor):
    terms = space.id + subject + base(factor)
    signed = signer.sign(ORDERED, SWITCH_TERMS, terms)
    return message(ORDERED, SWITCH_KEY, signed + scalar(factor))


def provider(space, steps, numbers):
    c, k, taus = space.writer(steps)
    parties, signer = [party for party, _ in steps], space.owner
    factor = c
    if taus:
        signer, factor = parties[-2], inverse(taus[-1])
    values = []
    for number in numbers:
        points = space.points(k, number)
        stored = space.stored(c, points)
        values.append({"number": number, "points": b"".join(points).hex(), "stored": b"".join(stored).hex()})
    subject = bytes([PROVIDER]) + path(steps)
    return {
        "generations": [generation for _, generation in steps],
        "intermediates": hexed({"c": scalar(c), "k": scalar(k), "tau": [scalar(tau) for tau in taus]}),
        "messages": hexed({
            "write_key": message(ORDERED, WRITE_KEY, space.message + path(steps) + scalar(k)),
            "switch_key": switch_key(space, signer, subject, factor),
        }),
        "values": values,
    }


def querier(space, user, generation, scope, asked):
    c = space.c(b"querier", step(user, generation))
    k, name = space.r(generation) * inverse(c) % ORDER, step(user, generation)
    out = []
    for lower, upper, end, limit in asked:
        flags = (lower is not None) + 2 * (upper is not None)
        bounds = [space.points(k, bound) for bound in (lower, upper) if bound is not None]
        rest = be(END[end], 1) + be(limit, 4) + scope_of(scope)
        question = be(flags, 1) + b"".join(b"".join(points) for points in bounds) + rest
        trapdoor = be(flags, 1) + b"".join(b"".join(space.stored(c, points)) for points in bounds) + rest
        out.append({
            "lower": lower, "upper": upper, "end": end, "limit": limit,
            "messages": hexed({"question": question, "trapdoor": trapdoor}),
        })
    subject = bytes([QUERIER]) + name + scope_of(scope)
    return {
        "generation": generation, "intermediates": hexed({"c": scalar(c), "k": scalar(k)}),
        "messages": hexed({
            "query_key": message(ORDERED, QUERY_KEY, space.message + name + scope_of(scope) + scalar(k)),
            "switch_key": switch_key(space, space.owner, subject, c),
        }),
        "asked": out,
    }


def rotation(space, old, new, writers):
    r, s = space.r(old), space.r(new)
    delta = s * inverse(r) % ORDER
    assert mul(delta, base(r)) == base(s)
    terms = space.id + be(old, 4) + be(new, 4) + base(r) + base(s)
    signed = space.owner.sign(ORDERED, ROTATION_TERMS, terms)
    moved = []
    for steps, made in writers:
        c = space.writer(steps)[0] * delta % ORDER
        for value in made["values"]:
            points = bytes.fromhex(value["points"])
            points = [points[i:i + 32] for i in range(0, len(points), 32)]
            moved.append(b"".join(space.stored(c, points)).hex())
    return {
        "from": old, "to": new, "intermediates": hexed({"old": scalar(r), "new": scalar(s), "delta": scalar(delta)}),
        "messages": hexed({"rotation": message(ORDERED, ROTATION, signed + scalar(delta))}), "moved": moved,
    }


def pairs(hexadecimal):
    raw = bytes.fromhex(hexadecimal)
    return [raw[i:i + 16] for i in range(0, len(raw), 16)]


def case(root, people, attribute, bits, generation, later, numbers):
    owner, a, b, clinic, physician, user = people
    space = Space(root, owner, "medical", attribute, bits)
    paths = [
        [(a, generation)], [(b, generation)], [(a, generation), (clinic, 3)],
        [(a, generation), (clinic, 3), (physician, 0)],
    ]
    writers = [(steps, provider(space, steps, numbers)) for steps in paths]
    # The order of every two values is that of their numbers.
    values = [value for _, made in writers for value in made["values"]]
    for x in values:
        for y in values:
            expected = (x["number"] > y["number"]) - (x["number"] < y["number"])
            assert compare(pairs(x["stored"]), pairs(y["stored"])) == expected
    asked = [(min(numbers), max(numbers), "smallest", 2**32 - 1), (None, numbers[0], "smallest", 2**32 - 1),
             (None, None, "greatest", 5)]
    moved = rotation(space, generation, later, writers)
    fresh = provider(space, [(b, later)], numbers)
    for x, value in zip(moved["moved"], values):
        for y in fresh["values"]:
            expected = (value["number"] > y["number"]) - (value["number"] < y["number"])
            assert compare(pairs(x), pairs(y["stored"])) == expected
    return {
        "attribute": attribute, "bits": bits, "generation": generation, "messages": hexed({"space": space.message}),
        "intermediates": hexed({"search_root": space.root, "space": space.id, "r": scalar(space.r(generation))}),
        "providers": [made for _, made in writers],
        "querier": querier(space, user, generation, paths[:2], asked), "rotation": moved, "fresh": fresh,
    }


if __name__ == "__main__":
    self_check()
    uniform_check()
    names = ["owner", "a", "b", "clinic", "physician", "user"]
    inputs = seeds("search ordered", "root", *[f"{name}_seed" for name in names])
    people = [Party(inputs[f"{name}_seed"]) for name in names]
    vectors = {
        "inputs": hexed(inputs),
        "cases": [
            case(inputs["root"], people, "8480-6", 12, 0, 1, [0x800, 0x7ff, 0, 0xfff]),
            case(inputs["root"], people, "body.mass", 64, 2**32 - 2, 2**32 - 1, [2**64 - 1, 2**63]),
            case(inputs["root"], people, "x", 4, 7, 9, [9]),
        ],
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()
