//! Mass of several targets on one passage.

/// Mass of the targets from `first` on; the others have none.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    first: usize,
    values: Vec<f64>,
}

impl Packed {
    pub(super) const fn new(first: usize, values: Vec<f64>) -> Self {
        Self { first, values }
    }

    /// All of one target.
    pub(super) fn one(target: usize) -> Self {
        Self { first: target, values: vec![1.0] }
    }

    pub(super) const fn first(&self) -> usize {
        self.first
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Targets and their mass.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        (self.first..).zip(self.values.iter().copied())
    }

    /// A target's mass.
    pub(super) fn of(&self, target: usize) -> f64 {
        target.checked_sub(self.first).and_then(|index| self.values.get(index)).copied().unwrap_or(0.0)
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        let first = self.first.min(other.first);
        let end = (self.first + self.values.len()).max(other.first + other.values.len());
        self.values = (first..end).map(|target| self.of(target) + other.of(target)).collect();
        self.first = first;
    }
}
