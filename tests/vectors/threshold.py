"""Writes threshold.json: threshold proxy re-encryption on ristretto255, computed without a line of the crate.

    pip install rbcl==1.1.2 cryptography blake3
    python3 tests/vectors/threshold.py > tests/vectors/threshold.json

The group is libsodium's, from `rbcl`, which is held to RFC 9496 (ristretto.json) first; scalars are Python's integers.
BLAKE3 comes from `blake3`, SHA-512 and HMAC from hashlib, Ed25519 from `cryptography` (common.py). Everything else
follows the crate's documentation. All bytes are hexadecimal; fresh bytes are what the random number generator gives, in
the order in which it is asked. Parties count their draws; the order is that of the file. Servers count from 1.
"""

import hashlib
import json
import pathlib
import sys

import rbcl
from blake3 import blake3
from common import EPOCH, Party, be, context, digest, kdf, label, labelled, message, var

THRESHOLD = 3
OWNER_CERT, OWNER_KEY, OWNER_SECRET, USER_KEY, USER_SECRET = 0x0080, 0x0081, 0x0082, 0x0083, 0x0084
GRANT, FRAGMENT, CAPSULE, PART, SERVERS = 0x0085, 0x0086, 0x0087, 0x0088, 0x0089
ORDER = 2**252 + 27742317777372353535851937790883648493

LEAF_KEY = digest(label("merkle labels"), [b"leaf"])
NODE_KEY = digest(label("merkle labels"), [b"node"])


def seeds(name, *what):
    return {k: hashlib.sha256(f"{name}/{k}".encode()).digest() for k in what}


def hexed(values):
    return {k: [x.hex() for x in v] if isinstance(v, list) else v.hex() for k, v in values.items()}


# The group, written as encodings ------------------------------------------------------------------------------------


def scalar(k):
    return k.to_bytes(32, "little")


def hash_scalar(lab, parts):
    return int.from_bytes(labelled(lab, parts), "little") % ORDER


def mul(k, point):
    return rbcl.crypto_scalarmult_ristretto255(scalar(k % ORDER), point)


def base(k):
    return rbcl.crypto_scalarmult_ristretto255_base(scalar(k % ORDER))


def add(a, b):
    return rbcl.crypto_core_ristretto255_add(a, b)


def total(points):
    out = bytes(32)
    for point in points:
        out = add(out, point)
    return out


def self_check():
    rfc = json.loads(pathlib.Path(__file__).with_name("ristretto.json").read_text())
    out = bytes(32)
    for k, expected in enumerate(rfc["multiples"]):
        assert out.hex() == expected and (k == 0 or base(k) == mul(k, base(1)) == out)
        out = add(out, base(1))
    for group in rfc["invalid"]:
        assert not any(rbcl.crypto_core_ristretto255_is_valid_point(bytes.fromhex(x)) for x in group["encodings"])


# Label keys ---------------------------------------------------------------------------------------------------------


def middle(first, end):
    size = 1
    while 2 * size < end - first:
        size *= 2
    return first + size


def period(partition, epoch):
    return var(partition.encode()) + be(epoch, 4)


