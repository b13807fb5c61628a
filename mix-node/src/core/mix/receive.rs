//! A packet's way in: what is checked when it arrives, when its layer is off, and when its tag is durable.

use std::time::Duration;

use sotto_protocol::ident::SessionAddress;
use sotto_protocol::ledger::{Outcome, PeerKind};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, Opened, X25519};
use sotto_protocol::sphinx::{FinalPayload, Packet, Refusal, ReplayVerdict, SurbId, Unwrapped};
use sotto_protocol::time::Timestamp;

use super::super::action::{Action, Source};
use super::super::allowance::uplink_interval;
use super::super::config::{COMMIT_TAGS_MAX, UNWRAP_BATCH_MAX};
use super::super::refusal::DropLabel;
use super::super::session::Delivery;
use super::super::work::{CommitId, UnwrapDone, UnwrapJob};
use super::{Accepted, Delayed, MIX_LOOP, Mix};

impl Mix {
    /// Takes packets that came together. Each ends in the ledger at once, or is held: what passes the checks
    /// that cost nothing comes out of [`Mix::poll_action`] as [`Action::Unwrap`].
    pub fn handle_packets(
        &mut self,
        now: Timestamp,
        from: Source,
        packets: impl IntoIterator<Item = Packet>,
    ) {
        for packet in packets {
            self.ledger.record_received(match from {
                Source::Client(_) | Source::Stranger => PeerKind::Client,
                Source::Node(_) => PeerKind::Node,
            });
            match self.admit(now, from) {
                Ok(()) => self.admitted.push_back((now, packet)),
                Err(label) => self.ledger.record(dropped(label)),
            }
        }
    }

    /// As [`Mix::handle_packets`] with one packet, which is unwrapped at once: for callers without threads to do
    /// that in.
    pub fn handle_packet(&mut self, now: Timestamp, from: Source, packet: Packet) {
        self.handle_packets(now, from, [packet]);
        while let Some(job) = self.next_job() {
            let unwrapper = self.unwrapper.get_or_insert_with(|| BatchUnwrapper::new(X25519::detect()));
            let done = job.run(unwrapper);
            self.handle_unwrapped(now, done);
        }
    }

    /// Takes what came of a job. Each of its packets ends in the ledger, or waits until its tag is durable.
    pub fn handle_unwrapped(&mut self, now: Timestamp, done: UnwrapDone) {
        for (arrived, opened) in done.arrived.into_iter().zip(done.opened) {
            // After the end of a stop its packets are counted already.
            let Some(unwrapping) = self.unwrapping.checked_sub(1) else { return };
            self.unwrapping = unwrapping;
            if let Err(outcome) = self.take_opened(arrived, opened) {
                self.ledger.record(outcome);
            }
        }
        self.begin_commit(now);
    }

    /// Notes that a commit of tags has ended: they are durable, or they are not, and then the packets that they
    /// were taken from are dropped.
    pub fn handle_committed(&mut self, now: Timestamp, id: CommitId, durable: bool) {
        self.commits.end(id);
        self.commit_times.count(now.since(self.commit_began));
        self.commits_failing = !durable;
        self.commits_failed += u64::from(!durable);
        while let Some(accepted) = self.commits.pop_ended() {
            let placed = if durable { self.place_accepted(accepted) } else { Err(DropLabel::TagsNotDurable) };
            if let Err(label) = placed {
                self.ledger.record(dropped(label));
            }
        }
        self.begin_commit(now);
    }

    /// The next packets to unwrap.
    pub(super) fn next_job(&mut self) -> Option<UnwrapJob> {
        let (now, _) = self.admitted.front()?;
        let (Some(now_epoch), Some(consensus)) = (self.epoch(*now), self.topology.current()) else {
            return None;
        };
        let delay_max = Duration::from_millis(consensus.params.delay_ms_max.into());
        let count = self.admitted.len().min(UNWRAP_BATCH_MAX);
        let (arrived, packets) = self.admitted.drain(..count).unzip();
        self.unwrapping += count;
        Some(UnwrapJob { arrived, packets, now_epoch, delay_max, keys: self.keys.clone() })
    }

    /// Begins the next commit if it is due.
    pub(super) fn begin_commit(&mut self, now: Timestamp) {
        if let Some(commit) = self.commits.begin(now) {
            self.commit_began = now;
            self.actions.push_back(Action::CommitTags(commit));
        }
    }

