"""Writes broadcast.json: groups, keys of seats and broadcasts to who is not revoked, computed without a line of the crate.

    pip install cryptography
    python3 tests/vectors/broadcast.py > tests/vectors/broadcast.json

SHA-512 and HMAC come from hashlib, Ed25519 from `cryptography`; HKDF is written out and checked against `cryptography`
(common.py). Everything else follows the crate's documentation. All bytes are hexadecimal. A node is its level (leaves at
0), its index from the left and its key. The owner counts its draws; the order is that of the file.

A cover is found here from the top, by halving what has a revoked seat in it, where the crate fills the gaps between
revoked seats from the left.
"""

import hashlib
import json
import sys
from math import log2

from common import COMMON, Party, be, digest, kdf, label, message

OWNER_ROOT, BROADCAST, SEAT_KEYS = 0x0004, 0x0074, 0x0075


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


class Group:
    def __init__(self, owner, root, name, height):
        self.owner, self.height = owner, height
        self.body = owner.id + name + be(height, 1)
        self.id = digest(label("broadcast group"), [owner.id, name, be(height, 1)])
        self.master = kdf(label("broadcast master"), root, [self.id])

    def node(self, level, index):
        return kdf(label("broadcast node"), self.master, [self.id, be(level, 1) + be(index, 4)])

    def seat(self, seat):
        keys = [self.node(level, seat >> level) for level in range(self.height + 1)]
        return keys, message(COMMON, SEAT_KEYS, self.body + be(seat, 4) + b"".join(keys))

    def cover(self, seats, revoked, level=None, index=0):
        """The highest nodes below which all are recipients."""
        level = self.height if level is None else level
        first, end = index << level, index + 1 << level
        below = {seat for seat in revoked if first <= seat < end}
        if not below and end <= seats:
            return [(level, index)]
        if level == 0 or first >= seats:
            return []
        left, right = 2 * index, 2 * index + 1
        return self.cover(seats, below, level - 1, left) + self.cover(seats, below, level - 1, right)

    def broadcast(self, number, common, seats, revoked, fresh):
        cover = self.cover(seats, set(revoked))
        r, whole = len(set(revoked)), seats == 2**self.height
        assert len(cover) <= (r * log2(seats / r) if r else 1) + (0 if whole else self.height)
        salt = digest(
            label("broadcast salt"),
            self.owner.draw(label("broadcast salt"), [self.id, be(number, 8), common], fresh),
        )
        body = self.body + be(number, 8) + salt + be(len(cover), 4)
        shown = []
        for level, index in cover:
            key, place = self.node(level, index), be(level, 1) + be(index, 4)
            bound = [self.id, be(number, 8), salt, place]
            pad = kdf(label("broadcast pad"), key, bound)
            sealed = xor(common, pad)
            tag = kdf(label("broadcast tag"), key, bound + [sealed])
            body += place + sealed + tag
            shown.append({
                "level": level, "index": index, "key": key.hex(), "pad": pad.hex(), "sealed": sealed.hex(), "tag": tag.hex(),
            })
        return {
            "number": number, "common": common.hex(), "seats": seats, "revoked": revoked, "fresh_salt": fresh.hex(),
            "salt": salt.hex(), "cover": shown, "message": self.owner.sign(COMMON, BROADCAST, body).hex(),
        }


def case(height, seats, broadcasts):
    what = f"height {height}"

    def seed(part):
        return hashlib.sha256(f"broadcast, {what}/{part}".encode()).digest()

    owner = Party(seed("owner"))
    group = Group(owner, seed("root"), seed("name"), height)
    out = {
        "name": what, "height": height,
        "inputs": {"owner_seed": owner.seed.hex(), "root": seed("root").hex(), "name": seed("name").hex()},
        "intermediates": {"id": group.id.hex(), "master": group.master.hex()},
        "messages": {"owner_root": message(COMMON, OWNER_ROOT, seed("root")).hex()},
        "seats": [], "broadcasts": [],
    }
    for seat in seats:
        keys, encoded = group.seat(seat)
        out["seats"].append({"seat": seat, "keys": [key.hex() for key in keys], "message": encoded.hex()})
    for i, (number, bound, revoked) in enumerate(broadcasts):
        out["broadcasts"].append(group.broadcast(number, seed(f"common {i}"), bound, revoked, seed(f"fresh {i}")))
    return out


if __name__ == "__main__":
    top = 2**24
    cases = [
        case(1, range(2), [(0, 2, []), (1, 2, [0]), (2, 2, [1]), (2**64 - 1, 1, [])]),
        case(
            3, range(8),
            [(0, 8, []), (1, 8, [5]), (1, 8, [5]), (2, 8, [7, 0]), (3, 8, [1, 3, 5, 7]), (4, 5, []), (5, 7, [2, 3, 2])],
        ),
        case(
            10, [0, 1, 511, 512, 700, 1023],
            [(7, 1024, []), (8, 1024, [512]), (9, 1000, [0, 1, 700]), (10, 701, [3, 511]), (11, 513, list(range(1, 512)))],
        ),
        case(
            24, [0, 1, 2**23 - 1, 2**23, 10**7, top - 1],
            [(2**32, top, []), (2**32 + 1, top, [10**7]), (2**32 + 2, 10**7 + 1, [0, 2**23]), (2**32 + 3, top - 1, [])],
        ),
    ]
    json.dump({"cases": cases}, sys.stdout, indent=1)
    print()
