//! Replay: a packet that was seen on a link is sent again, to see what comes out twice.
//!
//! Only packets to entries and mixes are repeated: a mailbox passes nothing on, and its commands can be repeated without
//! effect.

use std::collections::HashSet;
use std::time::Duration;

use sotto_protocol::directory::{LAYERS, Place};
use sotto_traffic::random::Seed;

use super::spy::{Notes, print};
use super::{CoreAttack, dropped};
use crate::vnet::{Meddling, VirtualNetwork, VnetError, VnetPlan};

/// People, who do nothing.
const PEOPLE: usize = 2;
/// How long packets are collected.
const COLLECTED: Duration = Duration::from_secs(4);
/// How long afterwards it is watched what comes out: far more than a packet is held.
const WATCHED: Duration = Duration::from_secs(3);
/// The length of an epoch where keys are to change, in seconds.
const EPOCH_S: u32 = 10;

/// When packets are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayWhen {
    /// While their twins are still held.
    AtOnce,
    /// When every mix was killed and started again.
    AfterRestart,
    /// Two epochs later, when their keys are retired.
    AfterEpochs,
    /// When every mix was killed and had lost its log of replay tags: the control, in which packets pass.
    AfterLossOfTags,
}

impl ReplayWhen {
    /// When it has to fail.
    pub const PROTECTED: [Self; 3] = [Self::AtOnce, Self::AfterRestart, Self::AfterEpochs];

    const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::AfterRestart => "after-restart",
            Self::AfterEpochs => "after-epochs",
            Self::AfterLossOfTags => "after-loss-of-tags",
        }
    }
}

/// Replays packets at every time at which it has to fail.
///
/// # Errors
/// [`VnetError`] if the virtual network cannot be founded.
pub fn replay(seed: Seed) -> Result<Vec<CoreAttack>, VnetError> {
    ReplayWhen::PROTECTED.into_iter().map(|when| replay_when(when, seed)).collect()
}

/// Replays packets at one time. A hit is a packet that comes out of the node once more.
///
/// # Errors
/// [`VnetError`] if the virtual network cannot be founded.
pub fn replay_when(when: ReplayWhen, seed: Seed) -> Result<CoreAttack, VnetError> {
    let mut plan = VnetPlan::small(seed.as_u64());
    if when == ReplayWhen::AfterEpochs {
        (plan.params.epoch_s, plan.params.grace_s) = (EPOCH_S, EPOCH_S);
    }
    let mixes = plan.entries + plan.mixes;
    let mut net = VirtualNetwork::found(plan)?;
    net.pause_trace();
    for number in 0..PEOPLE {
        net.add_person(&format!("person-{number}"))?;
    }
    let notes = Notes::default();
    let pen = notes.clone();
    net.tap_and_meddle(Box::new(move |from, to, packet| {
        pen.note((from, to), packet.clone(), None);
        Meddling::Leave
    }));
    let step = if when == ReplayWhen::AtOnce { Duration::from_millis(10) } else { COLLECTED };
    let (mut trials, mut repeated) = (0, 0);
    let mut passed = Duration::ZERO;
    while passed < COLLECTED {
        net.run_for(step);
        passed += step;
        let end = notes.lock().len();
        prepare(&mut net, when, mixes)?;
        for number in repeated..end {
            let (from, to, packet) = {
                let seen = notes.lock();
                let Some(one) = seen.get(number) else { break };
                (one.from, one.to, one.packet.clone())
            };
            if to < mixes {
                net.inject(neighbour(&net, from, to), to, packet);
                trials += 1;
            }
        }
        repeated = end;
    }
    net.run_for(WATCHED);
    let seen = notes.lock();
    let mut prints = HashSet::new();
    let hits = seen.iter().filter(|one| !prints.insert(print(&one.packet))).count();
    Ok(CoreAttack {
        name: format!("replay.{}", when.name()),
        trials,
        hits: u64::try_from(hits).unwrap_or(u64::MAX),
        baseline: 0.0,
        // Nobody's packets come out twice unless they are repeated: all others were watched, too.
        decoy_hits: 0,
        survived: u64::try_from(hits).unwrap_or(u64::MAX),
        dropped: dropped(&net),
    })
}

/// The node that had sent to another, or one that may if layers have changed since: its link has to be the attacker's.
fn neighbour(net: &VirtualNetwork, from: usize, to: usize) -> usize {
    let before = match net.place(to) {
        Some(Place::Mix { layer: 1 }) => Place::Entry,
        Some(Place::Mix { layer }) => Place::Mix { layer: layer - 1 },
        Some(Place::Entry | Place::Mailbox) | None => Place::Mix { layer: LAYERS },
    };
    let nodes = (0..).take_while(|node| net.node_name(*node).is_some());
    let mut may_send = nodes.filter(|node| net.place(*node) == Some(before)).peekable();
    let first = may_send.peek().copied().unwrap_or(from);
    if may_send.any(|node| node == from) { from } else { first }
}

/// Brings the network to where packets are sent again.
fn prepare(net: &mut VirtualNetwork, when: ReplayWhen, mixes: usize) -> Result<(), VnetError> {
    match when {
        ReplayWhen::AtOnce => {}
        ReplayWhen::AfterEpochs => net.run_for(Duration::from_secs(2 * u64::from(EPOCH_S))),
        ReplayWhen::AfterRestart | ReplayWhen::AfterLossOfTags => {
            // What is held would be lost with the cores, and then it could not come out twice.
            net.run_for(WATCHED);
            let names: Vec<String> =
                (0..mixes).filter_map(|node| net.node_name(node)).map(str::to_owned).collect();
            for name in names {
                net.crash_node(&name)?;
                if when == ReplayWhen::AfterLossOfTags {
                    net.lose_tags(&name)?;
                }
                net.restart_node(&name)?;
            }
        }
    }
    Ok(())
}
