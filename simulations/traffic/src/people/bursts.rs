//! Users that write in bursts.
//!
//! Bursts begin at times that do not depend on one another, so they may overlap; what is kept of a user are the bursts
//! under way. Not here: to whom a burst goes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::writing::DAY_S;
use crate::random::{Draws, Purpose, Seed};
use crate::time::SimTime;

/// The most messages of one burst, so that each has a draw of its own: a number of 64 bits has the burst in its upper
/// and the message in its lower half.
const BURST_MESSAGES_MAX: u32 = u32::MAX;

/// A user's bursts.
#[derive(Clone, Debug)]
struct User {
    /// When the next one begins.
    begins: SimTime,
    /// Its number.
    number: u32,
    /// Those under way: when the next message is, which burst, which message of it.
    under_way: BinaryHeap<Reverse<(SimTime, u32, u32)>>,
}

/// Everybody's bursts.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    seed: Seed,
    /// Between the beginnings of bursts.
    pause_s_mean: f64,
    /// The chance that another message follows.
    goes_on: f64,
    gap_s_mean: f64,
    users: Vec<User>,
}

impl Bursts {
    /// So many bursts a day, of so many messages each, with such gaps between these; all of them means.
    pub(super) fn new(
        per_day_mean: f64,
        messages_mean: f64,
        gap_s_mean: f64,
        clients: u32,
        seed: Seed,
    ) -> Self {
        let pause_s_mean = DAY_S / per_day_mean;
        let goes_on = 1.0 - 1.0 / messages_mean;
        let begin = |user| {
            let begins = SimTime::from_secs_f64(draws(seed, user, 0, 0).exponential(pause_s_mean));
            User { begins, number: 0, under_way: BinaryHeap::new() }
        };
        Self { seed, pause_s_mean, goes_on, gap_s_mean, users: (0..clients).map(begin).collect() }
    }

    /// When a user's next message is, and of which burst; `None` when there is none.
    pub(super) fn next(&mut self, number: u32) -> Option<(SimTime, u64)> {
        let user = self.users.get_mut(number as usize)?;
        let next = user.under_way.peek().map_or(SimTime::NEVER, |Reverse((at, _, _))| *at);
        if user.begins < next {
            user.under_way.push(Reverse((user.begins, user.number, 0)));
            user.number = user.number.wrapping_add(1);
            let pause_s = draws(self.seed, number, user.number, 0).exponential(self.pause_s_mean);
            user.begins += SimTime::from_secs_f64(pause_s);
        }
        let Reverse((at, burst, message)) = user.under_way.pop()?;
        if at == SimTime::NEVER {
            return None;
        }
        if message < BURST_MESSAGES_MAX {
            let mut draws = draws(self.seed, number, burst, message + 1);
            if draws.unit() < self.goes_on {
                let next = at + SimTime::from_secs_f64(draws.exponential(self.gap_s_mean));
                user.under_way.push(Reverse((next, burst, message + 1)));
            }
        }
        Some((at, u64::from(burst)))
    }
}

/// The draws for a message of a burst: for the first, when the burst begins; for others, whether and when they follow.
fn draws(seed: Seed, user: u32, burst: u32, message: u32) -> Draws {
    let mut draws = seed.draws(Purpose::Writing, u64::from(user));
    draws.seek(u64::from(burst) << 32 | u64::from(message));
    draws
}
