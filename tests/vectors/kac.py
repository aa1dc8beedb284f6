"""Writes kac.json: the key-aggregate cryptosystem Kac, computed without a line of the crate.

    pip install py_ecc==8.0.0 cryptography
    python3 tests/vectors/kac.py > tests/vectors/kac.json

It takes some minutes. Curve and pairing come from py_ecc (groups.py), SHA-512 and HMAC from hashlib, Ed25519 from
`cryptography`; HKDF is written out and checked against `cryptography` (common.py). Everything else follows the crate's
documentation. All bytes are hexadecimal; fresh bytes are what the random number generator gives, in the order in which
it is asked. Classes count from 0, indices k of points from 1.

Sums over sets are added up class by class here, and powers of the known alpha check every point: neither prefix sums
nor the repeated raising of a ceremony are taken for granted.
"""

import hashlib
import json
import sys

from common import CLASS, COMMON, Party, be, context, digest, kdf, label, message, var
from groups import (
    G1, G2, Z2, add, e, g1, g1_uncompressed, g2, g2_uncompressed, gt, hash_scalar, multiply, neg, prove, r, scalar
)

KAC = 2
OWNER_ROOT = 0x0004
PARAMS, PINS, CONTRIBUTION, TRANSCRIPT, CLASS_SET, CLASS_GRID = 0x0040, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045
GENERATION_CERT, GENERATION_CHAIN, AGGREGATE_KEY, AGGREGATE_CAPSULE = 0x0046, 0x0047, 0x0048, 0x0049
ROTATION_TOKEN = 0x004e
MAX_CLASSES = 1 << 16


def seeds(name, *what):
    return {k: hashlib.sha256(f"{name}/{k}".encode()).digest() for k in what}


def hexed(values):
    return {k: v.hex() for k, v in values.items()}


# Parameters ---------------------------------------------------------------------------------------------------------


def exponents(n):
    return [k for k in range(1, 2 * n + 1) if k != n + 1]


class Params:
    """P_k and Q_k by their indices."""

    def __init__(self, n, P, Q):
        self.n, self.P, self.Q = n, P, Q
        assert list(P) == list(range(1, n + 1)) and list(Q) == exponents(n)
        uncompressed = b"".join(g1_uncompressed(x) for x in P.values())
        uncompressed += b"".join(g2_uncompressed(x) for x in Q.values())
        compact = b"".join(g1(x) for x in P.values()) + b"".join(g2(x) for x in Q.values())
        # The number is a part and has a length in front of it; the points follow without one.
        lab = label("kac params")
        whole = be(len(lab), 8) + lab + be(4, 8) + be(n, 4) + uncompressed
        self.digest = hashlib.sha512(whole).digest()[:32]
        self.compact = message(KAC, PARAMS, b"\0" + be(n, 4) + compact)
        self.uncompressed = message(KAC, PARAMS, b"\1" + be(n, 4) + uncompressed)

    @classmethod
    def from_alpha(cls, n, alpha):
        P = {k: multiply(G1, pow(alpha, k, r)) for k in range(1, n + 1)}
        return cls(n, P, {k: multiply(G2, pow(alpha, k, r)) for k in exponents(n)})

    def raised(self, beta):
        P = {k: multiply(x, pow(beta, k, r)) for k, x in self.P.items()}
        return type(self)(self.n, P, {k: multiply(x, pow(beta, k, r)) for k, x in self.Q.items()})

    def z_n(self):
        return e(self.P[1], self.Q[self.n])

    def shown(self):
        def item(k, compact, uncompressed):
            return {"k": k, "compact": compact.hex(), "uncompressed": uncompressed.hex()}

        return {
            "P": [item(k, g1(x), g1_uncompressed(x)) for k, x in self.P.items()],
            "Q": [item(k, g2(x), g2_uncompressed(x)) for k, x in self.Q.items()],
        }


def generate(n, burnt=0):
    """The owner's own parameters. `burnt` is how many values the owner drew before."""
    inputs = seeds(f"params {n}", "owner_seed", "fresh_alpha")
    owner = Party(inputs["owner_seed"])
    owner.draws = burnt
    alpha = hash_scalar(label("kac alpha"), owner.draw(label("kac alpha"), [be(n, 4)], inputs["fresh_alpha"]))
    params = Params.from_alpha(n, alpha)
    z_n = params.z_n()
    assert z_n == e(G1, G2) ** pow(alpha, n + 1, r)
    out = {"n": n, "owner_draws": burnt, "inputs": hexed(inputs)}
    out["intermediates"] = hexed(
        {"owner_hedge": owner.hedge, "alpha": scalar(alpha), "digest": params.digest, "z_n": gt(z_n)}
    )
    # With more classes the messages say it too.
    out |= params.shown() if n <= 5 else {}
    out["messages"] = hexed({"compact": params.compact, "uncompressed": params.uncompressed})
    return params, z_n, out


