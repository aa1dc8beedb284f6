"""Writes search_federated.json: keys, right and left ciphertexts, computed without a line of the crate.

    pip install cryptography
    python3 tests/vectors/search_federated.py > tests/vectors/search_federated.json

AES is that of `cryptography`; hashes and messages come from common.py. Everything else follows the crate's documentation.
All bytes are hexadecimal; numbers are decimal. `fresh` is what the random number generator gives for an entry.
"""

import hashlib
import json
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from common import be, digest, kdf, label, labelled, message, var

FEDERATED, COMMON = 4, 0
SPACE, WRITE_KEY, QUERY_KEY = 0x0090, 0x009C, 0x009D
POINTS, RANGES, BOTH = 1, 2, 3
EQUAL, LESS, GREATER = 0, 1, 2
WHOLE = 255


def seed(name):
    return hashlib.sha256(b"search federated " + name.encode()).digest()


def aes(key, block):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def block(index, number, prefix):
    return bytes([index, number]) + bytes(6) + be(prefix, 8)


def number_encoder(bits):
    return bytes([4, bits])


def code_encoder(lengths):
    return bytes([5]) + be(sum(1 << (n - 1) for n in lengths), 8)


class Space:
    def __init__(self, owner, partition, attribute, queries, bits=0, lengths=()):
        self.bits, self.lengths, self.queries = bits, sorted(lengths), queries
        encoder = number_encoder(bits) if bits else code_encoder(lengths)
        body = owner + var(partition.encode()) + var(attribute.encode()) + encoder + bytes([queries])
        self.encoded = message(FEDERATED, SPACE, body)
        self.id = digest(label("search space"), [self.encoded])
        self.ordered = queries in (RANGES, BOTH)
        self.tagged = queries in (POINTS, BOTH)


class Keys:
    """Those of one provider."""

    def __init__(self, root, space, path):
        self.space = space
        self.path = bytes([len(path)]) + b"".join(party + be(generation, 4) for party, generation in path)
        self.chain = [kdf(label("federated chain"), root, [space.id])]
        for party, generation in path:
            self.chain.append(kdf(label("federated child"), self.chain[-1], [party, be(generation, 4)]))
        self.data = kdf(label("federated data key"), self.chain[-1], [space.id])
        self.k1 = kdf(label("federated blocks"), self.data, [])[:16]
        self.k2 = kdf(label("federated slots"), self.data, [])[:16]
        self.k_eq = kdf(label("federated tags"), self.data, [])

    def permutation(self, index, prefix):
        """The slot of each value: how many draws are less, of equal ones those before."""
        stream = b"".join(aes(self.k2, block(index, counter, prefix)) for counter in range(8))
        draws = [(int.from_bytes(stream[8 * v : 8 * v + 8], "big"), v) for v in range(16)]
        return [sorted(draws).index(draw) for draw in draws]

    def slot_key(self, index, slot, prefix):
        return aes(self.k1, block(index, slot, prefix))

    def tag_key(self, level, text):
        return labelled(label("federated tag"), [self.k_eq, bytes([level]), text])[:16]

    def blocks(self, number):
        """Index, prefix, value, from the most significant."""
        digits = [int(digit, 16) for digit in f"{number:0{self.space.bits // 4}x}"]
        assert len(digits) == self.space.bits // 4
        prefix = 0
        for index, value in enumerate(digits):
            yield index, prefix, value
            prefix = 16 * prefix + value

    def right(self, value, nonce):
        out = nonce
        text = value.encode() if isinstance(value, str) else be(value, 8)
        if self.space.ordered:
            for index, prefix, digit in self.blocks(value):
                permutation, word = self.permutation(index, prefix), 0
                for v in range(16):
                    slot = permutation[v]
                    order = EQUAL if v == digit else LESS if v < digit else GREATER
                    word |= (order + mask(self.slot_key(index, slot, prefix), nonce)) % 3 << 2 * slot
                out += be(word, 4)
        if self.space.tagged:
            for length in self.space.lengths:
                out += aes(self.tag_key(length, text[:length]), nonce)[:8]
            out += aes(self.tag_key(WHOLE, text), nonce)[:8]
        return out

    def left(self, number):
        slots = [(index, self.permutation(index, prefix)[value], prefix) for index, prefix, value in self.blocks(number)]
        return [(self.slot_key(*at), at[1]) for at in slots]


def mask(key, nonce):
    return int.from_bytes(aes(key, nonce)[:4], "big") * 3 >> 32


def encode_left(left):
    digits = "".join(f"{slot:x}" for _, slot in left)
    return b"".join(key for key, _ in left) + bytes.fromhex(digits + "0" * (len(digits) % 2))


def compare(left, right):
    """How the bound compares with the entry, and in which block they first differ."""
    nonce, words = right[:16], right[16:]
    for index, (key, slot) in enumerate(left):
        word = int.from_bytes(words[4 * index : 4 * index + 4], "big")
        order = ((word >> 2 * slot & 3) - mask(key, nonce)) % 3
        if order:
            return order, index
    return EQUAL, len(left)


def entries(keys, values, name):
    out = []
    for i, value in enumerate(values):
        fresh = seed(f"{name}/fresh {i}")
        text = value.encode() if isinstance(value, str) else be(value, 8)
        nonce = digest(label("federated nonce"), [fresh, keys.data, text])[:16]
        right = keys.right(value, nonce)
        out.append({
            "value": str(value), "fresh": fresh.hex(), "nonce": nonce.hex(), "right": right.hex(), "_": right,
        })
    return out


