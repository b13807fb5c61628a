//! Two people talk through loss, reordering, duplication and crashes: both have the same conversation in the end, and no
//! state that was claimed on the way was untrue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the figures are worth a look")]

use sotto_simulations::talk::{Talk, TalkPlan};

/// How many messages each conversation has. `examples/ten_thousand.rs` holds a longer one.
const MESSAGES: usize = 250;

#[test]
fn both_histories_are_equal_and_every_state_was_true_at_every_moment() {
    for seed in 1..=3 {
        let plan = TalkPlan { seed, messages: MESSAGES, is_troubled: true };
        let report = Talk::begin(plan).unwrap().hold().unwrap();
        println!("seed {seed}: {report}");
        assert!(report.is_clean(), "seed {seed}: {report}");
        assert!(report.claims > 10 * MESSAGES as u64 && report.messages == MESSAGES);
        assert!(report.people_crashed > 0 && report.nodes_crashed > 0, "{report}");
    }
}
