//! Opening: which key an envelope needs, and what changes once it has opened.
//!
//! A plan is made first and carried out only when the envelope has opened and what is in it has been taken
//! in, so a forged or damaged envelope changes nothing.

use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::super::dh::{Point, Scalar};
use super::super::kdf;
use super::super::policy::KemPolicy;
use super::super::refusal::{HandshakeRefusal, SessionRefusal};
use super::super::secret::{Secret, StreamSeed};
use super::super::stack::with_wiped_stack;
use super::chain::Chain;
use super::exchange::Kem;
use super::header::Header;
use super::message::{self, Kind};
use super::session::{Opened, Parties, Session, Turn};
use super::skipped::{Skipped, SkippedKey};

/// The responder's state after the first envelope, and what was in it.
pub(in super::super) struct OpenedFirst {
    pub(in super::super) session: Session,
    pub(in super::super) content: Zeroizing<Vec<u8>>,
    pub(in super::super) stream: StreamSeed,
}

/// What opens an envelope, and what changes once it has.
struct Plan {
    key: Secret<32>,
    change: Change,
}

enum Change {
    /// A skipped key is used up.
    UseSkipped { at: usize },
    /// The other side's latest chain moves on.
    Advance { chain: Chain, skipped: Vec<SkippedKey> },
    /// The other side has begun a chain.
    Begin { root: Secret<32>, stream: Secret<32>, chain: Chain, skipped: Vec<SkippedKey> },
}

impl Session {
    /// Opens the first envelope of all: `ephemeral` is the pair of this side's first ratchet key.
    pub(in super::super) fn respond(
        parties: Parties,
        root: Secret<32>,
        (ephemeral, local_key): (&Scalar, Point),
        envelope: &[u8],
        policy: KemPolicy,
        now: Timestamp,
    ) -> Result<OpenedFirst, HandshakeRefusal> {
        let mut session = Self {
            policy,
            root,
            turn: Turn::Ours { sent: 0 },
            local_key,
            // Replaced by the key in the envelope below; nothing is agreed upon with it before.
            remote_key: *parties.remote.point(),
            receiving: None,
            kem: Kem::new(parties.role, now),
            skipped: Skipped::default(),
            parties,
        };
        let (header, _, _) = Header::split(envelope).map_err(first)?;
        if (header.previous, header.number, header.epoch) != (0, 0, 0) {
            return Err(HandshakeRefusal::FirstEnvelope);
        }
        match session.open_with(now, envelope, Some(ephemeral)).map_err(first)? {
            Opened { content: Some(content), next_stream: Some(stream) } => {
                Ok(OpenedFirst { session, content, stream })
            }
            _ => Err(HandshakeRefusal::FirstEnvelope),
        }
    }

    /// Opens an envelope of the other side. Nothing has changed if it is refused.
    ///
    /// # Errors
    /// [`SessionRefusal`] in the order: length, version, ratchet key, reflection, repetition or unknown
    /// chain, KEM epoch, too many skipped, tag, type, KEM message.
    pub fn open(&mut self, now: Timestamp, envelope: &[u8]) -> Result<Opened, SessionRefusal> {
        with_wiped_stack(|| self.open_with(now, envelope, None))
    }

    fn open_with(
        &mut self,
        now: Timestamp,
        envelope: &[u8],
        ephemeral: Option<&Scalar>,
    ) -> Result<Opened, SessionRefusal> {
        let (header, header_bytes, ciphertext) = Header::split(envelope)?;
        if header.key == self.local_key {
            return Err(SessionRefusal::Reflected);
        }
        let plan = self.plan(now, &header, ephemeral)?;
        let (kind, body) = message::open(&plan.key, &self.parties.associated, header_bytes, ciphertext)?;
        let mut kem = self.kem.clone();
        if matches!(plan.change, Change::Begin { .. }) && header.epoch != 0 {
            kem.complete(now);
        }
        kem.receive(kind, &body)?;
        kem.count();
        self.kem = kem;
        let next_stream = self.carry_out(&header, plan.change);
        Ok(Opened { content: (kind == Kind::Content).then_some(body), next_stream })
    }