def shown_keys(keys):
    scope = be(1, 4) + keys.path + keys.data
    return {
        "space": keys.space.encoded.hex(), "space_id": keys.space.id.hex(), "path": keys.path.hex(),
        "chain": [key.hex() for key in keys.chain], "data": keys.data.hex(), "k1": keys.k1.hex(), "k2": keys.k2.hex(),
        "k_eq": keys.k_eq.hex(),
        "write_key": message(FEDERATED, WRITE_KEY, keys.space.encoded + keys.path + keys.chain[-1]).hex(),
        "query_key": message(FEDERATED, QUERY_KEY, keys.space.encoded + scope).hex(),
    }


def numbers(name, root, space, path, values, bounds):
    keys = Keys(root, space, path)
    made = entries(keys, values, name)
    head = be(1, 4) + keys.path
    asked = []
    for lower, upper in bounds if space.ordered else []:
        lefts = [None if bound is None else keys.left(bound) for bound in (lower, upper)]
        flags = sum(flag for flag, left in zip((1, 2), lefts) if left)
        token = bytes([flags]) + head + b"".join(encode_left(left) for left in lefts if left)
        orders = [[None if left is None else compare(left, e["_"]) for left in lefts] for e in made]
        found = [
            i for i, (a, b) in enumerate(orders) if (a is None or a[0] != GREATER) and (b is None or b[0] != LESS)
        ]
        expected = [i for i, v in enumerate(values) if (lower is None or lower <= v) and (upper is None or v <= upper)]
        assert found == expected
        asked.append({
            "lower": None if lower is None else str(lower), "upper": None if upper is None else str(upper),
            "orders": orders, "token": token.hex(), "found": found,
        })
    tagged = []
    for value in sorted(set(values)) if space.tagged else []:
        key = keys.tag_key(WHOLE, be(value, 8))
        token = bytes([4, 0]) + head + key
        tagged.append({"value": str(value), "token": token.hex(), "found": [i for i, v in enumerate(values) if v == value]})
    where = [(index, prefix) for index, prefix, _ in keys.blocks(values[0])]
    permutations = [
        {
            "index": index, "prefix": str(prefix), "slots": keys.permutation(index, prefix),
            "slot_keys": [keys.slot_key(index, slot, prefix).hex() for slot in range(16)],
        }
        for index, prefix in where
    ]
    for entry in made:
        del entry["_"]
    return {
        **shown_keys(keys), "permutations": permutations, "entries": made, "ranges": asked, "points": tagged, "prefixes": [],
    }


def codes(name, root, space, path, values):
    keys = Keys(root, space, path)
    made = entries(keys, values, name)
    head = be(1, 4) + keys.path

    def find(position, key):
        at = 16 + 8 * position
        return [i for i, e in enumerate(made) if e["_"][at : at + 8] == aes(key, e["_"][:16])[:8]]

    points, prefixes = [], []
    for value in values:
        key, position = keys.tag_key(WHOLE, value.encode()), len(space.lengths)
        found = find(position, key)
        assert found == [i for i, v in enumerate(values) if v == value]
        points.append({"value": value, "token": (bytes([4, position]) + head + key).hex(), "found": found})
    for position, length in enumerate(space.lengths):
        for prefix in sorted({value[:length] for value in values if len(value) >= length}):
            key = keys.tag_key(length, prefix.encode())
            found = find(position, key)
            assert found == [i for i, v in enumerate(values) if v.startswith(prefix)]
            prefixes.append({"value": prefix, "token": (bytes([4, position]) + head + key).hex(), "found": found})
    for entry in made:
        del entry["_"]
    return {
        **shown_keys(keys), "permutations": [], "entries": made, "ranges": [], "points": points, "prefixes": prefixes,
    }


if __name__ == "__main__":
    owner_root, owner = seed("root"), seed("owner")
    root = kdf(label("search root"), owner_root, [])
    steps = [(seed(f"party {i}"), i * i * 1000) for i in range(4)]
    made = [
        numbers(
            "pulse", root, Space(owner, "medical", "8480-6", RANGES, bits=32), steps[:1],
            [0, 1, 0x12345678, 0x12345679, 0x12345668, 0x22345678, 2**32 - 1],
            [(0x12345678, 0x12345678), (0x12345670, 0x1234567F), (1, None), (None, 0x12345678), (None, None), (0, 2**32 - 1)],
        ),
        numbers(
            "wide", root, Space(owner, "medical", "wide", BOTH, bits=64), steps,
            [2**64 - 1, 0, 2**63, 0x0123456789ABCDEF, 0x0123456789ABCDEE], [(0x0123456789ABCDEF, 2**63), (2**63 + 1, None)],
        ),
        numbers("narrow", root, Space(owner, "z", "narrow", BOTH, bits=4), steps[:2], list(range(16)), [(3, 11), (15, 15)]),
        numbers("odd", root, Space(owner, "z", "odd", RANGES, bits=12), steps[:3], [0x123, 0xFFF, 0], [(0x122, 0x124)]),
        numbers("points", root, Space(owner, "z", "points", POINTS, bits=16), steps[:1], [1, 2, 1], []),
        codes(
            "icd", root, Space(owner, "medical", "icd", POINTS, lengths=[1, 3, 5]), steps[:2],
            ["E", "E11", "E11.9", "E11.91", "F11", "E1", ""],
        ),
        codes("whole", root, Space(owner, "medical", "whole", POINTS), steps[:1], ["a" * 64, "b"]),
    ]
    json.dump({"inputs": {"owner_root": owner_root.hex()}, "search_root": root.hex(), "cases": made}, sys.stdout, indent=1)
    print()
