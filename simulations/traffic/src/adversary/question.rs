//! What is asked of an adversary, and how it answers.

use crate::observer::WireId;
use crate::party::Party;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Question::Sender`].
    Sender,
    /// [`Question::Exit`].
    Exit,
    /// [`Question::Contact`].
    Contact,
    /// [`Question::Order`].
    Order,
}

impl Kind {
    /// Its name in measures.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Exit => "exit",
            Self::Contact => "contact",
            Self::Order => "order",
        }
    }
}

/// A question about a run. The candidates of each are in an order that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which of these clients made the packet that passed here?
    Sender {
        /// The passage to the packet's destination.
        wire: WireId,
        /// Who is in question.
        candidates: Vec<Party>,
    },
    /// Which of these passages to a destination is of the packet that left a client here?
    Exit {
        /// The passage from the client.
        wire: WireId,
        /// Which are in question.
        candidates: Vec<WireId>,
    },
    /// With which of these does this client talk?
    Contact {
        /// The client.
        user: Party,
        /// Who is in question.
        candidates: Vec<Party>,
    },
    /// Of these two passages from clients, which packet came out first at its destination? Candidate 0 is "the first".
    Order {
        /// The passage that was first.
        first: WireId,
        /// The passage that was second.
        second: WireId,
    },
}

impl Question {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Sender { .. } => Kind::Sender,
            Self::Exit { .. } => Kind::Exit,
            Self::Contact { .. } => Kind::Contact,
            Self::Order { .. } => Kind::Order,
        }
    }

    /// How many candidates there are.
    #[must_use]
    pub fn candidates(&self) -> usize {
        match self {
            Self::Sender { candidates, .. } | Self::Contact { candidates, .. } => candidates.len(),
            Self::Exit { candidates, .. } => candidates.len(),
            Self::Order { .. } => 2,
        }
    }
}

/// Weights of the candidates, in their order: not negative, of sum 1, or all 0 if the adversary has nothing to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer(Vec<f64>);

impl Answer {
    /// From weights of any sum. What is negative or not a number counts as 0.
    #[must_use]
    pub fn from_weights(mut weights: Vec<f64>) -> Self {
        for weight in &mut weights {
            if !weight.is_finite() || *weight < 0.0 {
                *weight = 0.0;
            }
        }
        let sum: f64 = weights.iter().sum();
        if sum > 0.0 {
            for weight in &mut weights {
                *weight /= sum;
            }
        }
        Self(weights)
    }

    /// Nothing to say about so many candidates.
    #[must_use]
    pub fn nothing(candidates: usize) -> Self {
        Self(vec![0.0; candidates])
    }

    /// The weights.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.0
    }
}