class Tree:
    """All keys of an owner: for each partition, in ascending order, its epochs. One signed root over them."""

    def __init__(self, owner, root, partitions, epochs):
        self.owner, self.keys, self.nodes = owner, [], {}
        for partition in sorted(partitions):
            for epoch in range(epochs):
                self.keys.append(self.key(root, partition, epoch))
        self.top = self.walk(0, len(self.keys))
        self.cert = owner.sign(THRESHOLD, OWNER_CERT, be(len(self.keys), 4) + self.top)
        self.out = {
            "partitions": partitions, "epochs": epochs, "cert": self.cert.hex(), "root": self.top.hex(),
            "nodes": [
                {"first": first, "split": middle(first, end), "end": end, "hash": value.hex()}
                for (first, end), value in self.nodes.items()
            ],
            "keys": [self.shown(index) for index in range(len(self.keys))],
        }

    def key(self, root, partition, epoch):
        parts = [self.owner.id, partition.encode(), be(epoch, 4)]
        a = hash_scalar(label("threshold owner secret"), [root] + parts)
        A = base(a)
        leaf = blake3(period(partition, epoch) + A, key=LEAF_KEY).digest()
        origin = digest(label("threshold origin"), parts + [A])
        return {"partition": partition, "epoch": epoch, "a": a, "A": A, "origin": origin, "leaf": leaf}

    def walk(self, first, end):
        if end - first == 1:
            return self.keys[first]["leaf"]
        split = middle(first, end)
        pair = self.walk(first, split) + self.walk(split, end)
        self.nodes[first, end] = blake3(pair, key=NODE_KEY).digest()
        return self.nodes[first, end]

    def path(self, index, first, end):
        """What lies beside the way to one leaf, from left to right."""
        if end - first == 1:
            return []
        split = middle(first, end)
        if index < split:
            return self.path(index, first, split) + [self.walk(split, end)]
        return [self.walk(first, split)] + self.path(index, split, end)

    def shown(self, index):
        key = self.keys[index]
        path = self.path(index, 0, len(self.keys))
        named = period(key["partition"], key["epoch"])
        body = self.cert + be(index, 4) + named + key["A"] + be(len(path), 4) + b"".join(path)
        return {
            "partition": key["partition"], "epoch": key["epoch"], "index": index,
            "intermediates": hexed({
                "a": scalar(key["a"]), "A": key["A"], "origin": key["origin"], "leaf": key["leaf"], "path": path,
            }),
            "messages": hexed({
                "owner_key": message(THRESHOLD, OWNER_KEY, body),
                "owner_secret": message(THRESHOLD, OWNER_SECRET, self.owner.id + named + scalar(key["a"])),
            }),
        }


# Capsules -----------------------------------------------------------------------------------------------------------


def derive(shared, c1, ctx):
    """The key and its tag."""
    return kdf(label("threshold key"), shared, [c1, ctx]), kdf(label("threshold tag"), shared, [c1, ctx])[:14]


def challenge(lab, parts):
    e = digest(label(lab), parts)[:16]
    return e, int.from_bytes(e, "little")


def capsule(number, owner, author, key, version, aad):
    inputs = seeds(f"threshold/capsule {number}", "record", "fresh_rho") | {"aad": aad}
    inputs["record"] = inputs["record"][:16]
    encoded, ctx = context(
        THRESHOLD, owner.id, inputs["record"], version, key["partition"], EPOCH, key["epoch"], bytes(32), key["origin"],
        author.id, aad,
    )
    draws = author.draws
    rho = hash_scalar(label("threshold rho"), author.draw(label("threshold rho"), [ctx], inputs["fresh_rho"]))
    nonce = hash_scalar(label("threshold capsule nonce"), [scalar(rho), ctx])
    c1, R, shared = base(rho), base(nonce), mul(rho, key["A"])
    K, tag = derive(shared, c1, ctx)
    e, e_number = challenge("threshold capsule proof", [c1, R, key["A"], tag, ctx])
    z = (nonce + e_number * rho) % ORDER
    # What a server sees, and what the owner does.
    assert base(z) == add(R, mul(e_number, c1)) and derive(mul(key["a"], c1), c1, ctx) == (K, tag)
    out = {
        "version": version, "author_draws": draws, "inputs": hexed(inputs),
        "intermediates": hexed({
            "ctx": ctx, "rho": scalar(rho), "nonce": scalar(nonce), "c1": c1, "R": R, "rho_A": shared, "tag": tag,
            "e": e, "z": scalar(z), "K": K,
        }),
        "messages": hexed({"context": encoded, "capsule": message(THRESHOLD, CAPSULE, c1 + tag + e + scalar(z))}),
    }
    return {"number": number, "c1": c1, "ctx": ctx, "shared": shared, "opens": (K, tag), "out": out}


# Delegatees and grants ----------------------------------------------------------------------------------------------


class User(Party):
    """A party with a key pair. The first draw makes it."""

    def __init__(self, name):
        inputs = seeds(name, "seed", "fresh_key")
        super().__init__(inputs["seed"])
        lab = label("threshold user secret")
        self.b = hash_scalar(lab, self.draw(lab, [], inputs["fresh_key"]))
        self.point = base(self.b)
        self.out = {
            "inputs": hexed(inputs),
            "intermediates": hexed({"id": self.id, "hedge": self.hedge, "b": scalar(self.b), "B_pk": self.point}),
            "messages": hexed({
                "user_key": self.sign(THRESHOLD, USER_KEY, self.point),
                "user_secret": message(THRESHOLD, USER_SECRET, self.id + scalar(self.b)),
            }),
        }


