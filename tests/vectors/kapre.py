"""Writes kapre.json: key-aggregate proxy re-encryption, computed without a line of the crate.

    pip install py_ecc==8.0.0 cryptography
    python3 tests/vectors/kapre.py > tests/vectors/kapre.json

It takes some minutes. What it stands on is in kac.py, groups.py and common.py. HPKE (RFC 9180, base mode with X25519,
HKDF-SHA256 and ChaCha20-Poly1305) is written out here, on X25519 and the AEAD of `cryptography`, and what it seals is
opened again with the HPKE of `cryptography` where that has one. All bytes are hexadecimal; fresh bytes are what the random
number generator gives, in the order in which it is asked. Parties count their draws; the order is that of the file.
"""

import hashlib
import hmac
import json
import sys

from common import COMMON, Party, be, digest, label, labelled, message, var
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from epoch import Tree
from groups import G1, G2, Z1, Z2, add, e, g1, g2, gt, hash_scalar, multiply, neg, r, scalar
from kac import KAC, capsule, class_set, generate, generation, hexed, parse_set, seeds

try:
    from cryptography.hazmat.primitives import hpke as other_hpke
except ImportError:
    other_hpke = None

ROLE_CERT, DEALING, LAYER_GRANT = 0x0031, 0x004a, 0x0063
USER_KEY, USER_SECRET, OWNER_GRANT, GRANT, REKEY, RECAPSULE = 0x0050, 0x0051, 0x0052, 0x0053, 0x0054, 0x0055
REFERRAL_TERMS, REFERRAL, REFERRAL_KEY = 0x0056, 0x0057, 0x0058
RULES, REQUEST, APPEAL, APPROVAL, APPROVAL_KEY, EMERGENCY_GRANT = 0x0059, 0x005a, 0x005b, 0x005c, 0x005d, 0x005e
DOCTOR = 1


def open_ended(lab, data):
    """A digest of bytes that follow the label without a length of their own."""
    return hashlib.sha512(be(len(lab), 8) + lab + data).digest()[:32]


# HPKE ---------------------------------------------------------------------------------------------------------------

KEM = b"KEM" + be(0x0020, 2)
SUITE = b"HPKE" + be(0x0020, 2) + be(0x0001, 2) + be(0x0003, 2)


def extract(suite, salt, lab, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + lab + ikm, hashlib.sha256).digest()


def expand(suite, prk, lab, info, length):
    info = be(length, 2) + b"HPKE-v1" + suite + lab + info
    assert length <= 32
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()[:length]


def key_pair(seed):
    secret = expand(KEM, extract(KEM, b"", b"dkp_prk", seed), b"sk", b"", 32)
    private = X25519PrivateKey.from_private_bytes(secret)
    return secret, private, private.public_key().public_bytes_raw()


def schedule(dh, enc, public, info):
    shared = expand(KEM, extract(KEM, b"", b"eae_prk", dh), b"shared_secret", enc + public, 32)
    context = b"\0" + extract(SUITE, b"", b"psk_id_hash", b"") + extract(SUITE, b"", b"info_hash", info)
    secret = extract(SUITE, shared, b"secret", b"")
    return shared, expand(SUITE, secret, b"key", context, 32), expand(SUITE, secret, b"base_nonce", context, 12)


def hpke_seal(user, plaintext, info, ikm):
    _, private, enc = key_pair(ikm)
    dh = private.exchange(X25519PublicKey.from_public_bytes(user.hpke_public))
    shared, key, nonce = schedule(dh, enc, user.hpke_public, info)
    sealed = ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")
    # The other side.
    assert user.hpke_private.exchange(X25519PublicKey.from_public_bytes(enc)) == dh
    if other_hpke:
        suite = other_hpke.Suite(other_hpke.KEM.X25519, other_hpke.KDF.HKDF_SHA256, other_hpke.AEAD.CHACHA20_POLY1305)
        assert suite.decrypt(enc + sealed, user.hpke_private, info) == plaintext
    return enc, sealed, {"ephemeral_ikm": ikm, "shared_secret": shared, "key": key, "nonce": nonce}


