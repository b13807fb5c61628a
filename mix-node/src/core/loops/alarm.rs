//! What is told about an alarm: to programs as a structure, to an operator as a sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoopAlarmKind {
    /// Loops vanish.
    Dropping,
    /// Loops come late.
    Delaying,
    /// Loops come back damaged.
    Tampering,
}

impl LoopAlarmKind {
    /// The stable name in reports and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dropping => "dropping",
            Self::Delaying => "delaying",
            Self::Tampering => "tampering",
        }
    }
}

/// Where it is done, as far as loops can tell. Nodes are in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of")]
pub enum LoopAlarmSubject {
    /// By a node, or on all of its links.
    Node {
        /// The node.
        node: String,
        /// Whether it is a neighbour: then it can be the link between it and this node, too.
        neighbour: bool,
    },
    /// On the link between two other nodes.
    Link {
        /// The sending node.
        from: String,
        /// The receiving node.
        to: String,
    },
    /// By one of several nodes.
    Nodes {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// Whichever way a loop takes: on this node's own line, or in several places.
    Everywhere,
}

/// An alarm that stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoopAlarm {
    /// What is done.
    pub kind: LoopAlarmKind,
    /// Where.
    pub subject: LoopAlarmSubject,
    /// When the alarm was raised, in milliseconds since the Unix epoch.
    pub raised_at_ms: u64,
    /// Loops over the subject since it began.
    pub loops: u64,
    /// Of these, lost, late or damaged.
    pub loops_bad: u64,
    /// Loops that avoided the subject since it began.
    pub loops_elsewhere: u64,
    /// Of these, lost, late or damaged.
    pub loops_elsewhere_bad: u64,
    /// The decimal logarithm of the evidence: by chance a value of x is reached once in 10^x loops over
    /// the subject at most. Zero for `tampering`, which needs no count.
    pub evidence_log10: f64,
}

impl fmt::Display for LoopAlarmSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { node, neighbour: false } => write!(f, "node {node}"),
            Self::Node { node, neighbour: true } => write!(f, "node {node} or the link between it and here"),
            Self::Link { from, to } => write!(f, "the link from {from} to {to}"),
            Self::Nodes { nodes } => write!(f, "one of the nodes {}", nodes.join(", ")),
            Self::Everywhere => f.write_str("this node's own line, or several nodes"),
        }
    }
}

impl fmt::Display for LoopAlarm {
    /// What it means and what the operator can do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, subject, loops, loops_bad, .. } = self;
        let (done, cause) = match kind {
            LoopAlarmKind::Tampering => {
                return write!(
                    f,
                    "tampering: {subject} damaged {loops_bad} of this node's loops: somebody marks packets to \
                     recognize them (tagging attack). Ask the operators, and tell the authorities"
                );
            }
            LoopAlarmKind::Dropping => {
                ("lost", "it is down or overloaded, or somebody drops packets there (n-1 attack)")
            }
            LoopAlarmKind::Delaying => {
                ("made late", "it is overloaded, or somebody holds packets back there (n-1 attack)")
            }
        };
        write!(f, "{}: {subject} {done} {loops_bad} of {loops} loops", kind.label())?;
        if self.loops_elsewhere > 0 {
            let percent = percent(self.loops_elsewhere_bad, self.loops_elsewhere);
            write!(f, ", where elsewhere it is {percent:.1} %")?;
        }
        match subject {
            LoopAlarmSubject::Everywhere => write!(
                f,
                ": this machine or its line is overloaded or broken, or somebody cuts this node off. Check \
                 both; if they are in order, tell the authorities"
            ),
            LoopAlarmSubject::Node { .. } | LoopAlarmSubject::Nodes { .. } => write!(
                f,
                ": {cause}. Ask its operator, check the network between; if it persists, tell the \
                 authorities"
            ),
            LoopAlarmSubject::Link { .. } => {
                write!(f, ": {cause}. Ask the operators of both ends; if it persists, tell the authorities")
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of loops are far below 2^53")]
fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(kind: LoopAlarmKind, subject: LoopAlarmSubject) -> LoopAlarm {
        LoopAlarm {
            kind,
            subject,
            raised_at_ms: 1,
            loops: 10,
            loops_bad: 9,
            loops_elsewhere: 250,
            loops_elsewhere_bad: 2,
            evidence_log10: 8.0,
        }
    }

    fn link() -> LoopAlarmSubject {
        LoopAlarmSubject::Link { from: "aa".to_owned(), to: "bb".to_owned() }
    }

    #[test]
    fn an_alarm_says_what_it_means_and_what_to_do() {
        insta::assert_snapshot!(alarm(LoopAlarmKind::Dropping, link()), @"dropping: the link from aa to bb lost 9 of 10 loops, where elsewhere it is 0.8 %: it is down or overloaded, or somebody drops packets there (n-1 attack). Ask the operators of both ends; if it persists, tell the authorities");
        let node = LoopAlarmSubject::Node { node: "aa".to_owned(), neighbour: true };
        insta::assert_snapshot!(alarm(LoopAlarmKind::Delaying, node), @"delaying: node aa or the link between it and here made late 9 of 10 loops, where elsewhere it is 0.8 %: it is overloaded, or somebody holds packets back there (n-1 attack). Ask its operator, check the network between; if it persists, tell the authorities");
        let everywhere = LoopAlarm {
            loops_elsewhere: 0,
            loops_elsewhere_bad: 0,
            ..alarm(LoopAlarmKind::Dropping, LoopAlarmSubject::Everywhere)
        };
        insta::assert_snapshot!(everywhere, @"dropping: this node's own line, or several nodes lost 9 of 10 loops: this machine or its line is overloaded or broken, or somebody cuts this node off. Check both; if they are in order, tell the authorities");
        let nodes = LoopAlarmSubject::Nodes { nodes: vec!["aa".to_owned(), "bb".to_owned()] };
        insta::assert_snapshot!(alarm(LoopAlarmKind::Tampering, nodes), @"tampering: one of the nodes aa, bb damaged 9 of this node's loops: somebody marks packets to recognize them (tagging attack). Ask the operators, and tell the authorities");
    }

    #[test]
    fn programs_read_the_same_back() {
        let alarm = alarm(LoopAlarmKind::Dropping, link());
        let json = serde_json::to_value(&alarm).unwrap();
        assert_eq!(json["kind"], alarm.kind.label());
        assert_eq!(json["subject"]["of"], "link");
        assert_eq!(serde_json::from_value::<LoopAlarm>(json).unwrap(), alarm);
    }
}
