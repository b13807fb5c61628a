#!/usr/bin/env python3
"""Compares the model of sessions with docs/vectors/session.json, or makes docs/vectors/session-transcript.json with it.

    pip install cryptography==48.0.0 kyber-py==1.2.0
    scripts/session_vectors.py check
    scripts/session_vectors.py transcript [SEED FILE]
"""

import json
import random
import sys
from hashlib import sha256
from pathlib import Path

from session_check import check
from session_model import (
    ADDRESS, ANSWER_CONTENT_MAX, CONTENT_MAX, HOUR_US, INVITATION, KEM_KEY, REKEY, Offer, Refusal, initiate,
)
from stream_model import ids

VECTORS = Path(__file__).parent.parent / "docs" / "vectors"
START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000

ABOUT = [
    "What an implementation outside this repository says of three sessions, as specified in docs/spec/sessions.md.",
    "Bytes are hexadecimal. at: microseconds since 1970. i: the initiator, r: the responder. All random inputs are there.",
    "kem_seed: d || z of the offer's ML-KEM pair. encapsulation: m of the answer. ratchet: the secret of a chain that begins.",
    "i_stream, r_stream: seeds of the streams that the handshake gives to i and r, and i_box, r_box: the ids of their first boxes.",
    "seal: a content. control: the KEM message that is due, with d || z of its key pair or m of its ciphertext, if it is not a",
    "repeated one. idle: no KEM message is due. envelope: what comes of it, and stream: the seed of the next stream, if any.",
    "open: the index of the event that sealed the envelope, or -1 for the envelope in the answer, with one bit flipped if there is",
    "flip. label: it is refused; otherwise it gives that event's content. stream: it is the first of its chain that is opened.",
    "expire: how many envelopes are lost since the last time. state: SHA-256 of the saved session.",
]