class User(Party):
    """A party with an HPKE key. The first draw makes it."""

    def __init__(self, name):
        inputs = seeds(name, "seed", "fresh_key")
        super().__init__(inputs["seed"])
        lab = label("kapre user secret")
        self.hpke_seed = digest(lab, self.draw(lab, [b"\0"], inputs["fresh_key"]))
        self.hpke_secret, self.hpke_private, self.hpke_public = key_pair(self.hpke_seed)
        body = b"\0" + self.hpke_public
        self.signed_key, self.key_name = self.sign(KAC, USER_KEY, body), self.statement_id(KAC, USER_KEY, body)
        self.out = {
            "inputs": hexed(inputs),
            "intermediates": hexed({
                "id": self.id, "hedge": self.hedge, "hpke_seed": self.hpke_seed, "hpke_secret": self.hpke_secret,
                "hpke_public": self.hpke_public, "key_name": self.key_name,
            }),
            "messages": hexed({
                "user_key": self.signed_key,
                "user_secret": message(KAC, USER_SECRET, self.id + b"\0" + self.hpke_seed),
            }),
        }


# What grants have in common -----------------------------------------------------------------------------------------


def terms(name, origin, user, classes, validity):
    begin, end = validity
    return name + origin + user.id + user.key_name + class_set(classes) + be(begin, 8) + be(end, 8)


def named(maker, write, fresh):
    """The name that is drawn for a statement, and the statement with it."""
    unnamed = open_ended(label("kapre unnamed"), write(bytes(16)))
    lab = label("kapre grant id")
    name = digest(lab, maker.draw(lab, [unnamed], fresh))[:16]
    return name, write(name), unnamed


def admission(issuer, classes, seconds):
    return be(1, 4) + bytes([DOCTOR]) + issuer + class_set(classes) + be(seconds, 8)


def mask(maker, user, transcript, inputs):
    """x, m, M and the sealed x."""
    lab = label("kapre x")
    x = digest(lab, maker.draw(lab, [transcript], inputs["fresh_x"]))
    m = hash_scalar(label("kapre mask"), [x, transcript])
    lab = label("kapre hpke")
    seed = labelled(lab, maker.draw(lab, [transcript], inputs["fresh_hpke"]))
    # The first 32 bytes of the first block.
    ikm = labelled(label("hash generator"), [seed, be(1, 8)])[:32]
    enc, sealed, steps = hpke_seal(user, x, transcript, ikm)
    M = multiply(G1, m)
    out = {"transcript": transcript, "x": x, "m": scalar(m), "M": g1(M), "enc": enc, "sealed": sealed} | steps
    return m, M, g1(M) + var(enc) + sealed, out


def total(params, indices):
    out = Z2
    for k in indices:
        out = add(out, params.Q[k])
    return out


def sums(params, classes, i):
    """D_S, or F_{S,i} for a class number from 1."""
    n = params.n
    return total(params, (n - c + i for c in sorted(classes) if c + 1 != i))


def rekey(name, rk):
    return message(KAC, REKEY, name + g2(rk))


def reencrypted(params, z_n, server, made, rk, reach, m, name):
    """An answer for a capsule, and its opening."""
    inputs = seeds(name, "fresh_tau")
    c1, c2, i = made["c1"], made["c2"][0], made["class"] + 1
    ctx = bytes.fromhex(made["out"]["intermediates"]["ctx"])
    lab, draws = label("kapre blind"), server.draws
    tau = hash_scalar(lab, server.draw(lab, [g2(rk), g1(c1), ctx], inputs["fresh_tau"]))
    D, F = sums(params, reach, 0), sums(params, reach, i)
    C, E = multiply(c1, tau), multiply(add(rk, F), pow(tau, -1, r))
    above, below = e(c2, D) * e(c1, multiply(G2, m)), e(C, E)
    assert made["accepts"](above / below)
    return {
        "class": made["class"], "server_draws": draws, "inputs": hexed(inputs),
        "intermediates": hexed({
            "tau": scalar(tau), "F": g2(F), "rk_plus_F": g2(add(rk, F)), "C": g1(C), "E": g2(E),
            "z_n_t": gt(above / below),
        }),
        "messages": hexed({"recapsule": message(KAC, RECAPSULE, g1(C) + g2(E))}),
    }


# Grants -------------------------------------------------------------------------------------------------------------


