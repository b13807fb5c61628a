"""Sessions as docs/spec/sessions.md specifies them, written from that text alone.

A model to compare another implementation with: every random input and the time are arguments, and nothing is in constant
time or erased. Needs the packages `cryptography` and `kyber-py`; `session_vectors.py` is the command line.
"""

import copy
import hmac
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from kyber_py.ml_kem import ML_KEM_768

INITIATOR, RESPONDER = 1, 2
INVITATION, ADDRESS, REKEY = 1, 2, 3
CONTENT, KEM_KEY, KEM_CIPHERTEXT = 1, 2, 3

HOUR_US = 3_600_000_000
KEM_INTERVAL_US, KEM_RETRY_US, KEM_MESSAGES = HOUR_US, 6 * HOUR_US, 64
SKIPPED_MAX, SKIPPED_AGE_US = 256, 14 * 24 * HOUR_US
NUMBER_END = 2**32 - 1
ENVELOPE_MIN, ENVELOPE_MAX, HEADER_LEN, CONTENT_MAX = 62, 1_359, 45, 1_297
ANSWER_HEAD, ANSWER_MAX, ANSWER_CONTENT_MAX = 1_154, 1_359, 143
EK_LEN, CT_LEN, BUNDLE_LEN = 1_184, 1_088, 1_250