def pins(all_params):
    items = sorted((g1(params.P[1]), params.digest) for params in all_params)
    return message(KAC, PINS, be(len(items), 4) + b"".join(first + name for first, name in items))


# Sets and grids -----------------------------------------------------------------------------------------------------


def parse_set(text):
    classes = set()
    for item in text.split(",") if text else []:
        first, _, last = item.partition("-")
        classes |= set(range(int(first), int(last or first) + 1))
    assert all(c < MAX_CLASSES for c in classes)
    return classes


def ranges(classes):
    out = []
    for c in sorted(classes):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def set_text(classes):
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges(classes))


def class_set(classes):
    found = ranges(classes)
    return message(KAC, CLASS_SET, be(len(found), 4) + b"".join(be(a, 4) + be(b, 4) for a, b in found))


def sets():
    texts = [
        "", "0", "65535", "0-65535", "0-11,24,36-47", "7,3,5", "5-6,3-4", "0-3,2-9", "1,1,1", "007,08-009", "4-4",
        "65534-65535,0", "10-20,12-14,21",
    ]
    out = []
    for text in texts:
        classes = parse_set(text)
        out.append({
            "text": text, "normal": set_text(classes), "ranges": ranges(classes), "count": len(classes),
            "message": class_set(classes).hex(),
        })
    operations = []
    for a, b in (
        ("", ""), ("", "3-5"), ("0-5", "3-8"), ("0-9", "4-5"), ("0-2", "3-5"), ("0,2,4,6", "1,3,5"), ("1-3,7-9", "2-8"),
        ("0-65535", "100-200,65535"), ("5", "5"), ("0-3,6-9,12", "3-6,9,11-13"),
    ):
        x, y = parse_set(a), parse_set(b)
        operations.append({
            "a": a, "b": b, "union": set_text(x | y), "intersection": set_text(x & y), "a_minus_b": set_text(x - y),
            "b_minus_a": set_text(y - x), "a_within_b": x <= y, "disjoint": not x & y,
        })
    refused = ["0,", ",0", "0,,1", "a", "-1", "1-", "+1", " 1", "1-2-3", "65536", "4294967296", "2-1"]

    def raw(*pairs, count=None):
        body = be(len(pairs) if count is None else count, 4) + b"".join(be(a, 4) + be(b, 4) for a, b in pairs)
        return message(KAC, CLASS_SET, body).hex()

    encodings = [
        raw((0, 1), (2, 3)), raw((0, 4), (3, 6)), raw((5, 6), (0, 1)), raw((2, 1)), raw((0, MAX_CLASSES)),
        raw((0, 1), count=2), raw((0, 1), count=0), raw(count=2**15 + 1),
    ]
    return {"sets": out, "operations": operations, "refused_texts": refused, "refused_messages": encodings}


def class_grid(partitions, epochs):
    rows = b"".join(var(partition.encode()) for partition in partitions)
    return message(KAC, CLASS_GRID, be(epochs, 4) + be(len(partitions), 4) + rows)


