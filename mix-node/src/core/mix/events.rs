//! What the caller tells the mix besides packets and time: consensus, keys, sessions, quiescence, stop.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::directory::Consensus;
use sotto_protocol::frame::ResumeToken;
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::sphinx::{HopSecret, ReplaySet};
use sotto_protocol::time::Timestamp;

use super::super::action::Action;
use super::super::allowance::{UplinkRefusal, uplink_interval};
use super::super::config::FLUSH_MAX;
use super::super::refusal::{ConsensusRefusal, DropLabel, SessionRefusal};
use super::super::session::SessionGrant;
use super::super::sessions::{Ended, Pace};
use super::Mix;

impl Mix {
    /// Adopts a consensus whose signatures the caller has checked. The one before still counts for
    /// packets on their way, until its grace is over.
    ///
    /// # Errors
    /// [`ConsensusRefusal`] if it is no newer than the present one or expired; nothing changes then.
    pub fn handle_consensus(
        &mut self,
        now: Timestamp,
        consensus: Consensus,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ConsensusRefusal> {
        self.topology.adopt(now, consensus)?;
        self.retire_keys(now);
        self.retune_sessions(now, rng);
        self.links_changed(now, rng);
        Ok(())
    }

    /// Installs this node's Sphinx key of an epoch with the replay tags that were seen under it before. `false`
    /// if the epoch has a key or is over: a key must not come back without its tags.
    pub fn install_key(&mut self, epoch: u64, secret: HopSecret, seen: ReplaySet) -> bool {
        if epoch < self.keys_retired_before || self.keys.contains(epoch) {
            return false;
        }
        self.seen.insert(epoch, seen);
        self.keys.insert(epoch, secret)
    }

    /// Opens a session for a client, or resumes one. `class` is an index into the consensus' classes.
    ///
    /// # Errors
    /// [`SessionRefusal`], to be told to the client before its connection is closed.
    pub fn open_session(
        &mut self,
        now: Timestamp,
        class: u8,
        resume: Option<&(SessionAddress, ResumeToken)>,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionGrant, SessionRefusal> {
        let grant = self.try_open(now, class, resume, rng);
        match &grant {
            Ok(grant) if grant.resumed => self.session_counts.resumed += 1,
            Ok(_) => self.session_counts.opened += 1,
            Err(_) => self.session_counts.refused += 1,
        }
        grant
    }

    /// A session's connection ended. Packets for it are kept until it is resumed or expires.
    pub fn session_disconnected(&mut self, now: Timestamp, session: &SessionAddress) {
        self.sessions.disconnect(now, session);
    }

    /// Stops originating loops and dummies between nodes, so that the network comes to rest. Received
    /// packets still pass, and downlinks keep their shape.
    pub fn quiesce(&mut self) {
        self.quiesced = true;
        self.loops.stop();
        self.dummies.stop();
    }

    /// Prepares for the end: takes no session any more, and lets every packet leave at its own time, but within
    /// [`FLUSH_MAX`] from now. That goes for packets that still come, too: they were on their way already, and who sent
    /// them cannot take them back.
    pub fn begin_stop(&mut self, now: Timestamp) {
        self.quiesce();
        self.stopping = true;
        self.flush_by = self.flush_by.min(now + FLUSH_MAX);
        self.delays.release_all_by(self.flush_by);
    }

    /// The end: sends what is still delayed and closes every session. What waited for a client is
    /// dropped under `stopped`, and so is what comes from now on.
    pub fn end_stop(&mut self, now: Timestamp) {
        self.begin_stop(now);
        self.ended = true;
        self.delays.release_all_by(now);
        self.release(now);
        let undone = self.unwrapping() + self.commits.take_all().count();
        self.admitted.clear();
        self.unwrapping = 0;
        self.drop_packets(DropLabel::Stopped, undone);
        let ended = self.sessions.end_all();
        self.close_sessions(ended, "stopping", DropLabel::Stopped);
    }

    /// Recomputes what depends on the set of links.
    pub(super) fn links_changed(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let Some(consensus) = self.topology.current() else {
            return;
        };
        let loop_mean = millis(consensus.params.mix_loop_interval_ms_mean);
        let dummy_mean = millis(consensus.params.link_dummy_interval_ms_mean);
        self.loops.retune(now, loop_mean, |node| self.topology.knows(node), rng);
        let links = self.topology.links().into_iter().map(|link| link.node);
        self.dummies.retune(now, links, dummy_mean, rng);
        self.actions.push_back(Action::LinksChanged);
    }

    fn retune_sessions(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let Some(consensus) = self.topology.current() else {
            return;
        };
        let ended = self.sessions.retune(now, |class| downlink_mean(consensus, class), rng);
        self.close_sessions(ended, "class-unknown", DropLabel::SessionExpired);
    }

    /// How a packet that a client may not send stands in the ledger. Whoever floods loses its session.
    pub(super) fn refuse_uplink(&mut self, session: &SessionAddress, refusal: UplinkRefusal) -> DropLabel {
        let label = refusal.drop_label();
        if refusal == UplinkRefusal::Flood {
            let ended = self.sessions.end(session);
            self.close_sessions(ended, label.label(), DropLabel::SessionExpired);
        }
        label
    }

    fn close_sessions(
        &mut self,
        ended: impl IntoIterator<Item = Ended>,
        label: &'static str,
        drop_label: DropLabel,
    ) {
        for ended in ended {
            self.session_counts.expired += 1;
            self.drop_packets(drop_label, ended.waiting);
            if ended.connected {
                self.actions.push_back(Action::CloseSession { session: ended.session, label });
            }
        }
    }

    fn try_open(
        &mut self,
        now: Timestamp,
        class: u8,
        resume: Option<&(SessionAddress, ResumeToken)>,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionGrant, SessionRefusal> {
        // Packets for a session that is known come here whatever entry its client would rather use.
        if self.stopping || (self.draining && resume.is_none()) {
            return Err(SessionRefusal::Stopping);
        }
        if !self.topology.is_entry() {
            return Err(SessionRefusal::NotAnEntry);
        }
        let consensus = self.topology.check_usable(now).map_err(|_| SessionRefusal::NotAnEntry)?;
        let cover = consensus.params.classes.get(usize::from(class));
        let cover = cover.ok_or(SessionRefusal::ClassUnknown { class })?;
        let pace = Pace {
            downlink_interval_mean: millis(cover.downlink_interval_ms_mean),
            uplink_interval: uplink_interval(cover),
        };
        let opened = self.sessions.open(now, class, pace, resume, rng)?;
        self.close_sessions(opened.displaced, "displaced", DropLabel::SessionExpired);
        Ok(opened.grant)
    }
}

fn downlink_mean(consensus: &Consensus, class: u8) -> Option<Duration> {
    consensus.params.classes.get(usize::from(class)).map(|class| millis(class.downlink_interval_ms_mean))
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}
