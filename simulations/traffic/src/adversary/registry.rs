//! All adversaries by their names.

use super::{
    Adversary, EndTiming, ExactTracing, FlowCorrelation, Isolation, PathCompromise, Predecessor, ReleaseTime,
    TargetedCorruption,
};

/// Every adversary, in an order that does not change from run to run.
#[must_use]
pub fn all() -> Vec<Box<dyn Adversary>> {
    let mut all: Vec<Box<dyn Adversary>> = vec![
        Box::new(ExactTracing),
        Box::new(EndTiming),
        Box::new(FlowCorrelation),
        Box::new(Isolation),
        Box::new(PathCompromise),
        Box::new(Predecessor),
        Box::new(ReleaseTime),
        Box::new(TargetedCorruption),
    ];
    all.extend(super::disclosure::all());
    all
}

/// The adversary of a name; `None` if there is none.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Adversary>> {
    all().into_iter().find(|adversary| adversary.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_kebab_case_and_found() {
        let names: Vec<&str> = all().iter().map(|adversary| adversary.name()).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| other == &name).count(), 1, "{name} is there twice");
            assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{name}");
            assert_eq!(by_name(name).unwrap().name(), *name);
        }
        assert!(by_name("no-such-adversary").is_none());
    }

    #[test]
    fn every_adversary_answers_something() {
        for adversary in all() {
            assert!(!adversary.asks().is_empty(), "{}", adversary.name());
        }
    }
}