def grid(partitions, epochs, classes, spans):
    out = {"partitions": partitions, "epochs": epochs, "classes": len(partitions) * epochs}
    out["periods"] = [{"class": c, "partition": partitions[c // epochs], "epoch": c % epochs} for c in classes]
    out["ranges"] = []
    for partition, first, last in spans:
        row = partitions.index(partition) * epochs
        out["ranges"].append({
            "partition": partition, "first": first, "last": last, "set": set_text(range(row + first, row + last + 1))
        })
    return out | {"message": class_grid(partitions, epochs).hex()}


def grids():
    sesphr = ["personal", "medical", "insurance", "prescription"]
    refused = [([], 1), (["x"], 0), (["x", "y", "x"], 1), (["x"], MAX_CLASSES + 1), (["x", "y"], 2**31), (["X"], 1)]
    return {
        "grids": [
            grid(["x"], 1, [0], [("x", 0, 0)]),
            grid(
                sesphr, 12, [0, 11, 12, 23, 24, 47],
                [("medical", 3, 5), ("prescription", 0, 11), ("personal", 11, 11)],
            ),
            grid(["z-0_9.abcdefghijklmnopqrstuvwxyz", "a"], MAX_CLASSES // 2, [32767, 32768, 65535], [("a", 0, 32767)]),
        ],
        "refused_messages": [class_grid(*what).hex() for what in refused],
    }


# Runs ---------------------------------------------------------------------------------------------------------------


def generation(params, layout, root, owner, number, previous, fresh):
    """One generation of the owner's key and what stands for it in the file."""
    partitions, epochs = layout
    encoded_grid = class_grid(partitions, epochs)
    gamma = hash_scalar(label("kac gamma"), [root, owner.id, params.digest, encoded_grid, be(number, 4)])
    V1, V2 = multiply(G1, gamma), multiply(G2, gamma)
    assert e(V1, G2) == e(G1, V2)
    terms = params.digest + be(number, 4) + encoded_grid + previous + g1(V1) + g2(V2)
    # The owner is a part and has a length in front of it; what the certificate states follows as it is written there.
    lab = label("kac origin")
    whole = be(len(lab), 8) + lab + be(32, 8) + owner.id + terms
    origin = hashlib.sha512(whole).digest()[:32]
    nonce, commitment, challenge, response, proof = prove(
        label("kac generation proof"), gamma, G1, multiply, g1, V1, [origin], fresh
    )
    out = {
        "generation": number,
        "inputs": hexed({"fresh_proof": fresh}),
        "intermediates": hexed({
            "gamma": scalar(gamma), "V1": g1(V1), "V2": g2(V2), "previous": previous, "origin": origin,
            "proof_nonce": scalar(nonce), "proof_commitment": commitment, "challenge": scalar(challenge),
            "response": scalar(response),
        }),
        "messages": hexed({
            "statement": message(KAC, GENERATION_CERT, terms + proof),
            "cert": owner.sign(KAC, GENERATION_CERT, terms + proof),
        }),
    }
    return {"number": number, "gamma": gamma, "V1": V1, "V2": V2, "origin": origin, "keys": [], "out": out}


def capsule(name, params, z_n, layout, owner, author, gen, c, version, aad, later):
    """A capsule of class c made under `gen`, and what it becomes under the generations `later`."""
    partitions, epochs = layout
    partition, epoch, i = partitions[c // epochs], c % epochs, c + 1
    inputs = seeds(name, "record", "fresh_sigma", "fresh_proof")
    inputs["record"], inputs["aad"] = inputs["record"][:16], aad
    encoded_context, ctx = context(
        KAC, owner.id, inputs["record"], version, partition, CLASS, c, params.digest, gen["origin"], author.id, aad
    )
    draws = author.draws
    sigma = digest(label("kac sigma"), author.draw(label("kac sigma"), [ctx], inputs["fresh_sigma"]))

    def t_of(sigma):
        return hash_scalar(label("kac t"), [sigma, params.digest, owner.id, be(i, 4), ctx])

    t = t_of(sigma)
    c1, c2 = multiply(G1, t), multiply(add(gen["V1"], params.P[i]), t)
    z_n_t = z_n**t
    mask = kdf(label("kac mask"), gt(z_n_t), [])
    c3 = bytes(x ^ y for x, y in zip(sigma, mask))
    nonce, commitment, challenge, response, proof = prove(
        label("kac capsule proof"), t, G1, multiply, g1, c1, [params.digest, owner.id, be(i, 4), c3, ctx],
        inputs["fresh_proof"],
    )
    key = kdf(label("kac key"), sigma, [g1(c1), c3, ctx])
    core = g1(c1) + c3 + proof

    def under(gen, c2):
        """The public check, the opening by the owner, and the message under a generation."""
        assert e(c2, G2) == e(c1, add(gen["V2"], params.Q[i]))
        point = add(c2, neg(multiply(c1, gen["gamma"])))
        assert g1(point) == g1(multiply(params.P[i], t))
        assert e(point, params.Q[params.n + 1 - i]) == z_n_t
        encoded = message(KAC, AGGREGATE_CAPSULE, core + be(gen["number"], 4) + g1(c2))
        return {"generation": gen["number"], "c2": g1(c2).hex(), "t_P_i": g1(point).hex(), "message": encoded.hex()}

    states, points, state = [under(gen, c2)], {gen["number"]: c2}, gen
    for following in later:
        c2 = add(c2, multiply(c1, (following["gamma"] - state["gamma"]) % r))
        assert g1(c2) == g1(multiply(add(following["V1"], params.P[i]), t))
        states, points, state = states + [under(following, c2)], points | {following["number"]: c2}, following

    def accepts(opened):
        """What an opener does with Z_n^t."""
        found = bytes(x ^ y for x, y in zip(c3, kdf(label("kac mask"), gt(opened), [])))
        again = t_of(found)
        return (
            opened == z_n_t and g1(multiply(G1, again)) == g1(c1)
            and kdf(label("kac key"), found, [g1(c1), c3, ctx]) == key
        )

    out = {
        "class": c, "partition": partition, "epoch": epoch, "version": version, "author_draws": draws,
        "made_under": gen["number"], "inputs": hexed(inputs),
    }
    out["intermediates"] = hexed({
        "ctx": ctx, "sigma": sigma, "t": scalar(t), "c1": g1(c1), "z_n_t": gt(z_n_t), "mask": mask, "c3": c3,
        "proof_nonce": scalar(nonce), "proof_commitment": commitment, "challenge": scalar(challenge),
        "response": scalar(response), "K": key,
    })
    out["messages"] = hexed({"context": encoded_context})
    # The capsule as it was made, and then as it is under each generation after.
    return {"class": c, "c1": c1, "c2": points, "accepts": accepts, "out": out | {"states": states}}


def aggregate(params, gen, text, capsules):
    """The key of a set, and how it opens the capsules that are under its generation."""
    classes, n, numbered = parse_set(text), params.n, gen["number"]

    def total(indices):
        out = Z2
        for k in indices:
            out = add(out, params.Q[k])
        return out

    D = total(n + 1 - (c + 1) for c in sorted(classes))
    K = multiply(D, gen["gamma"])
    assert e(G1, K) == e(gen["V1"], D)
    openings = []
    for index, made in enumerate(capsules):
        if numbered not in made["c2"] or made["class"] not in classes:
            continue
        i = made["class"] + 1
        F = total(n + 1 - (c + 1) + i for c in sorted(classes) if c + 1 != i)
        above, below = e(made["c2"][numbered], D), e(made["c1"], add(K, F))
        assert made["accepts"](above / below)
        opening = {"capsule": index, "F": g2(F).hex(), "K_plus_F": g2(add(K, F)).hex()}
        if not openings and ("," in text or numbered == 0):
            opening |= {"numerator": gt(above).hex(), "denominator": gt(below).hex()}
        openings.append(opening)
    assert openings
    return {
        "generation": numbered, "set": text,
        "intermediates": hexed({"D": g2(D), "K": g2(K)}),
        "messages": hexed({"set": class_set(classes), "key": message(KAC, AGGREGATE_KEY, g2(K))}),
        "openings": openings,
    }


def token(before, after):
    """What leads the capsules of one generation to another."""
    delta = (after["gamma"] - before["gamma"]) % r
    assert g1(add(before["V1"], multiply(G1, delta))) == g1(after["V1"])
    body = before["origin"] + after["origin"] + scalar(delta)
    return {
        "from": before["number"], "to": after["number"], "intermediates": hexed({"delta": scalar(delta)}),
        "messages": hexed({"token": message(KAC, ROTATION_TOKEN, body)}),
    }


def run(name, generated, layout, wanted, keys):
    """Generations 0 and 1 of one owner. `wanted` are capsules: generation, class, version, AAD; `keys` are sets."""
    params, z_n, shown = generated
    inputs = seeds(name, "owner_seed", "author_seed", "root")
    owner, author = Party(inputs["owner_seed"]), Party(inputs["author_seed"])
    generations, previous = [], bytes(32)
    for number in 0, 1:
        fresh = seeds(name, f"fresh_generation_{number}")[f"fresh_generation_{number}"]
        generations.append(generation(params, layout, inputs["root"], owner, number, previous, fresh))
        previous = generations[-1]["origin"]
    capsules = [
        capsule(
            f"{name}/{at}", params, z_n, layout, owner, author, generations[g], c, version, aad, generations[g + 1 :]
        )
        for at, (g, c, version, aad) in enumerate(wanted)
    ]
    certs = [bytes.fromhex(gen["out"]["messages"]["cert"]) for gen in generations]
    return {
        "name": name, "params": shown["n"], "partitions": layout[0], "epochs": layout[1],
        "inputs": hexed(inputs),
        "intermediates": hexed({
            "owner_id": owner.id, "owner_public": owner.public, "author_id": author.id, "author_hedge": author.hedge,
        }),
        "messages": hexed({
            "owner_root": message(COMMON, OWNER_ROOT, inputs["root"]), "grid": class_grid(*layout),
            "chain": message(KAC, GENERATION_CHAIN, be(2, 4) + b"".join(certs)),
        }),
        "generations": [gen["out"] for gen in generations],
        "token": token(*generations),
        "capsules": [made["out"] for made in capsules],
        "keys": [aggregate(params, generations[g], text, capsules) for g, text in keys],
    }


# A ceremony ---------------------------------------------------------------------------------------------------------


def ceremony(n):
    params = Params(n, {k: G1 for k in range(1, n + 1)}, {k: G2 for k in exponents(n)})
    signed, steps, alpha = b"", [], 1

    def transcripts():
        head = be(len(steps), 4) + signed
        return hexed({
            "compact": message(KAC, TRANSCRIPT, head + params.compact),
            "uncompressed": message(KAC, TRANSCRIPT, head + params.uncompressed),
        })

    out = {"n": n, "start": {"digest": params.digest.hex(), "messages": transcripts()}}
    for burnt in 0, 3:
        inputs = seeds(f"ceremony {len(steps)}", "seed", "fresh_beta", "fresh_proof")
        who = Party(inputs["seed"])
        who.draws = burnt
        beta = hash_scalar(label("kac beta"), who.draw(label("kac beta"), [params.digest], inputs["fresh_beta"]))
        after, alpha = params.raised(beta), alpha * beta % r
        base, image = params.P[1], after.P[1]
        nonce, commitment, challenge, response, proof = prove(
            label("kac contribution proof"), beta, base, multiply, g1, image,
            [be(n, 4), params.digest, after.digest, who.id], inputs["fresh_proof"],
        )
        body = params.digest + after.digest + g1(image) + proof
        statement, cert = message(KAC, CONTRIBUTION, body), who.sign(KAC, CONTRIBUTION, body)
        signed, params = signed + cert, after
        steps.append({"contributor_draws": burnt, "inputs": hexed(inputs)})
        steps[-1] |= {
            "intermediates": hexed({
                "contributor": who.id, "hedge": who.hedge, "beta": scalar(beta), "P_1_before": g1(base),
                "P_1_after": g1(image), "digest_after": after.digest, "proof_nonce": scalar(nonce),
                "proof_commitment": commitment, "challenge": scalar(challenge), "response": scalar(response),
            }),
            "messages": hexed({"statement": statement, "contribution": cert}),
            "transcripts": {},
        }
        steps[-1]["transcripts"] = transcripts()
    assert params.digest == Params.from_alpha(n, alpha).digest
    return out | {"contributions": steps, "alpha": scalar(alpha).hex()}


if __name__ == "__main__":
    generated = {n: generate(n, burnt) for n, burnt in ((1, 0), (2, 1), (5, 0), (7, 0))}
    vectors = {
        "params": [shown for _, _, shown in generated.values()],
        "pins": pins(params for params, _, _ in generated.values()).hex(),
        "class_sets": sets(),
        "grids": grids(),
        "runs": [
            run(
                "two partitions, seven classes in the parameters", generated[7], (["medical", "insurance"], 3),
                # First and last class, both partitions, no AAD and some, both generations.
                [
                    (0, 0, 1, b""), (0, 4, 2, "Größe".encode()), (1, 0, 3, b"\0"), (1, 2, 2**64 - 1, bytes(range(256))),
                    (1, 3, 0, b""), (1, 5, 1, b"aad"),
                ],
                [
                    (0, "0-5"), (1, "0-5"), (1, "1-3"), (1, "0"), (1, "5"), (1, "0,2,4"), (1, "0-1,3-5"),
                    (1, "0,2-3,5"),
                ],
            ),
            run("one class in all", generated[1], (["x"], 1), [(0, 0, 1, b""), (1, 0, 1, b"")], [(0, "0"), (1, "0")]),
        ],
        "ceremony": ceremony(2),
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()