    /// What can be checked before any cryptography.
    fn admit(&mut self, now: Timestamp, from: Source) -> Result<(), DropLabel> {
        if self.ended {
            return Err(DropLabel::Stopped);
        }
        self.topology.check_usable(now)?;
        self.check_source(now, from)
    }

    fn check_source(&mut self, now: Timestamp, from: Source) -> Result<(), DropLabel> {
        match from {
            Source::Node(peer) => self.topology.check_source(&peer).map_err(|_| DropLabel::SourceIllegal),
            Source::Client(_) | Source::Stranger if !self.topology.is_entry() => {
                Err(DropLabel::SourceIllegal)
            }
            Source::Client(session) => {
                let consensus = self.topology.current();
                let class = |class| consensus?.params.classes.get(usize::from(class));
                let admitted = self.sessions.admit(now, &session, |index| class(index).map(uplink_interval));
                admitted.map_err(|refusal| self.refuse_uplink(&session, refusal))
            }
            Source::Stranger => Err(DropLabel::SessionUnknown),
        }
    }

    /// `Ok` if the packet waits for its tag now, else its outcome.
    fn take_opened(&mut self, arrived: Timestamp, opened: Result<Opened, Refusal>) -> Result<(), Outcome> {
        let Opened { epoch, tag, unwrapped } = opened.map_err(refused)?;
        if self.commits.tags_len() >= COMMIT_TAGS_MAX {
            return Err(dropped(DropLabel::TagsNotDurable));
        }
        let seen = self.seen.get_mut(&epoch).ok_or(refused(Refusal::NoKey))?;
        match seen.insert(&tag) {
            (ReplayVerdict::Fresh, fingerprint) => self.commits.add(epoch, fingerprint),
            (ReplayVerdict::Replayed, _) => return Err(refused(Refusal::Replayed)),
            (ReplayVerdict::Full, _) => return Err(refused(Refusal::ReplayCacheFull)),
        }
        match unwrapped {
            Unwrapped::Forward { next, delay, delay_clamped, packet } => {
                self.topology.check_next_hop(&next).map_err(dropped)?;
                self.check_room().map_err(dropped)?;
                self.delays_clamped += u64::from(delay_clamped);
                let delayed = Delayed { release: arrived + delay, to: next, packet };
                self.commits.wait(Accepted::Forward(delayed));
            }
            Unwrapped::Final { destination, surb_id, payload } => {
                if destination == *self.config.node.as_bytes() {
                    return Err(self.receive_loop(arrived, surb_id, payload));
                }
                if !self.topology.is_entry() {
                    return Err(dropped(DropLabel::SessionUnknown));
                }
                self.check_room().map_err(dropped)?;
                let session = SessionAddress::from_bytes(destination);
                self.commits.wait(Accepted::ForClient(session, Delivery::new(surb_id, payload)));
            }
        }
        Ok(())
    }

    /// Lets a packet whose tag is durable wait for the end of its delay or its session's next tick.
    fn place_accepted(&mut self, accepted: Accepted) -> Result<(), DropLabel> {
        match accepted {
            Accepted::Forward(delayed) => {
                self.delays.push(delayed.release.min(self.flush_by), delayed);
                Ok(())
            }
            Accepted::ForClient(session, delivery) => self.sessions.enqueue(&session, delivery),
        }
    }

    fn check_room(&self) -> Result<(), DropLabel> {
        if self.held() < self.config.held_max { Ok(()) } else { Err(DropLabel::HeldFull) }
    }

    fn receive_loop(&mut self, arrived: Timestamp, id: SurbId, payload: FinalPayload) -> Outcome {
        if !self.loops.awaits(&id) {
            return dropped(DropLabel::LoopUnknown);
        }
        match payload.into_text() {
            Ok(_) => {
                self.loops.returned(arrived, &id);
                Outcome::Delivered(MIX_LOOP)
            }
            Err(refusal) => {
                self.loops.tampered(arrived, &id);
                refused(refusal)
            }
        }
    }
}

const fn dropped(label: DropLabel) -> Outcome {
    Outcome::Dropped(label.label())
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome::Dropped(refusal.label())
}
