//! The assignment of rows to columns of least cost.
//!
//! Shortest augmenting paths (Jonker, Volgenant 1987; Kuhn 1955, Munkres 1957): cubic in the rows. Not here: what the
//! costs are.

use super::dense::Dense;

/// A column's part in the search.
#[derive(Clone, Copy)]
struct Column {
    /// The row that has it, from 1; 0: nobody.
    row: usize,
    price: f64,
    /// The cheapest way to it so far, and the column before it on that way.
    least: f64,
    before: usize,
    is_reached: bool,
}

/// The column of each row, for a table with at least as many columns as rows and finite costs.
pub(super) fn assign(costs: &Dense, rows: usize, columns: usize) -> Vec<usize> {
    // Column 0 stands for the row that is looking.
    let blank = Column { row: 0, price: 0.0, least: f64::INFINITY, before: 0, is_reached: false };
    let mut table = vec![blank; columns + 1];
    let mut prices = vec![0.0; rows + 1];
    for row in 1..=rows.min(columns) {
        for column in &mut table {
            column.least = f64::INFINITY;
            column.is_reached = false;
        }
        let mut last = 0;
        if let Some(first) = table.first_mut() {
            first.row = row;
        }
        loop {
            let here = mark(&mut table, last);
            if here == 0 {
                break;
            }
            let price = prices.get(here).copied().unwrap_or(0.0);
            let costs = costs.row(here - 1);
            let mut nearest = (f64::INFINITY, 0);
            for ((number, column), cost) in table.iter_mut().enumerate().skip(1).zip(costs) {
                if column.is_reached {
                    continue;
                }
                let way = cost - price - column.price;
                if way < column.least {
                    column.least = way;
                    column.before = last;
                }
                if column.least < nearest.0 {
                    nearest = (column.least, number);
                }
            }
            for column in &mut table {
                if column.is_reached {
                    column.price -= nearest.0;
                    if let Some(price) = prices.get_mut(column.row) {
                        *price += nearest.0;
                    }
                } else {
                    column.least -= nearest.0;
                }
            }
            last = nearest.1;
        }
        augment(&mut table, last);
    }
    let mut assigned = vec![0; rows];
    for (number, column) in table.iter().enumerate().skip(1) {
        if let Some(place) = column.row.checked_sub(1).and_then(|row| assigned.get_mut(row)) {
            *place = number - 1;
        }
    }
    assigned
}

/// Marks a column as reached; the row that has it.
fn mark(table: &mut [Column], number: usize) -> usize {
    table.get_mut(number).map_or(0, |column| {
        if column.row != 0 {
            column.is_reached = true;
        }
        column.row
    })
}

/// Hands each column of the way to the row of the one before.
fn augment(table: &mut [Column], last: usize) {
    let mut number = last;
    while number != 0 {
        let before = table.get(number).map_or(0, |column| column.before);
        let row = table.get(before).map_or(0, |column| column.row);
        if let Some(column) = table.get_mut(number) {
            column.row = row;
        }
        number = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    /// The least cost of all ways to give the rows from `row` on different columns.
    fn least(costs: &Dense, row: usize, rows: usize, columns: usize, taken: u32) -> f64 {
        if row == rows {
            return 0.0;
        }
        (0..columns)
            .filter(|column| taken & (1 << column) == 0)
            .map(|column| costs.at(row, column) + least(costs, row + 1, rows, columns, taken | (1 << column)))
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_assignment_is_the_best_of_all() {
        let mut draws = Seed::new(3).draws(Purpose::Adversary, 0);
        for (rows, columns) in [(1, 1), (2, 2), (4, 4), (6, 6), (7, 7), (3, 6), (5, 7)] {
            for trial in 0..30 {
                let mut costs = Dense::zeros(rows, columns);
                for row in 0..rows {
                    for column in 0..columns {
                        // Half of the trials have many equal costs, some negative.
                        let cost = if trial % 2 == 0 {
                            draws.unit() * 10.0 - 5.0
                        } else {
                            f64::from(draws.below(4))
                        };
                        costs.add(row, column, cost);
                    }
                }
                let assigned = assign(&costs, rows, columns);
                let mut seen = assigned.clone();
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen.len(), rows, "no column twice: {assigned:?}");
                let cost: f64 = assigned.iter().enumerate().map(|(row, column)| costs.at(row, *column)).sum();
                assert!((cost - least(&costs, 0, rows, columns, 0)).abs() < 1e-9);
            }
        }
    }
}
