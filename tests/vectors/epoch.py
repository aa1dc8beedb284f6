"""Writes epoch.json: trees of epoch keys, what is granted, merged and erased, computed without a line of the crate.

    pip install cryptography
    python3 tests/vectors/epoch.py > tests/vectors/epoch.json

SHA-512 and HMAC come from hashlib; HKDF is written out and checked against `cryptography` (common.py). Everything else
follows the crate's documentation. All bytes are hexadecimal. A node is its level (leaves at 0), its index from the left
and its key.

A cover is found here by filling the range from the left with the largest blocks that fit, where the crate cuts nodes in
two from the top. What is open is kept as a set of nodes, where the crate keeps them in order.
"""

import hashlib
import json
import sys

from common import COMMON, be, digest, kdf, label, labelled, message, var

OWNER_ROOT, EPOCH_KEYS = 0x0004, 0x0070


class Tree:
    def __init__(self, root, owner, partition, generation, height):
        self.root_secret, self.owner, self.partition = root, owner, partition
        self.generation, self.height, self.last = generation, height, 2**height - 1
        name = partition.encode()
        self.id = digest(label("epoch tree"), [owner, name, be(generation, 4), be(height, 1)])
        self.master = kdf(label("epoch master"), root, [owner, name])
        self.root = kdf(label("epoch root"), self.master, [self.id])

    def expand(self, lab, level, index, key):
        return labelled(label(lab), [key, self.id + be(level, 1) + be(index, 4)])

    def key(self, level, index):
        """Down from the root: bit by bit of the index, the highest first."""
        key = self.root
        for above in range(self.height, level, -1):
            place = index >> (above - level)
            both = self.expand("ggm node", above, place, key)
            right = index >> (above - level - 1) & 1
            key = both[32:] if right else both[:32]
        return key

    def leaf(self, epoch):
        leaf = self.key(0, epoch)
        return {
            "epoch": epoch, "leaf": leaf.hex(), "key": self.expand("ggm key", 0, epoch, leaf)[:32].hex(),
            "scalar_bytes": self.expand("ggm wide", 0, epoch, leaf).hex(),
        }

    def cover(self, first, last):
        out = set()
        while first <= last:
            level = self.height
            while first % 2**level or first + 2**level - 1 > last:
                level -= 1
            out.add((level, first >> level))
            first += 2**level
        assert len(out) <= max(1, 2 * self.height - 2)
        return out

    def without(self, nodes, first, last):
        """Nodes for what of these is not in the range."""
        out = set()
        for level, index in nodes:
            a, b = index << level, (index + 1 << level) - 1
            out |= self.cover(a, min(b, first - 1)) | self.cover(max(a, last + 1), b)
        return out

    def union(self, nodes, more):
        """Without those that have another one above them."""
        both = nodes | more

        def above(level, index):
            return {(up, index >> (up - level)) for up in range(level + 1, self.height + 1)}

        return {node for node in both if both.isdisjoint(above(*node))}

    def encode(self, nodes):
        ordered = sorted(nodes, key=lambda node: node[1] << node[0])
        body = self.owner + var(self.partition.encode()) + be(self.generation, 4) + be(self.height, 1)
        body += be(len(ordered), 4)
        for level, index in ordered:
            body += be(level, 1) + be(index, 4) + self.key(level, index)
        shown = [{"level": level, "index": index, "key": self.key(level, index).hex()} for level, index in ordered]
        return shown, message(COMMON, EPOCH_KEYS, body)


def case(partition, generation, height, ranges, story, epochs):
    name = f"{partition}, generation {generation}, height {height}"

    def seed(what):
        return hashlib.sha256(f"{name}/{what}".encode()).digest()

    tree = Tree(seed("root"), seed("owner"), partition, generation, height)
    out = {
        "name": name, "partition": partition, "generation": generation, "height": height,
        "inputs": {"root": tree.root_secret.hex(), "owner": tree.owner.hex()},
        "intermediates": {"id": tree.id.hex(), "master": tree.master.hex(), "root": tree.root.hex()},
        "messages": {
            "owner_root": message(COMMON, OWNER_ROOT, tree.root_secret).hex(),
            "all": tree.encode({(height, 0)})[1].hex(),
        },
        "grants": [], "story": [], "leaves": [tree.leaf(epoch) for epoch in epochs],
    }
    for first, last in ranges:
        nodes, encoded = tree.encode(tree.cover(first, last))
        out["grants"].append({"first": first, "last": last, "nodes": nodes, "keys": encoded.hex()})
    # One holder, who is granted ranges and erases some.
    held = set()
    for step, first, last in story:
        held = tree.union(held, tree.cover(first, last)) if step == "merge" else tree.without(held, first, last)
        nodes, encoded = tree.encode(held)
        out["story"].append({"step": step, "first": first, "last": last, "nodes": nodes, "keys": encoded.hex()})
    return out


def every(height):
    return [(a, b) for a in range(2**height) for b in range(a, 2**height)]


if __name__ == "__main__":
    top = 2**32 - 1
    cases = [
        case("medical", 0, 1, every(1), [("merge", 0, 0), ("merge", 1, 1), ("puncture", 0, 1)], range(2)),
        case("personal", 1, 2, every(2), [("merge", 1, 2), ("merge", 0, 3), ("puncture", 2, 2)], range(4)),
        # Siblings that stay two, a parent that takes their place, and holes.
        case(
            "z-0_9.abcdefghijklmnopqrstuvwxyz", 7, 3, every(3),
            [
                ("merge", 0, 1), ("merge", 2, 3), ("merge", 6, 6), ("puncture", 1, 2), ("merge", 0, 3),
                ("puncture", 0, 4), ("puncture", 0, 4), ("merge", 0, 7), ("puncture", 3, 3),
            ],
            range(8),
        ),
        case(
            "insurance", 2**32 - 1, 16, [(0, 65535), (1, 65534), (100, 125), (32767, 32768), (65535, 65535)],
            [("merge", 100, 125), ("merge", 126, 151), ("puncture", 0, 119), ("merge", 0, 65535), ("puncture", 0, 32767)],
            [0, 1, 100, 32767, 32768, 65535],
        ),
        case(
            "prescription", 3, 32, [(0, top), (1, top - 1), (0, 0), (top, top), (2**31 - 1, 2**31), (10**9, 10**9 + 999)],
            [("merge", top - 2, top), ("merge", 0, 2**31 - 1), ("puncture", 0, 10**9), ("puncture", top, top)],
            [0, 1, 2**31 - 1, 2**31, 10**9, top - 1, top],
        ),
    ]
    json.dump({"cases": cases}, sys.stdout, indent=1)
    print()
