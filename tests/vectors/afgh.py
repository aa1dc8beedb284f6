"""Writes afgh.json: the scheme Afgh and what it stands on, computed without a line of the crate.

    pip install py_ecc==8.0.0 cryptography
    python3 tests/vectors/afgh.py > tests/vectors/afgh.json

Curve and pairing come from py_ecc (groups.py), SHA-512 and HMAC from hashlib, Ed25519 from `cryptography`; HKDF is
written out and checked against `cryptography` (common.py). Everything else follows the crate's documentation. All
numbers are hexadecimal bytes; fresh bytes are what the random number generator gives, in the order in which it is asked.
"""

import hashlib
import json
import sys

from common import AFGH, COMMON, EPOCH, Party, be, context, digest, hkdf, kdf, label, labelled, message, var
from groups import G1, G2, e, g1, g2, gt, hash_scalar, multiply, prove, r, scalar

VERIFYING_KEY, OWNER_ROOT = 0x0002, 0x0004
OWNER_KEY, OWNER_SECRET, USER_KEY, USER_SECRET = 0x0010, 0x0011, 0x0012, 0x0013
GRANT, REKEY, CAPSULE, RECAPSULE = 0x0014, 0x0015, 0x0016, 0x0017


# Runs ---------------------------------------------------------------------------------------------------------------


def case(name, partition, epoch, version, aad, validity, burnt=0):
    """One run from keys to both openings. `burnt` is how many values the author drew before."""

    def seed(what):
        return hashlib.sha256(f"{name}/{what}".encode()).digest()

    out = {"name": name}
    inputs = {k: seed(k) for k in ["owner_seed", "author_seed", "user_seed", "server_seed", "root"]}
    inputs |= {
        "record": seed("record")[:16],
        "fresh_owner_proof": seed("f1"),
        "fresh_user_secret": seed("f2"),
        "fresh_user_proof": seed("f3"),
        "fresh_sigma": seed("f4"),
        "fresh_capsule_proof": seed("f5"),
        "fresh_grant_id": seed("f6"),
        "fresh_tau": seed("f7"),
        "aad": aad,
    }
    out |= {"partition": partition, "epoch": epoch, "version": version, "author_draws": burnt}
    out |= {"not_before": validity[0], "not_after": validity[1]}
    i = inputs
    owner, author = Party(i["owner_seed"]), Party(i["author_seed"])
    user, server = Party(i["user_seed"]), Party(i["server_seed"])
    author.draws = burnt

    # The owner's key.
    period = [partition.encode(), be(epoch, 4)]
    a = hash_scalar(label("afgh owner secret"), [i["root"], owner.id] + period)
    A = multiply(G1, a)
    k1, R1, _, _, pi1 = prove(
        label("afgh owner proof"), a, G1, multiply, g1, A, [owner.id] + period, i["fresh_owner_proof"]
    )
    written = var(partition.encode()) + be(epoch, 4)
    origin = digest(label("afgh origin"), [owner.id] + period + [g1(A)])
    owner_secret = message(AFGH, OWNER_SECRET, owner.id + written + scalar(a))
    owner_public = owner.sign(AFGH, OWNER_KEY, written + g1(A) + pi1)

    # The user's key.
    b = hash_scalar(
        label("afgh user secret"), user.draw(label("afgh user secret"), [], i["fresh_user_secret"])
    )
    B = multiply(G2, b)
    k2, R2, _, _, pi2 = prove(label("afgh user proof"), b, G2, multiply, g2, B, [user.id], i["fresh_user_proof"])
    user_secret = message(AFGH, USER_SECRET, user.id + scalar(b))
    user_public = user.sign(AFGH, USER_KEY, g2(B) + pi2)

    encoded_context, ctx = context(
        AFGH, owner.id, i["record"], version, partition, EPOCH, epoch, bytes(32), origin, author.id, aad
    )

    # Encapsulation.
    sigma = digest(label("afgh sigma"), author.draw(label("afgh sigma"), [ctx], i["fresh_sigma"]))
    rho = hash_scalar(label("afgh rho"), [sigma, g1(A), ctx])
    c1 = multiply(A, rho)
    z_rho = e(G1, G2) ** rho
    mask = kdf(label("afgh mask"), gt(z_rho), [])
    c3 = bytes(x ^ y for x, y in zip(sigma, mask))
    k3, R3, challenge, response, pi3 = prove(
        label("afgh capsule proof"), rho, A, multiply, g1, c1, [c3, ctx], i["fresh_capsule_proof"]
    )
    key = kdf(label("afgh key"), sigma, [g1(c1), c3, ctx])

    # Opening by the owner.
    inverse_a = pow(a, -1, r)
    assert e(multiply(c1, inverse_a), G2) == z_rho

    # Delegation.
    start, end = be(validity[0], 8), be(validity[1], 8)
    drawn = owner.draw(label("afgh grant id"), [origin, user.id, g2(B), start, end], i["fresh_grant_id"])
    grant_id = digest(label("afgh grant id"), drawn)[:16]
    grant_body = grant_id + origin + user.id + g2(B) + start + end
    grant = owner.sign(AFGH, GRANT, grant_body)
    grant_digest = owner.statement_id(AFGH, GRANT, grant_body)
    rk = multiply(B, inverse_a)
    assert e(A, rk) == e(G1, B)

    # Re-encryption, and opening by the user.
    tau = hash_scalar(
        label("afgh blind"), server.draw(label("afgh blind"), [g2(rk), g1(c1), ctx], i["fresh_tau"])
    )
    C, E = multiply(c1, tau), multiply(rk, pow(tau, -1, r))
    opened = e(multiply(C, pow(b, -1, r)), E)
    assert opened == z_rho
    opened_mask = kdf(label("afgh mask"), gt(opened), [])
    opened_sigma = bytes(x ^ y for x, y in zip(c3, opened_mask))
    assert opened_sigma == sigma and g1(multiply(A, hash_scalar(label("afgh rho"), [opened_sigma, g1(A), ctx]))) == g1(c1)

    middle = {
        "owner_id": owner.id, "author_id": author.id, "user_id": user.id, "server_id": server.id,
        "owner_hedge": owner.hedge, "author_hedge": author.hedge, "user_hedge": user.hedge,
        "server_hedge": server.hedge,
        "a": scalar(a), "A": g1(A), "owner_proof_nonce": scalar(k1), "owner_proof_commitment": R1, "origin": origin,
        "b": scalar(b), "B": g2(B), "user_proof_nonce": scalar(k2), "user_proof_commitment": R2,
        "ctx": ctx, "sigma": sigma, "rho": scalar(rho), "z_rho": gt(z_rho), "mask": mask, "c1": g1(c1), "c3": c3,
        "capsule_proof_nonce": scalar(k3), "capsule_proof_commitment": R3, "challenge": scalar(challenge),
        "response": scalar(response), "K": key,
        "grant_id": grant_id, "grant_digest": grant_digest, "rk": g2(rk), "tau": scalar(tau), "C": g1(C), "E": g2(E),
        "opened_sigma": opened_sigma,
    }
    messages = {
        "verifying_key": message(COMMON, VERIFYING_KEY, owner.public),
        "owner_root": message(COMMON, OWNER_ROOT, i["root"]),
        "context": encoded_context,
        "owner_secret": owner_secret, "owner_public": owner_public,
        "user_secret": user_secret, "user_public": user_public,
        "capsule": message(AFGH, CAPSULE, g1(c1) + c3 + pi3),
        "grant": grant, "rekey": message(AFGH, REKEY, grant_digest + g2(rk)),
        "recapsule": message(AFGH, RECAPSULE, g1(C) + g2(E)),
    }
    for name, group in ("inputs", inputs), ("intermediates", middle), ("messages", messages):
        out[name] = {k: v.hex() for k, v in group.items()}
    return out


