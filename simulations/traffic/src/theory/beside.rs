//! x
pub struct Comparison;
pub fn beside() {}
