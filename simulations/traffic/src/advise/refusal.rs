//! Why there is no advice.

use crate::scenario::ScenarioRefusal;

/// A wish that cannot be fulfilled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AdviceRefusal {
    /// A field that cannot be what it is.
    #[error(transparent)]
    Field(#[from] ScenarioRefusal),
    /// No design of the grid is within all limits. Each figure is the best that the other limits allow; `None` if they
    /// allow nothing.
    #[error("{}", advice(self))]
    Impossible {
        /// The latency limit that would do, with the margin, in seconds.
        latency_s: Option<f64>,
        /// What was wished.
        latency_max_s: f64,
        /// The bandwidth limit that would do, with the margin.
        bandwidth_kb_s: Option<f64>,
        /// What was wished.
        bandwidth_max_kb_s: f64,
        /// The anonymity that can be had.
        anonymity_bits: Option<f64>,
        /// What was wished.
        anonymity_min_bits: f64,
    },
}

impl AdviceRefusal {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Field(_) => "advice-field",
            Self::Impossible { .. } => "advice-impossible",
        }
    }
}

fn advice(refusal: &AdviceRefusal) -> String {
    let AdviceRefusal::Impossible {
        latency_s,
        latency_max_s,
        bandwidth_kb_s,
        bandwidth_max_kb_s,
        anonymity_bits,
        anonymity_min_bits,
    } = refusal
    else {
        return String::new();
    };
    let mut ways = Vec::new();
    if let Some(s) = latency_s {
        ways.push(format!("allow a latency of {s:.2} s instead of {latency_max_s} s"));
    }
    if let Some(kb_s) = bandwidth_kb_s {
        ways.push(format!("allow {kb_s:.2} kB/s instead of {bandwidth_max_kb_s} kB/s"));
    }
    if let Some(bits) = anonymity_bits {
        ways.push(format!("be content with {bits:.2} bits instead of {anonymity_min_bits} bits"));
    }
    if ways.is_empty() {
        return format!(
            "no design has a latency of at most {latency_max_s} s, takes at most {bandwidth_max_kb_s} kB/s and gives \
             {anonymity_min_bits} bits, and loosening one of the three is not enough: loosen two of them, ask for \
             more users, or allow fewer or more mixes"
        );
    }
    format!(
        "no design has a latency of at most {latency_max_s} s, takes at most {bandwidth_max_kb_s} kB/s and gives \
         {anonymity_min_bits} bits; one of these would do: {}",
        ways.join(", or ")
    )
}