P = 2**255 - 19
LOW_ORDER = [(n % P).to_bytes(32, "little") for n in (0, 1, -1)] + [
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


class Refusal(Exception):
    """What is refused, by its label."""


def refuse_unless(holds, label):
    if not holds:
        raise Refusal(label)


def hkdf(salt, ikm, info, length):
    return HKDF(SHA256(), length, salt, info).derive(ikm)


def thirds(okm):
    return okm[:32], okm[32:64], okm[64:]


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def check_point(point):
    refuse_unless(len(point) == 32, "point-length")
    refuse_unless(int.from_bytes(point, "little") < P, "point-non-canonical")
    refuse_unless(point not in LOW_ORDER, "point-low-order")
    return point


def agree(secret, point):
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        raise Refusal("point-low-order") from None


def kem_pair(seed):
    """The encapsulation and decapsulation key of d || z."""
    return ML_KEM_768.key_derive(seed)


def encapsulate(ek, m):
    secret, ciphertext = ML_KEM_768._encaps_internal(ek, m)
    return ciphertext, secret


def check_encapsulation_key(ek):
    """FIPS 203, section 7.2."""
    refuse_unless(len(ek) == EK_LEN, "kem-key-length")
    for a, b, c in zip(*[iter(ek[:-32])] * 3):
        refuse_unless(a | (b & 15) << 8 < 3329 and b >> 4 | c << 4 < 3329, "kem-key-unreduced")
    return ek


def chain_step(chain_key):
    return (hmac.digest(chain_key, bytes([step]), "sha256") for step in (1, 2))


def cipher(message_key):
    okm = hkdf(bytes(32), message_key, b"sotto/session/v1/message", 44)
    return ChaCha20Poly1305(okm[:32]), okm[32:]


def transcript_hash(occasion, bundle, head):
    return sha256(b"sotto/session/v1/transcript" + bytes([occasion]) + bundle + head).digest()


def handshake_keys(agreements, kem_secret, psk, transcript):
    okm = hkdf(
        bytes(32), b"\xff" * 32 + b"".join(agreements) + kem_secret + psk,
        b"sotto/session/v1/handshake" + transcript, 96,
    )
    return thirds(okm)


def associated_data(initiator, responder, transcript):
    return sha256(b"sotto/session/v1/associated" + initiator + responder + transcript).digest()


class Offer:
    """The responder's secrets."""

    def __init__(self, identity, ephemeral, kem_seed):
        self.identity, self.ephemeral, self.kem_seed = identity, ephemeral, kem_seed

    def bundle(self, occasion):
        ek, _ = kem_pair(self.kem_seed)
        return bytes([1, 0x10 | occasion]) + public(self.identity) + public(self.ephemeral) + ek

    def to_bytes(self):
        return b"\x01" + self.identity + self.ephemeral + self.kem_seed

    def respond(self, occasion, psk, answer, now):
        """The session, the content, the seeds of the own stream and of the other's, the rekey secret."""
        check_head(answer, 0x20 | occasion, ANSWER_HEAD + ENVELOPE_MIN, ANSWER_MAX)
        identity, ephemeral = check_point(answer[2:34]), check_point(answer[34:66])
        own = public(self.identity)
        refuse_unless(identity != own, "handshake-own-identity")
        transcript = transcript_hash(occasion, self.bundle(occasion), answer[2:ANSWER_HEAD])
        agreements = [
            agree(self.ephemeral, identity), agree(self.identity, ephemeral), agree(self.ephemeral, ephemeral)
        ]
        _, dk = kem_pair(self.kem_seed)
        kem_secret = ML_KEM_768.decaps(dk, answer[66:ANSWER_HEAD])
        root, stream, rekey = handshake_keys(agreements, kem_secret, psk, transcript)
        session = Session(RESPONDER, own, identity, associated_data(identity, own, transcript), root, now)
        session.ratchet_secret, session.local_key = self.ephemeral, public(self.ephemeral)
        envelope = answer[ANSWER_HEAD:]
        first_envelope_form(envelope)
        try:
            content, next_stream = session.open(now, envelope)
        except Refusal as refusal:
            raise Refusal(first_envelope_label(str(refusal))) from None
        refuse_unless(content is not None, "handshake-first-envelope")
        return session, content, stream, next_stream, rekey


def first_envelope_form(envelope):
    plain = envelope[0] == 1 and envelope[33:HEADER_LEN] == bytes(12)
    refuse_unless(plain, "handshake-first-envelope")


def first_envelope_label(label):
    if label == "envelope-authentication":
        return "handshake-authentication"
    return label if label.startswith("point-") else "handshake-first-envelope"


def check_head(message, kind, length_min, length_max):
    refuse_unless(len(message) >= 2, "handshake-length")
    refuse_unless(message[0] == 1, "handshake-version")
    refuse_unless(message[1] == kind, "handshake-kind")
    refuse_unless(length_min <= len(message) <= length_max, "handshake-length")


def parse_bundle(occasion, bundle):
    check_head(bundle, 0x10 | occasion, BUNDLE_LEN, BUNDLE_LEN)
    check_point(bundle[2:34])
    check_point(bundle[34:66])
    check_encapsulation_key(bundle[66:])


def initiate(occasion, bundle, identity, psk, content, now, ephemeral, m, ratchet):
    """The session, the answer, the seed of the own stream and of the other's, the rekey secret."""
    parse_bundle(occasion, bundle)
    refuse_unless(len(content) <= ANSWER_CONTENT_MAX, "handshake-content-length")
    own, other, other_ephemeral = public(identity), bundle[2:34], bundle[34:66]
    refuse_unless(own != other, "handshake-own-identity")
    agreements = [agree(identity, other_ephemeral), agree(ephemeral, other), agree(ephemeral, other_ephemeral)]
    ciphertext, kem_secret = encapsulate(bundle[66:], m)
    head = own + public(ephemeral) + ciphertext
    transcript = transcript_hash(occasion, bundle, head)
    root, stream, rekey = handshake_keys(agreements, kem_secret, psk, transcript)
    session = Session(INITIATOR, own, other, associated_data(own, other, transcript), root, now)
    session.ours, session.remote_key = True, other_ephemeral
    envelope, next_stream = session.seal(now, content, ratchet)
    return session, bytes([1, 0x20 | occasion]) + head + envelope, next_stream, stream, rekey


class Session:
    """One side of a conversation."""

    def __init__(self, role, local, remote, ad, root, now):
        self.role, self.local, self.remote, self.ad, self.root = role, local, remote, ad, root
        self.local_key = self.remote_key = None
        self.ours = False
        self.ratchet_secret = self.chain = None
        self.sent = self.sent_before = self.epoch = 0
        self.receiving = None
        self.received = 0
        self.complete, self.completed_at, self.since_complete = 0, now, 0
        self.interval_us = KEM_INTERVAL_US
        self.exchange = ("idle",)
        self.skipped, self.pushed_out = [], 0

    # --- KEM exchanges ---

    def asks(self, exchange, role):
        return role == (INITIATOR if exchange % 2 else RESPONDER)

    def finish_exchange(self, now):
        self.complete, self.completed_at, self.since_complete = self.complete + 1, now, 0
        self.exchange = ("idle",)

    def control_due(self, now):
        """Which KEM message is due."""
        kind = self.exchange[0]
        if kind == "idle" and self.asks(self.complete + 1, self.role):
            elapsed = now - self.completed_at >= self.interval_us
            return KEM_KEY if elapsed or self.since_complete >= KEM_MESSAGES else None
        if kind == "asking" and now - self.exchange[2] >= KEM_RETRY_US:
            return KEM_KEY
        if kind == "asked" or kind == "answered" and self.exchange[4]:
            return KEM_CIPHERTEXT
        return None

    def seal_control(self, now, ratchet, randomness):
        """The KEM message that is due. `randomness` is d || z of a new key pair or m of a new ciphertext."""
        due, number = self.control_due(now), u32(self.complete + 1)
        if due == KEM_KEY:
            seed = self.exchange[1] if self.exchange[0] == "asking" else randomness
            self.exchange = ("asking", seed, now)
            return self.seal_text(now, KEM_KEY, number + kem_pair(seed)[0], ratchet)
        if due == KEM_CIPHERTEXT:
            if self.exchange[0] == "asked":
                ek = self.exchange[1]
                ciphertext, secret = encapsulate(ek, randomness)
                self.exchange = ("answered", sha256(ek).digest(), ciphertext, secret, False)
            else:
                self.exchange = self.exchange[:4] + (False,)
            return self.seal_text(now, KEM_CIPHERTEXT, number + self.exchange[2], ratchet)
        return None

    def take_kem(self, now, kind, body):
        asked = kind == KEM_KEY
        length, label = (EK_LEN, "kem-key-length") if asked else (CT_LEN, "kem-ciphertext-length")
        refuse_unless(len(body) == 4 + length, label)
        number, body = int.from_bytes(body[:4], "big"), body[4:]
        sender = INITIATOR + RESPONDER - self.role
        refuse_unless(0 < number <= self.complete + 1, "kem-exchange")
        refuse_unless(self.asks(number, sender if asked else self.role), "kem-exchange")
        if number <= self.complete:
            return
        state = self.exchange[0]
        if asked and state == "idle":
            self.exchange = ("asked", check_encapsulation_key(body))
        elif asked:
            known = self.exchange[1] if state == "answered" else sha256(self.exchange[1]).digest()
            refuse_unless(sha256(body).digest() == known, "kem-key-changed")
            if state == "answered":
                self.exchange = self.exchange[:4] + (True,)
        elif state == "asking":
            self.exchange = ("ready", ML_KEM_768.decaps(kem_pair(self.exchange[1])[1], body))
        else:
            refuse_unless(state == "ready", "kem-exchange")

    # --- ratchet ---

    def root_step(self, agreement, secret, role, epoch):
        """rk', ck, stream = HKDF(rk, dh [|| ss], "sotto/session/v1/root" || role || epoch)"""
        info = b"sotto/session/v1/root" + bytes([role]) + u32(epoch)
        self.root, chain, stream = thirds(hkdf(self.root, agreement + secret, info, 96))
        return chain, stream

    def seal(self, now, content, ratchet):
        refuse_unless(len(content) <= CONTENT_MAX, "envelope-content-length")
        return self.seal_text(now, CONTENT, content, ratchet)

    def seal_text(self, now, kind, body, ratchet):
        """The envelope, and the seed of the next stream if it begins a chain. `ratchet` is used only then."""
        stream = None
        if self.ours:
            self.ratchet_secret, self.local_key = ratchet, public(ratchet)
            self.epoch, secret = 0, b""
            if self.exchange[0] == "ready":
                self.epoch, secret = self.complete + 1, self.exchange[1]
            self.chain, stream = self.root_step(agree(ratchet, self.remote_key), secret, self.role, self.epoch)
            self.sent_before, self.sent, self.ours = self.sent, 0, False
            if self.epoch:
                self.finish_exchange(now)
        refuse_unless(self.sent < NUMBER_END, "chain-exhausted")
        message_key, self.chain = chain_step(self.chain)
        header = b"\x01" + self.local_key + u32(self.sent_before) + u32(self.sent) + u32(self.epoch)
        self.sent += 1
        self.since_complete += 1
        key, nonce = cipher(message_key)
        return header + key.encrypt(nonce, bytes([kind]) + body, self.ad + header), stream

    def open(self, now, envelope):
        """The content, or None of a KEM message, and the seed of the next stream if the envelope begins a chain."""
        after = copy.deepcopy(self)
        opened = after.open_in_place(now, envelope)
        self.__dict__ = after.__dict__
        return opened

    def open_in_place(self, now, envelope):
        refuse_unless(ENVELOPE_MIN <= len(envelope) <= ENVELOPE_MAX, "envelope-length")
        refuse_unless(envelope[0] == 1, "envelope-version")
        header, key = envelope[:HEADER_LEN], check_point(envelope[1:33])
        before, number, epoch = (int.from_bytes(header[at:at + 4], "big") for at in (33, 37, 41))
        refuse_unless(key != self.local_key, "envelope-reflected")
        message_key, stream = self.skipped_key(now, key, number), None
        if message_key is None:
            if key == self.remote_key and self.receiving is not None:
                refuse_unless(number >= self.received, "envelope-repeated")
            else:
                refuse_unless(not self.ours and key != self.remote_key, "envelope-chain")
                stream = self.take_chain(now, key, before, epoch)
            self.skip_to(now, number)
            message_key, self.receiving = chain_step(self.receiving)
            self.received += 1
        key, nonce = cipher(message_key)
        try:
            text = key.decrypt(nonce, envelope[HEADER_LEN:], self.ad + header)
        except InvalidTag:
            raise Refusal("envelope-authentication") from None
        refuse_unless(text[0] in (CONTENT, KEM_KEY, KEM_CIPHERTEXT), "envelope-type")
        self.since_complete += 1
        if text[0] == CONTENT:
            return text[1:], stream
        self.take_kem(now, text[0], text[1:])
        return None, stream

    def take_chain(self, now, key, before, epoch):
        secret = b""
        if epoch:
            answered = self.exchange[0] == "answered" and epoch == self.complete + 1
            refuse_unless(answered, "kem-epoch")
            secret = self.exchange[3]
        if self.receiving is not None:
            self.skip_to(now, before)
        other = INITIATOR + RESPONDER - self.role
        self.receiving, stream = self.root_step(agree(self.ratchet_secret, key), secret, other, epoch)
        self.remote_key, self.received, self.ours = key, 0, True
        self.ratchet_secret = self.chain = None
        if epoch:
            self.finish_exchange(now)
        return stream

    def skip_to(self, now, number):
        refuse_unless(number - self.received <= SKIPPED_MAX, "skipped-too-many")
        while self.received < number:
            message_key, self.receiving = chain_step(self.receiving)
            self.skipped.append((self.remote_key, self.received, message_key, now))
            self.received += 1
        while len(self.skipped) > SKIPPED_MAX:
            self.skipped.pop(0)
            self.pushed_out += 1

    def skipped_key(self, now, key, number):
        for at, skipped in enumerate(self.skipped):
            if skipped[:2] == (key, number) and now - skipped[3] <= SKIPPED_AGE_US:
                del self.skipped[at]
                return skipped[2]
        return None

    def expire(self, now):
        """How many envelopes are lost since the last call."""
        kept = [skipped for skipped in self.skipped if now - skipped[3] <= SKIPPED_AGE_US]
        lost = len(self.skipped) - len(kept) + self.pushed_out
        self.skipped, self.pushed_out = kept, 0
        return lost

    # --- saved ---

    def to_bytes(self):
        out = bytes([1, self.role]) + self.local + self.remote + self.ad + self.root + self.local_key + self.remote_key
        if self.ours:
            out += b"\x01" + u32(self.sent)
        else:
            out += b"\x02" + self.ratchet_secret + self.chain + u32(self.sent) + u32(self.sent_before) + u32(self.epoch)
        out += b"\x00" if self.receiving is None else b"\x01" + self.receiving + u32(self.received)
        out += u32(self.complete) + u64(self.completed_at) + u32(self.since_complete)
        kind, *state = self.exchange
        out += bytes([["idle", "asking", "ready", "asked", "answered"].index(kind)])
        for part in state:
            # Bytes, a truth or a time.
            out += part if isinstance(part, bytes) else bytes([part]) if isinstance(part, bool) else u64(part)
        out += u32(self.pushed_out) + u32(len(self.skipped))
        for key, number, message_key, at in self.skipped:
            out += key + u32(number) + message_key + u64(at)
        return out