    fn plan(
        &self,
        now: Timestamp,
        header: &Header,
        ephemeral: Option<&Scalar>,
    ) -> Result<Plan, SessionRefusal> {
        if let Some(at) = self.skipped.find(header.key.bytes(), header.number, now)
            && let Some(key) = self.skipped.get(at)
        {
            return Ok(Plan { key: key.clone(), change: Change::UseSkipped { at } });
        }
        match (&self.receiving, &self.turn, ephemeral) {
            (Some(chain), _, _) if header.key == self.remote_key => self.plan_advance(now, chain, header),
            (_, Turn::Theirs { secret, .. }, _) if header.key != self.remote_key => {
                self.plan_begin(now, secret, header)
            }
            (None, Turn::Ours { .. }, Some(ephemeral)) => self.plan_begin(now, ephemeral, header),
            _ => Err(SessionRefusal::ChainUnknown),
        }
    }

    fn plan_advance(&self, now: Timestamp, chain: &Chain, header: &Header) -> Result<Plan, SessionRefusal> {
        if header.number < chain.next {
            return Err(SessionRefusal::Repeated { number: header.number });
        }
        let mut chain = chain.clone();
        let skipped = skip(&mut chain, &self.remote_key, header.number, now)?;
        let (_, key) = chain.step()?;
        Ok(Plan { key, change: Change::Advance { chain, skipped } })
    }

    fn plan_begin(&self, now: Timestamp, secret: &Scalar, header: &Header) -> Result<Plan, SessionRefusal> {
        let mixed = self.kem.mixed_by_other(header.epoch)?;
        let mut skipped = match &self.receiving {
            Some(chain) => skip(&mut chain.clone(), &self.remote_key, header.previous, now)?,
            None => Vec::new(),
        };
        let shared = secret.agree(&header.key)?;
        let writer = self.parties.role.other().byte();
        let step = kdf::root_step(&self.root, &shared, mixed, writer, header.epoch);
        let mut chain = Chain::new(step.chain);
        skipped.extend(skip(&mut chain, &header.key, header.number, now)?);
        let (_, key) = chain.step()?;
        Ok(Plan { key, change: Change::Begin { root: step.root, stream: step.stream, chain, skipped } })
    }

    fn carry_out(&mut self, header: &Header, change: Change) -> Option<StreamSeed> {
        match change {
            Change::UseSkipped { at } => {
                self.skipped.remove(at);
                None
            }
            Change::Advance { chain, skipped } => {
                self.receiving = Some(chain);
                self.skipped.keep(skipped);
                None
            }
            Change::Begin { root, stream, chain, skipped } => {
                let sent = match &self.turn {
                    Turn::Ours { sent } => *sent,
                    Turn::Theirs { chain, .. } => chain.next,
                };
                self.root = root;
                self.turn = Turn::Ours { sent };
                self.remote_key = header.key;
                self.receiving = Some(chain);
                self.skipped.keep(skipped);
                Some(StreamSeed::new(stream))
            }
        }
    }
}

/// Moves the chain to `number`; the keys of what it passes, to be kept.
fn skip(
    chain: &mut Chain,
    name: &Point,
    number: u32,
    since: Timestamp,
) -> Result<Vec<SkippedKey>, SessionRefusal> {
    let passed = chain.skip_to(number)?;
    Ok(passed
        .into_iter()
        .map(|(number, key)| SkippedKey { chain: *name.bytes(), number, key, since })
        .collect())
}

/// What a refusal of the first envelope means for the handshake.
const fn first(refusal: SessionRefusal) -> HandshakeRefusal {
    match refusal {
        SessionRefusal::Point(refusal) => HandshakeRefusal::Point(refusal),
        SessionRefusal::Authentication => HandshakeRefusal::Authentication,
        _ => HandshakeRefusal::FirstEnvelope,
    }
}
