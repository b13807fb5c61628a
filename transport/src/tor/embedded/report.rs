//! From what arti says about an onion service to Sotto's words.

use tor_hsservice::status::{OnionServiceStatus, Problem, State};

use crate::tor::error::causes;
use crate::tor::service::OnionState;

/// In Sotto's words.
pub(super) fn state_of(report: &OnionServiceStatus) -> OnionState {
    match report.state() {
        State::Shutdown => OnionState::Starting,
        State::Bootstrapping => OnionState::Bootstrapping,
        State::Running | State::DegradedReachable => OnionState::Reachable,
        State::Broken => OnionState::Broken,
        // Degraded, recovering, and what arti may add.
        _ => OnionState::Unreachable,
    }
}

/// What is in its way, and what to do.
pub(super) fn problem_text(problem: &Problem) -> String {
    const ADVICE: &str = "it goes on trying; if it stays so, check the network connection";
    match problem {
        Problem::Runtime(error) => format!("{}; restart the node", causes(error)),
        Problem::DescriptorUpload(errors) => {
            format!("its descriptor is not published ({}); {ADVICE}", first(errors))
        }
        Problem::Ipt(errors) => {
            format!("no introduction points ({}); {ADVICE}", first(errors))
        }
        _ => ADVICE.to_owned(),
    }
}

/// The first of several errors, for all.
fn first<E: std::error::Error>(errors: &[E]) -> String {
    errors.first().map_or_else(|| "none yet".to_owned(), |error| causes(error))
}
