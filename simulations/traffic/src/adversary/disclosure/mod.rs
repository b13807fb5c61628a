//! Disclosure: what many rounds together say about who talks with whom.
//!
//! | attack | from |
//! |---|---|
//! | `sda`, `sda-normalised`, `sda-two-sided` | who receives more when the target sends |
//! | `least-squares` | all senders' profiles at once |
//! | `perfect-matching` | the likeliest assignment of packets, round by round |
//! | `bayesian` | samples of assignments and profiles |
//! | `intersection` | who is there whenever the target sends |
//! | `corrupt-mailbox` | when boxes are written and read |
//! | `equivocating-digest` | whose reads come late when some are not told |
//!
//! All of them see sending and receiving, never which of it is cover. Not here: tracing of single packets.

#[cfg(test)]
mod against_engine;
mod assignment;
mod bayesian;
mod dense;
mod digest;
mod duration;
mod evidence;
mod intersection;
mod lag;
mod least_squares;
mod mailbox;
mod matching;
mod nonnegative;
mod profiled;
mod rounds;
mod statistical;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod synthetic_boxes;
mod tables;

pub use bayesian::Bayesian;
pub use digest::{EquivocatingDigest, chance_of_detection};
pub use duration::{Disclosure, rounds_to_disclosure};
pub use intersection::{Intersection, survivors};
pub use least_squares::LeastSquares;
pub use mailbox::{BoxLife, CorruptMailbox, boxes};
pub use matching::PerfectMatching;
pub use statistical::{NormalisedDisclosure, StatisticalDisclosure, TwoSidedDisclosure};

use super::{Adversary, Answer, Question};
use crate::party::Party;

/// All attacks of this family.
#[must_use]
pub fn all() -> Vec<Box<dyn Adversary>> {
    vec![
        Box::new(StatisticalDisclosure),
        Box::new(NormalisedDisclosure),
        Box::new(TwoSidedDisclosure),
        Box::new(LeastSquares),
        Box::new(PerfectMatching),
        Box::new(Bayesian),
        Box::new(Intersection),
        Box::new(CorruptMailbox),
        Box::new(EquivocatingDigest),
    ]
}

/// Answers questions for contacts, and says nothing to others.
fn answer_contacts(
    questions: &[Question],
    mut weigh: impl FnMut(Party, &[Party]) -> Vec<f64>,
) -> Vec<Answer> {
    questions
        .iter()
        .map(|question| match question {
            Question::Contact { user, candidates } => Answer::from_weights(weigh(*user, candidates)),
            other => Answer::from_weights(vec![0.0; other.candidates()]),
        })
        .collect()
}

/// The answers of who has found nothing out.
fn nothing(questions: &[Question]) -> Vec<Answer> {
    questions.iter().map(|question| Answer::nothing(question.candidates())).collect()
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn number(count: usize) -> f64 {
    count as f64
}