def primitives():
    def hexes(items):
        return [x.hex() for x in items]

    lists = [[], [b""], [b"ab", b"c"], [b"a", b"bc"], [bytes(range(256)), b"", b"\xff" * 3]]
    out = {"hash": [], "kdf": [], "scalar": [], "hkdf": [], "ed25519": [], "gt": []}
    for name in "context", "afgh rho":
        for parts in lists:
            out["hash"].append({
                "label": label(name).decode(), "parts": hexes(parts), "wide": labelled(label(name), parts).hex(),
                "scalar": scalar(hash_scalar(label(name), parts)).hex(),
            })
            secret = hashlib.sha256(name.encode()).digest()[: 8 * len(parts)]
            out["kdf"].append({
                "label": label(name).decode(), "secret": secret.hex(), "parts": hexes(parts),
                "okm": kdf(label(name), secret, parts).hex(),
            })
    for wide in 0, 1, r - 1, r, r + 1, 2**256, 2**512 - 1, r * r, r * (2**512 // r), r * (2**512 // r) - 1:
        out["scalar"].append({"wide": wide.to_bytes(64, "little").hex(), "reduced": scalar(wide % r).hex()})
    for salt, ikm, info, n in (b"salt", b"ikm", b"info", 42), (b"\x01" * 200, b"", b"", 64), (b"s", b"k", b"i" * 90, 150):
        okm = hkdf(salt, ikm, info, n)
        out["hkdf"].append({"salt": salt.hex(), "ikm": ikm.hex(), "info": info.hex(), "okm": okm.hex()})
    for text in b"", b"sesphr", bytes(64):
        party = Party(hashlib.sha256(b"ed25519" + text).digest())
        out["ed25519"].append({
            "seed": party.seed.hex(), "public": party.public.hex(), "message": text.hex(),
            "signature": party.key.sign(text).hex(),
        })
    for x, y in (1, 1), (2, 3), (3, 2), (r - 1, 1), (0xDEADBEEF, 2**200 + 17):
        value = e(multiply(G1, x), multiply(G2, y))
        out["gt"].append({"a": scalar(x).hex(), "b": scalar(y).hex(), "bytes": gt(value).hex()})
    return out


if __name__ == "__main__":
    vectors = primitives()
    forever = (0, 2**64 - 1)
    vectors["cases"] = [
        case("medical, first period", "medical", 0, 1, b"", (1_700_000_000, 1_800_000_000)),
        case("personal, last period", "personal", 2**32 - 1, 0, b"aad", forever),
        case("insurance, last version", "insurance", 7, 2**64 - 1, bytes(range(256)) * 16, (5, 5)),
        case("prescription, later draw", "prescription", 12, 3, b"\0", (10, 20), burnt=2),
        case("shortest label", "x", 1, 2, "Größe".encode(), (1, 2)),
        case("longest label", "z-0_9.abcdefghijklmnopqrstuvwxyz", 0x01020304, 0x0102030405060708, b"q" * 1000, (1, 3)),
    ]
    json.dump(vectors, sys.stdout, indent=1)
    print()