class Committee:
    """Any threshold of these servers."""

    def __init__(self, threshold, servers):
        self.threshold, self.servers = threshold, servers
        ids = b"".join(server.id for server in servers)
        self.bytes = message(THRESHOLD, SERVERS, bytes([threshold, len(servers)]) + ids)


class Grant:
    """What stays when fragments are refreshed, and one round after the other."""

    def __init__(self, name, owner, key, user, validity, committee, capsules, choices):
        self.name, self.owner, self.key, self.user, self.rounds = name, owner, key, user, []
        self.validity = be(validity[0], 8) + be(validity[1], 8)
        inputs, origin, A = seeds(name, "fresh_id"), key["origin"], key["A"]
        draws, lab = owner.draws, label("threshold grant id")
        parts = [origin, user.id, user.point, be(validity[0], 8), be(validity[1], 8), committee.bytes]
        self.id = digest(lab, owner.draw(lab, parts, inputs["fresh_id"]))[:16]
        x = hash_scalar(label("threshold x"), [scalar(key["a"]), origin, user.id, user.point, self.id])
        self.X, shared = base(x), mul(x, user.point)
        assert shared == mul(user.b, self.X)
        self.d = hash_scalar(label("threshold d"), [shared, self.X, A, user.point, origin, user.id, self.id])
        self.out = {
            "validity": validity, "owner_draws": draws, "inputs": hexed(inputs),
            "intermediates": hexed({
                "id": self.id, "x": scalar(x), "X": self.X, "x_B_pk": shared, "d": scalar(self.d),
            }),
            "rounds": self.rounds,
        }
        self.deal(committee, capsules, choices)

    def deal(self, committee, capsules, choices):
        """Fragments, answers for all capsules by all servers, and what the choices of servers open."""
        threshold, servers = committee.threshold, committee.servers
        number, a, c = len(self.rounds), self.key["a"], pow(self.d, -1, ORDER)
        name, lab, draws = f"{self.name}/round {number}", label("threshold coefficient"), self.owner.draws
        fresh = [seeds(name, f"fresh_{j}")[f"fresh_{j}"] for j in range(1, threshold)]
        f = [a * c % ORDER] + [
            hash_scalar(lab, self.owner.draw(lab, [self.id, be(number, 4), bytes([j]), committee.bytes], value))
            for j, value in enumerate(fresh, 1)
        ]
        F = [base(coefficient) for coefficient in f]
        body = (
            self.id + be(number, 4) + self.key["origin"] + self.user.id + self.user.point + self.X + self.validity
            + committee.bytes + b"".join(F)
        )
        signed, named = self.owner.sign(THRESHOLD, GRANT, body), self.owner.statement_id(THRESHOLD, GRANT, body)
        fragments = []
        for k in range(1, len(servers) + 1):
            share = sum(coefficient * k**j for j, coefficient in enumerate(f)) % ORDER
            image = base(share)
            assert image == total(mul(k**j, commitment) for j, commitment in enumerate(F))
            fragments.append((k, share, image))
        parts = [
            [self.part(name, named, servers[fragment[0] - 1], fragment, c) for fragment in fragments] for c in capsules
        ]
        self.rounds.append({
            "round": number, "threshold": threshold, "owner_draws": draws,
            "server_seeds": [server.seed.hex() for server in servers],
            "inputs": {"fresh_coefficients": [value.hex() for value in fresh]},
            "intermediates": hexed({
                "digest": named, "f": [scalar(coefficient) for coefficient in f], "F": F,
            }),
            "messages": hexed({"servers": committee.bytes, "grant": signed}),
            "fragments": [
                {
                    "server": k, "intermediates": hexed({"share": scalar(share), "U": image}),
                    "messages": hexed({"fragment": message(THRESHOLD, FRAGMENT, named + bytes([k]) + scalar(share))}),
                }
                for k, share, image in fragments
            ],
            "answers": [
                {
                    "capsule": c["number"], "parts": [part["out"] for part in made],
                    "openings": [self.opening(c, made, choice) for choice in choices],
                }
                for c, made in zip(capsules, parts)
            ],
        })
        assert all(len(set(choice)) == threshold for choice in choices)

    def part(self, name, named, server, fragment, c):
        k, share, image = fragment
        inputs = seeds(f"{name}/capsule {c['number']}/server {k}", "fresh_nonce")
        draws, lab = server.draws, label("threshold part nonce")
        nonce = hash_scalar(lab, server.draw(lab, [scalar(share), named, c["c1"], c["ctx"]], inputs["fresh_nonce"]))
        E, R1, R2 = mul(share, c["c1"]), mul(nonce, c["c1"]), base(nonce)
        e, number = challenge(
            "threshold part proof",
            [self.key["A"], self.user.point, named, bytes([k]), c["ctx"], c["c1"], E, image, R1, R2],
        )
        z = (nonce + number * share) % ORDER
        # What a delegatee sees.
        assert mul(z, c["c1"]) == add(R1, mul(number, E)) and base(z) == add(R2, mul(number, image))
        out = {
            "server": k, "server_draws": draws, "inputs": hexed(inputs),
            "intermediates": hexed({"nonce": scalar(nonce), "E": E, "R1": R1, "R2": R2, "e": e, "z": scalar(z)}),
            "messages": hexed({"part": message(THRESHOLD, PART, bytes([k]) + E + R1 + R2 + scalar(z))}),
        }
        return {"E": E, "out": out}

    def opening(self, c, parts, choice):
        weights = []
        for k in choice:
            weight = 1
            for j in choice:
                weight *= 1 if j == k else j * pow(j - k, -1, ORDER)
            weights.append(weight % ORDER)
        combined = total(mul(weight, parts[k - 1]["E"]) for weight, k in zip(weights, choice))
        shared = mul(self.d, combined)
        assert shared == c["shared"] and derive(shared, c["c1"], c["ctx"]) == c["opens"]
        return {
            "servers": choice,
            "intermediates": hexed({"lambda": [scalar(weight) for weight in weights], "combined": combined}),
        }