def owner_grant(params, gen, owner, user, text, validity, rules, name):
    inputs = seeds(name, "fresh_id", "fresh_x", "fresh_hpke")
    classes = parse_set(text)
    tail = b"\1" + rules["bytes"] if rules else b"\0"
    draws = owner.draws
    ident, stated, unnamed = named(
        owner, lambda n: terms(n, gen["origin"], user, classes, validity) + tail, inputs["fresh_id"]
    )
    m, M, encoded, steps = mask(owner, user, open_ended(label("kapre terms"), stated), inputs)
    body = stated + encoded
    signed, of = owner.sign(KAC, OWNER_GRANT, body), owner.statement_id(KAC, OWNER_GRANT, body)
    D = sums(params, classes, 0)
    K = multiply(D, gen["gamma"])
    rk = add(K, multiply(G2, m))
    assert e(G1, rk) == e(gen["V1"], D) * e(M, G2)
    out = {
        "set": text, "validity": validity, "owner_draws": draws, "referral": rules["shown"] if rules else None,
        "inputs": hexed(inputs),
        "intermediates": hexed(
            {"unnamed": unnamed, "id": ident} | steps | {"digest": of, "D": g2(D), "K": g2(K), "rk": g2(rk)}
        ),
        "messages": hexed({"grant": message(KAC, GRANT, b"\0" + signed), "rekey": rekey(of, rk)}),
    }
    return {"classes": classes, "m": m, "rk": rk, "digest": of, "signed": signed, "out": out}


def referral(gen, parent, by, user, role, text, validity, name):
    inputs = seeds(name, "fresh_id", "fresh_x", "fresh_hpke")
    classes, draws = parse_set(text), by.draws
    ident, stated, unnamed = named(
        by, lambda n: terms(n, gen["origin"], user, classes, validity) + parent["digest"] + role, inputs["fresh_id"]
    )
    m, M, encoded, steps = mask(by, user, open_ended(label("kapre referral"), stated), inputs)
    body = stated + encoded
    signed, of = by.sign(KAC, REFERRAL_TERMS, body), by.statement_id(KAC, REFERRAL_TERMS, body)
    delta = multiply(G2, (m - parent["m"]) % r)
    rk = add(parent["rk"], delta)
    assert e(G1, rk) == e(gen["V1"], parent["D"]) * e(M, G2)
    out = {
        "set": text, "validity": validity, "delegatee_draws": draws, "inputs": hexed(inputs),
        "intermediates": hexed(
            {"unnamed": unnamed, "id": ident} | steps | {"digest": of, "delta": g2(delta), "rk": g2(rk)}
        ),
        "messages": hexed({
            "grant": message(KAC, GRANT, b"\1" + message(KAC, REFERRAL, parent["signed"] + signed)),
            "referral_key": message(KAC, REFERRAL_KEY, of + g2(delta)), "rekey": rekey(of, rk),
        }),
    }
    return {"m": m, "rk": rk, "out": out}


# Emergencies --------------------------------------------------------------------------------------------------------


def sharing_name(origin, number, members, commitments):
    """The committee stands between parts, without a length."""
    lab = label("kac sharing")
    parts = b"".join(be(len(x), 8) + x for x in (lab, origin, be(number, 4)))
    rest = b"".join(be(48, 8) + g1(c) for c in commitments)
    return hashlib.sha512(parts + members + rest).digest()[:32]


