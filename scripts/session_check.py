"""Compares the model of sessions with docs/vectors/session.json: every derivation, step and refusal."""

import copy
import json

from session_model import (
    ANSWER_HEAD, ML_KEM_768, Offer, Refusal, agree, associated_data, chain_step, check_point, cipher, hkdf, initiate,
    kem_pair, public, thirds, transcript_hash, u32,
)

NOW = 1_800_000_000_000_000


def unhex(value):
    """The same with every string that is hexadecimal as bytes; labels and names stay."""
    if isinstance(value, dict):
        text = ("label", "name", "by", "do", "about")
        return {key: item if key in text else unhex(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unhex(item) for item in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


class Count:
    """What was compared."""

    def __init__(self):
        self.same = self.refused = 0

    def equal(self, got, expected, what):
        assert got == expected, f"{what}: {got!r} is not {expected!r}"
        self.same += 1

    def refuses(self, label, what, attempt):
        try:
            attempt()
        except Refusal as refusal:
            assert str(refusal) == label, f"{what}: {refusal}, not {label}"
            self.refused += 1
        else:
            raise AssertionError(f"{what}: accepted, not {label}")


def derivations(count, given):
    step = given["chain_step"]
    count.equal(tuple(chain_step(step["chain"])), (step["message_key"], step["next_chain"]), "chain step")
    message = given["message"]
    okm = hkdf(bytes(32), message["message_key"], b"sotto/session/v1/message", 44)
    count.equal((okm[:32], okm[32:]), (message["key"], message["nonce"]), "message")
    count.equal(cipher(message["message_key"])[1], message["nonce"], "message")
    for step in given["root_steps"]:
        info = b"sotto/session/v1/root" + bytes([step["role"]]) + u32(step["epoch"])
        okm = hkdf(step["root"], step["dh"] + (step["ss"] or b""), info, 96)
        count.equal(thirds(okm), (step["next_root"], step["chain"], step["stream"]), "root step")


def handshake(count, inputs, expected):
    """Both sides after the handshake, compared with what is expected of it."""
    i, r = inputs["initiator"], inputs["responder"]
    occasion, psk = expected["occasion"], expected["psk"]
    offer = Offer(r["identity"], r["ephemeral"], r["kem_d"] + r["kem_z"])
    bundle = offer.bundle(occasion)
    initiator, answer, i_stream, r_stream, rekey = initiate(
        occasion, bundle, i["identity"], psk, i["content"], NOW, i["ephemeral"], i["kem_m"], i["ratchet"]
    )
    responder, content, own, other, same_rekey = offer.respond(occasion, psk, answer, NOW)
    count.equal((content, own, other, same_rekey), (i["content"], r_stream, i_stream, rekey), "the responder's side")
    transcript = transcript_hash(occasion, bundle, answer[2:ANSWER_HEAD])
    got = {
        "bundle": bundle, "answer": answer, "occasion": occasion, "psk": psk, "initiator": i, "responder": r,
        "dh1": agree(i["identity"], public(r["ephemeral"])), "dh2": agree(i["ephemeral"], public(r["identity"])),
        "dh3": agree(i["ephemeral"], public(r["ephemeral"])), "transcript": transcript,
        "ss": ML_KEM_768.decaps(kem_pair(offer.kem_seed)[1], answer[66:ANSWER_HEAD]),
        "associated": associated_data(public(i["identity"]), public(r["identity"]), transcript),
        "initiator_stream": i_stream, "responder_stream": r_stream, "rekey": rekey,
        "root_after_first_envelope": initiator.root,
    }
    count.equal((responder.root, responder.ad), (initiator.root, initiator.ad), "both sides")
    count.equal(initiator.ad, got["associated"], "AD")
    for name, value in expected.items():
        count.equal(got[name], value, f"occasion {occasion}: {name}")
    for session in (initiator, responder):
        # In these vectors an exchange is always due at once.
        session.interval_us = 0
    return offer, {"initiator": initiator, "responder": responder}


def play(count, session, step, envelopes):
    if step["do"] == "open":
        got = session.open(NOW, envelopes[step["name"]])
        count.equal(got, (step["content"], step["next_stream"]), step["name"])
    else:
        if step["do"] == "seal":
            sealed = session.seal(NOW, step["content"], step["ratchet"])
        else:
            randomness = step.get("kem_d", b"") + step.get("kem_z", b"") + step.get("kem_m", b"")
            sealed = session.seal_control(NOW, step["ratchet"], randomness)
        count.equal(sealed, (step["envelope"], step["next_stream"]), step["name"])
        envelopes[step["name"]] = step["envelope"]
    count.equal((session.complete, session.root), (step["kem_epoch_after"], step["root_after"]), step["name"])


def changed(case, whole):
    message = bytearray(case.get("whole", whole))
    if "put" in case:
        message[case["at"]:case["at"] + len(case["put"])] = case["put"]
    return bytes(message[:case.get("cut_to")]) + case.get("append", b"")


def check(path):
    vectors, count = unhex(json.loads(path.read_text())), Count()
    derivations(count, vectors["derivations"])
    given = vectors["handshake"]
    offer, sessions = handshake(count, given, given)
    for other in vectors["same_inputs"]:
        handshake(count, given, other)
    states, envelopes = [copy.deepcopy(sessions)], {}
    for step in vectors["steps"]:
        play(count, sessions[step["by"]], step, envelopes)
        states.append(copy.deepcopy(sessions))
    for case in vectors["refused_envelopes"]:
        session = states[case["after_steps"]][case["by"]]
        before = copy.deepcopy(session.__dict__)
        count.refuses(case["label"], case["name"], lambda: session.open(NOW, case["envelope"]))
        count.equal(session.__dict__, before, case["name"])
    for case in vectors["refused_points"]:
        count.refuses(case["label"], "a point", lambda: check_point(case["point"]))
    occasion, psk, i = given["occasion"], given["psk"], given["initiator"]
    for case in vectors["refused_bundles"]:
        bundle, identity = changed(case, given["bundle"]), case.get("identity", i["identity"])
        count.refuses(case["label"], case["name"], lambda: initiate(
            case.get("occasion", occasion), bundle, identity, psk, b"", NOW, i["ephemeral"], i["kem_m"], i["ratchet"]
        ))
    for case in vectors["refused_answers"]:
        answer = changed(case, given["answer"])
        count.refuses(case["label"], case["name"], lambda: offer.respond(
            case.get("occasion", occasion), case.get("psk", psk), answer, NOW
        ))
    print(f"{path.name}: {count.same} comparisons, {count.refused} refusals, all the same")