if __name__ == "__main__":
    self_check()
    base_inputs = seeds("threshold", "owner_seed", "author_seed", "root")
    owner, author = Party(base_inputs["owner_seed"]), Party(base_inputs["author_seed"])
    root = base_inputs["root"]
    # A single key, a tree that is full, and one that is not.
    trees = [
        Tree(owner, root, ["z-0_9.abcdefghijklmnopqrstuvwxyz"], 1),
        Tree(owner, root, ["personal", "medical", "insurance", "prescription"], 2),
        Tree(owner, root, ["medical", "insurance"], 3),
    ]
    key = trees[-1].keys[5]
    assert (key["partition"], key["epoch"]) == ("medical", 2)
    user = User("threshold/user")
    capsules = [
        capsule(i, owner, author, key, version, aad)
        for i, (version, aad) in enumerate([(1, b""), (2**64 - 1, "Größe".encode())])
    ]
    servers = [Party(seeds(f"threshold/server {k}", "seed")["seed"]) for k in range(1, 10)]

    pairs = [[1, 2], [3, 1], [2, 3]]
    alone = Grant("threshold/1 of 1", owner, key, user, [10, 20], Committee(1, servers[:1]), capsules, [[1]])
    two_of_three = Committee(2, servers[:3])
    few = Grant("threshold/2 of 3", owner, key, user, [0, 2**64 - 1], two_of_three, capsules, pairs)
    # Refreshed for the same servers, and for others.
    few.deal(two_of_three, capsules, pairs)
    few.deal(Committee(3, servers[2:6]), capsules[:1], [[1, 2, 3], [4, 2, 1]])
    choices = [[1, 2, 3, 4, 5], [9, 7, 5, 3, 1], [6, 8, 9, 7, 5]]
    many = Grant("threshold/5 of 9", owner, key, user, [15, 15], Committee(5, servers), capsules[1:], choices)
    vectors = {
        "leaf_key": LEAF_KEY.hex(), "node_key": NODE_KEY.hex(), "inputs": hexed(base_inputs),
        "intermediates": hexed({
            "owner_id": owner.id, "owner_hedge": owner.hedge, "author_id": author.id, "author_hedge": author.hedge,
        }),
        "trees": [tree.out for tree in trees], "key": {"tree": 2, "index": 5}, "user": user.out,
        "capsules": [c["out"] for c in capsules], "grants": [grant.out for grant in (alone, few, many)],
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()