def emergency(params, gen, owner, user, role, rules_of, text, validity, quorum, name):
    inputs = seeds(name, "fresh_polynomial", "fresh_rules", "fresh_request")
    trustees = [Party(seeds(f"{name}/trustee {k}", "seed")["seed"]) for k in (1, 2, 3)]
    members = bytes([2]) + be(3, 4) + b"".join(trustee.id for trustee in trustees)
    alone = sharing_name(gen["origin"], 0, bytes([1]) + be(1, 4) + owner.id, [gen["V1"]])
    lab, draws = label("kac polynomial"), owner.draws
    slope = hash_scalar(lab, owner.draw(lab, [alone, members, b"\1"], inputs["fresh_polynomial"]))
    commitments = [gen["V1"], multiply(G1, slope)]
    state = sharing_name(gen["origin"], 1, members, commitments)
    dealing = owner.sign(KAC, DEALING, alone + members + b"".join(g1(c) for c in commitments))

    def statement(ident):
        return ident + gen["origin"] + members + rules_of["bytes"]

    # Rules are one part of this hash, with their header.
    unnamed = digest(label("kapre unnamed"), [message(KAC, RULES, statement(bytes(16)))])
    lab = label("kapre grant id")
    ident = digest(lab, owner.draw(lab, [unnamed], inputs["fresh_rules"]))[:16]
    rules, of_rules = owner.sign(KAC, RULES, statement(ident)), owner.statement_id(KAC, RULES, statement(ident))

    classes, user_draws = parse_set(text), user.draws
    asked, body, unnamed_request = named(
        user, lambda n: terms(n, gen["origin"], user, classes, validity) + of_rules + user.signed_key + role,
        inputs["fresh_request"],
    )
    request, of_request = user.sign(KAC, REQUEST, body), user.statement_id(KAC, REQUEST, body)

    D, parts, approvals, rk, m, M = sums(params, classes, 0), [], b"", Z2, 0, Z1
    for k in quorum:
        trustee, others = trustees[k - 1], [j for j in quorum if j != k]
        weight = 1
        for j in others:
            weight = weight * j * pow(j - k, -1, r) % r
        drawn = seeds(f"{name}/trustee {k}", "fresh_x", "fresh_hpke")
        share = (gen["gamma"] + k * slope) % r
        transcript = digest(label("kapre approval"), [of_request, state, bytes([k])])
        m_k, M_k, encoded, steps = mask(trustee, user, transcript, drawn)
        rk_k = add(multiply(D, share), multiply(G2, m_k))
        image = add(commitments[0], multiply(commitments[1], k))
        assert g1(image) == g1(multiply(G1, share)) and e(G1, rk_k) == e(image, D) * e(M_k, G2)
        key_hash = digest(label("kapre approval key"), [g2(rk_k)])
        approval = trustee.sign(KAC, APPROVAL, of_request + state + bytes([k]) + encoded + key_hash)
        appeal = user.sign(KAC, APPEAL, of_request + trustee.id + be(validity[0], 8))
        approvals += approval
        rk, m, M = add(rk, multiply(rk_k, weight)), (m + weight * m_k) % r, add(M, multiply(M_k, weight))
        parts.append({
            "trustee": k, "inputs": hexed(drawn),
            "intermediates": hexed(
                {"share": scalar(share), "lambda": scalar(weight)} | steps | {"rk": g2(rk_k), "key_hash": key_hash}
            ),
            "messages": hexed({
                "appeal": appeal, "approval": approval, "approval_key": message(KAC, APPROVAL_KEY, g2(rk_k)),
            }),
        })
    K = multiply(D, gen["gamma"])
    assert g2(rk) == g2(add(K, multiply(G2, m))) and g1(M) == g1(multiply(G1, m))
    grant = message(KAC, EMERGENCY_GRANT, rules + request + be(len(quorum), 4) + approvals)
    of_grant = digest(label("kapre emergency grant"), [grant])
    out = {
        "set": text, "validity": validity, "rules": rules_of["shown"], "owner_draws": draws, "user_draws": user_draws,
        "trustee_seeds": [trustee.seed.hex() for trustee in trustees], "inputs": hexed(inputs),
        "intermediates": hexed({
            "slope": scalar(slope), "sharing": state, "unnamed_rules": unnamed, "rules_id": ident,
            "rules_digest": of_rules, "unnamed_request": unnamed_request, "id": asked, "request_digest": of_request,
            "D": g2(D), "K": g2(K), "m": scalar(m), "M": g1(M), "rk": g2(rk), "digest": of_grant,
        }),
        "messages": hexed({
            "dealing": dealing, "rules": rules, "request": request, "grant": message(KAC, GRANT, b"\2" + grant),
            "rekey": rekey(of_grant, rk),
        }),
        "parts": parts,
    }
    return {"classes": classes, "m": m, "rk": rk, "out": out}


# Layers -------------------------------------------------------------------------------------------------------------