class Play:
    """Two sides, what is between them, and what was said of it."""

    def __init__(self, rng, occasion, psk, at, identities=None):
        self.rng, self.at = rng, at
        i_identity, r_identity = identities or (self.bytes(32), self.bytes(32))
        self.identities = i_identity, r_identity
        offer = Offer(r_identity, self.bytes(32), self.bytes(64))
        ephemeral, m, ratchet = self.bytes(32), self.bytes(32), self.bytes(32)
        content = self.bytes(rng.randrange(ANSWER_CONTENT_MAX + 1))
        bundle = offer.bundle(occasion)
        i, answer, i_stream, r_stream, self.rekey = initiate(
            occasion, bundle, i_identity, psk, content, at, ephemeral, m, ratchet
        )
        r, got, *streams, rekey = offer.respond(occasion, psk, answer, at + SECOND_US)
        assert (got, streams, rekey) == (content, [r_stream, i_stream], self.rekey)
        self.sides = {"i": i, "r": r}
        self.handshake = {
            "occasion": occasion, "psk": psk, "at": at, "respond_at": at + SECOND_US,
            "i_identity": i_identity, "r_identity": r_identity, "r_ephemeral": offer.ephemeral,
            "kem_seed": offer.kem_seed, "i_ephemeral": ephemeral, "encapsulation": m, "ratchet": ratchet,
            "content": content, "bundle": bundle, "answer": answer, "i_stream": i_stream, "r_stream": r_stream,
            "i_box": next(ids(i_stream, 1)), "r_box": next(ids(r_stream, 1)), "rekey": self.rekey,
        }
        self.events = []
        # Index, envelope, content: on the way to a side, and opened by it.
        self.way = {"i": [], "r": []}
        self.opened = {"i": [], "r": [(-1, answer[1154:], content)]}

    def bytes(self, count):
        return self.rng.randbytes(count)

    def say(self, by, **event):
        self.events.append({"at": self.at, "by": by, **event})

    def sealed(self, by, sealed, content, ratchet, was_ours, **event):
        envelope, stream = sealed
        if was_ours:
            event["ratchet"] = ratchet
            event["stream"] = stream
        self.say(by, **event, envelope=envelope)
        self.way["ir".replace(by, "")].append((len(self.events) - 1, envelope, content))

    def seal(self, by, length=None):
        side, ratchet = self.sides[by], self.bytes(32)
        if length is None:
            length = self.rng.choice([self.rng.randrange(24)] * 60 + [CONTENT_MAX, self.rng.randrange(CONTENT_MAX)])
        content, was_ours = self.bytes(length), side.ours
        self.sealed(by, side.seal(self.at, content, ratchet), content, ratchet, was_ours, seal=content)

    def control(self, by):
        side, ratchet = self.sides[by], self.bytes(32)
        due, was_ours = side.control_due(self.at), side.ours
        if due is None:
            self.say(by, idle=True)
            return
        is_new = side.exchange[0] in ("idle", "asked")
        randomness = self.bytes(64 if due == KEM_KEY else 32) if is_new else b""
        sealed = side.seal_control(self.at, ratchet, randomness)
        self.sealed(by, sealed, None, ratchet, was_ours, control=randomness)

    def open(self, by, item, flip=None):
        index, envelope, expected = item
        event = {"open": index}
        if flip is not None:
            changed = bytearray(envelope)
            changed[flip // 8] ^= 1 << flip % 8
            envelope, event["flip"] = bytes(changed), flip
        try:
            content, stream = self.sides[by].open(self.at, envelope)
        except Refusal as refusal:
            event["label"] = str(refusal)
        else:
            assert content == expected and flip is None
            self.opened[by].append(item)
            if stream is not None:
                event["stream"] = stream
        self.say(by, **event)

    def state(self, by):
        self.say(by, state=sha256(self.sides[by].to_bytes()).digest())

    def expire(self, by):
        self.say(by, expire=self.sides[by].expire(self.at))

    def wait(self, mean_us):
        self.at += int(self.rng.expovariate(1 / mean_us))

    def step(self):
        """One random event: mostly messages in bursts, out of order, some of them lost or late."""
        rng = self.rng
        self.wait(rng.choice([5 * SECOND_US] * 12 + [HOUR_US // 4] * 6 + [8 * HOUR_US]))
        by = rng.choice("ir")
        kind = rng.choices(
            ["talk", "control", "open", "drop", "replay", "flip", "reflect", "state", "expire", "gap"],
            [20, 9, 60, 1, 3, 4, 1, 4, 1, 0.2],
        )[0]
        way = self.way[by]
        if kind == "talk":
            for _ in range(rng.choice([1] * 8 + [2, 6])):
                self.seal(by)
        elif kind == "control":
            self.control(by)
        elif kind == "gap":
            self.at += rng.randrange(5, 20) * 24 * HOUR_US
        elif kind == "replay" and self.opened[by]:
            self.open(by, rng.choice(self.opened[by]))
        elif kind == "reflect" and self.way["ir".replace(by, "")]:
            self.open(by, rng.choice(self.way["ir".replace(by, "")]))
        elif kind in ("state", "expire"):
            getattr(self, kind)(by)
        elif way:
            # Mostly in order, sometimes from anywhere.
            item = way[0 if rng.random() < 0.7 else rng.randrange(len(way))]
            if kind == "flip":
                self.open(by, item, rng.randrange(len(item[1]) * 8 if rng.random() < 0.5 else 45 * 8))
            elif kind == "drop":
                way.remove(item)
            elif kind == "open":
                way.remove(item)
                self.open(by, item)

    def turn(self, by, lost):
        """A chain of which the first envelopes are late, and an answer that makes room for the next chain."""
        other = "ir".replace(by, "")
        for _ in range(lost + 1):
            self.seal(by, 0)
        self.open(other, self.way[other].pop())
        self.seal(other, 0)
        self.open(by, self.way[by].pop())
        self.wait(HOUR_US)

    def result(self):
        for by in "ir":
            self.state(by)
        return {**self.handshake, "events": self.events}


def busy(play):
    """So many envelopes in so short a time that they are what makes an exchange due, on either side."""
    for asking, asked in ("ir", "ri"):
        by = asking
        while play.sides[asking].exchange[0] == "idle":
            play.wait(SECOND_US)
            by = "ir".replace(by, "")
            play.seal("ir".replace(by, ""), 0)
            play.open(by, play.way[by].pop())
            play.control(asking)
        play.open(asked, play.way[asked].pop())
        play.control(asked)
        play.open(asking, play.way[asking].pop())
        play.seal(asking, 0)
        play.open(asked, play.way[asked].pop())


def overflow(play):
    """More skipped envelopes than are kept, and then more in one chain than a side goes along with."""
    for late in (100, 120, 90):
        play.turn("i", late)
    for item in play.way["r"][::7]:
        play.open("r", item)
    play.state("r")
    play.expire("r")
    play.at += 15 * 24 * HOUR_US
    play.open("r", play.way["r"][-1])
    play.expire("r")
    play.turn("i", 256)
    play.way["r"].clear()
    for _ in range(258):
        play.seal("i", 0)
    play.open("r", play.way["r"][257])
    play.open("r", play.way["r"][256])
    play.open("r", play.way["r"][257])


def transcript(seed="sotto session transcript v1", path=VECTORS / "session-transcript.json"):
    rng = random.Random(seed)
    first = Play(rng, INVITATION, rng.randbytes(32), START_US)
    while len(first.events) < 1_500:
        first.step()
    second = Play(rng, ADDRESS, rng.randbytes(32), first.at)
    busy(second)
    overflow(second)
    third = Play(rng, REKEY, first.rekey, first.at, first.identities[::-1])
    while len(third.events) < 700:
        third.step()
    plays = [first, second, third]
    written = json.dumps(
        {"about": ABOUT, "sessions": [play.result() for play in plays]}, default=bytes.hex, separators=(",", ":")
    )
    for mark in ('{"at"', '"events"', '"sessions"', '{"occasion"'):
        written = written.replace(mark, "\n" + mark)
    Path(path).write_text(written + "\n")
    for play in plays:
        counts = {}
        for event in play.events:
            kind = next(k for k in ("seal", "control", "idle", "open", "state", "expire") if k in event)
            counts[event.get("label", kind)] = counts.get(event.get("label", kind), 0) + 1
        chains = sum("ratchet" in event for event in play.events)
        print(len(play.events), "events,", chains, "chains,", play.sides["i"].complete, "KEM exchanges:", counts)


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check(VECTORS / "session.json")
    elif sys.argv[1:2] == ["transcript"] and len(sys.argv) in (2, 4):
        transcript(*sys.argv[2:])
    else:
        sys.exit(__doc__)
