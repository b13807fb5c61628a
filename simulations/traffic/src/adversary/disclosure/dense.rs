//! Tables of numbers: dense, and sparse by rows.
//!
//! Not here: what they mean.

/// A dense table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dense {
    columns: usize,
    values: Vec<f64>,
}

impl Dense {
    /// A table of zeros.
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, values: vec![0.0; rows.saturating_mul(columns)] }
    }

    /// One row; empty if there is none of this number.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        let from = row.saturating_mul(self.columns);
        self.values.get(from..from.saturating_add(self.columns)).unwrap_or_default()
    }

    /// One row, to be changed.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f64] {
        let from = row.saturating_mul(self.columns);
        self.values.get_mut(from..from.saturating_add(self.columns)).unwrap_or_default()
    }

    /// One number; 0 outside.
    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.row(row).get(column).copied().unwrap_or(0.0)
    }

    /// Adds to a number; nothing happens outside.
    pub(super) fn add(&mut self, row: usize, column: usize, value: f64) {
        if let Some(cell) = self.row_mut(row).get_mut(column) {
            *cell += value;
        }
    }
}

/// A table with few numbers that are not zero, row after row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sparse {
    ends: Vec<usize>,
    entries: Vec<(u32, f64)>,
}

impl Sparse {
    /// From (row, column, value); values of one place are added.
    pub(super) fn new(rows: usize, mut cells: Vec<(u32, u32, f64)>) -> Self {
        cells.sort_unstable_by_key(|(row, column, _)| (*row, *column));
        let mut entries: Vec<(u32, f64)> = Vec::with_capacity(cells.len());
        let mut ends = Vec::with_capacity(rows);
        let mut cells = cells.into_iter().peekable();
        for row in (0_u32..).take(rows) {
            let begin = entries.len();
            while let Some((_, column, value)) = cells.next_if(|cell| cell.0 == row) {
                match entries.get_mut(begin..).and_then(<[_]>::last_mut) {
                    Some(last) if last.0 == column => last.1 += value,
                    _ => entries.push((column, value)),
                }
            }
            ends.push(entries.len());
        }
        Self { ends, entries }
    }

    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// What is in a row, by ascending column; empty if there is none of this number.
    pub(super) fn row(&self, row: usize) -> &[(u32, f64)] {
        let begin = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        begin
            .zip(self.ends.get(row))
            .and_then(|(begin, end)| self.entries.get(begin..*end))
            .unwrap_or_default()
    }

    /// The sums of the rows.
    pub(super) fn sums(&self) -> Vec<f64> {
        (0..self.rows()).map(|row| self.row(row).iter().map(|entry| entry.1).sum()).collect()
    }

    /// Rows for columns.
    pub(super) fn transposed(&self, columns: usize) -> Self {
        let cells = (0_u32..).zip(0..self.rows()).flat_map(|(number, row)| {
            self.row(row).iter().map(move |(column, value)| (*column, number, *value))
        });
        Self::new(columns, cells.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_table_adds_what_is_at_one_place_and_turns_over() {
        let table = Sparse::new(3, vec![(2, 1, 1.0), (0, 4, 2.0), (2, 0, 3.0), (2, 1, 0.5)]);
        assert_eq!(table.row(0), [(4, 2.0)]);
        assert_eq!(table.row(1), []);
        assert_eq!(table.row(2), [(0, 3.0), (1, 1.5)]);
        assert_eq!(table.row(3), []);
        assert_eq!(table.sums(), [2.0, 0.0, 4.5]);
        let turned = table.transposed(5);
        assert_eq!(turned.row(1), [(2, 1.5)]);
        assert_eq!(turned.transposed(3), table);
    }

    #[test]
    fn a_dense_table_is_zero_outside() {
        let mut table = Dense::zeros(2, 3);
        table.add(1, 2, 4.0);
        table.add(2, 0, 9.0);
        table.add(0, 3, 9.0);
        assert_eq!(table.row(0), [0.0, 0.0, 0.0]);
        assert_eq!(table.row(1), [0.0, 0.0, 4.0]);
        assert_eq!(table.row(2), [] as [f64; 0]);
    }
}