def layer_grant(owner, user, root, version, granted, name):
    """Keys of layers for a delegatee: of each tree one range of epochs."""
    inputs = seeds(name, "ephemeral_ikm")
    shown, plaintext = [], be(len(granted), 4)
    for partition, number, first, last in granted:
        tree = Tree(root, owner.id, partition, number, 16)
        _, encoded = tree.encode(tree.cover(first, last))
        plaintext += encoded
        shown.append(
            {"partition": partition, "generation": number, "first": first, "last": last, "keys": encoded.hex()}
        )
    info = digest(label("layer grant"), [owner.id, user.id, be(version, 8)])
    enc, sealed, steps = hpke_seal(user, plaintext, info, inputs["ephemeral_ikm"])
    signed = owner.sign(COMMON, LAYER_GRANT, user.id + be(version, 8) + var(enc + sealed))
    return {
        "version": version, "granted": shown,
        "intermediates": hexed({"info": info, "plaintext": plaintext, "enc": enc, "sealed": sealed} | steps),
        "messages": hexed({"grant": signed}),
    }


if __name__ == "__main__":
    params, z_n, shown = generate(5)
    layout = (["medical", "insurance"], 2)
    base = seeds("kapre", "owner_seed", "author_seed", "server_seed", "issuer_seed", "root", "fresh_generation")
    owner, author, server, issuer = (Party(base[f"{who}_seed"]) for who in ("owner", "author", "server", "issuer"))
    gen = generation(params, layout, base["root"], owner, 0, bytes(32), base["fresh_generation"])
    doctor, specialist = User("kapre/doctor"), User("kapre/specialist")
    made = [
        capsule(f"kapre/capsule {c}", params, z_n, layout, owner, author, gen, c, 1, aad, [])
        for c, aad in ((0, b""), (1, b"aad"), (3, "Größe".encode()))
    ]

    def rules(text, seconds):
        shown = {"set": text, "seconds": seconds}
        return {"bytes": admission(issuer.id, parse_set(text), seconds), "shown": shown}

    role = issuer.sign(COMMON, ROLE_CERT, specialist.id + bytes([DOCTOR]) + be(0, 8) + be(1000, 8))
    plain = owner_grant(params, gen, owner, doctor, "0,3", [10, 20], None, "kapre/grant")
    wide = owner_grant(params, gen, owner, doctor, "0-1,3", [10, 20], rules("0-1", 5), "kapre/referable grant")
    wide["D"] = sums(params, wide["classes"], 0)
    referred = referral(gen, wide, doctor, specialist, role, "1", [12, 17], "kapre/referral")
    let_in = emergency(
        params, gen, owner, specialist, role, rules("0-3", 5), "1-3", [12, 17], (1, 3), "kapre/emergency"
    )

    def answers(grant, reach, classes, name):
        return [
            reencrypted(params, z_n, server, c, grant["rk"], reach, grant["m"], f"{name}/answer {c['class']}")
            for c in made
            if c["class"] in classes
        ]

    for grant, reach, classes, name in (
        (plain, plain["classes"], plain["classes"], "kapre/grant"),
        (wide, wide["classes"], wide["classes"], "kapre/referable grant"),
        (referred, wide["classes"], {1}, "kapre/referral"),
        (let_in, let_in["classes"], let_in["classes"], "kapre/emergency"),
    ):
        grant["out"]["answers"] = answers(grant, reach, classes, name)
    vectors = {
        "alpha": shown["intermediates"]["alpha"], "n": params.n, "partitions": layout[0], "epochs": layout[1],
        "inputs": hexed(base),
        "intermediates": hexed({"owner_hedge": owner.hedge, "server_hedge": server.hedge, "issuer_id": issuer.id}),
        "generation": gen["out"], "doctor": doctor.out, "specialist": specialist.out, "role": role.hex(),
        "capsules": [c["out"] for c in made],
        "layers": [
            layer_grant(owner, doctor, base["root"], 3, [("medical", 1, 0, 0), ("insurance", 2, 1, 9)], "kapre/layers"),
            layer_grant(owner, doctor, base["root"], 4, [("medical", 2, 0, 65535)], "kapre/whole layer"),
        ],
        "grant": plain["out"], "referable_grant": wide["out"], "referral": referred["out"], "emergency": let_in["out"],
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()
