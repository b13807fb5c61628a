//! How long packets are on links.
//!
//! Not here: the order of packets on a link, which whoever sends them keeps, and what Tor adds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::party::{Layout, Party};
use crate::people::PrepareError;
use crate::random::{Draws, Purpose, Seed};
use crate::scenario::Latency;
use crate::time::SimTime;

/// The most regions of a matrix.
const REGIONS_MAX: usize = 1000;
/// The largest file of a matrix, in bytes.
const MATRIX_BYTES_MAX: u64 = 8 << 20;
/// The longest latency of a matrix.
const MS_MAX: f64 = 60_000.0;

#[derive(Clone, Debug)]
enum Kind {
    Fixed(SimTime),
    Uniform { ms_min: f64, ms_max: f64 },
    Matrix { regions: Regions, places: Vec<u16> },
}

/// The times on all links of a network.
#[derive(Clone, Debug)]
pub struct Latencies(Kind);

impl Latencies {
    /// Prepares them. A matrix is read, and everybody gets a region: clients and nodes draw apart, so that a client more
    /// moves no node.
    ///
    /// # Errors
    /// A matrix that cannot be used.
    pub fn new(latency: &Latency, layout: &Layout, seed: Seed) -> Result<Self, PrepareError> {
        Ok(Self(match latency {
            Latency::Fixed { ms } => Kind::Fixed(SimTime::from_millis_f64(*ms)),
            Latency::Uniform { ms_min, ms_max } => Kind::Uniform { ms_min: *ms_min, ms_max: *ms_max },
            Latency::Matrix { file } => {
                let regions = Regions::read(file)?;
                let places =
                    (0..layout.parties()).map(|number| regions.draw(Party(number), layout, seed)).collect();
                Kind::Matrix { regions, places }
            }
        }))
    }

    /// How long one packet is on the way from one party to another.
    #[must_use]
    pub fn draw(&self, from: Party, to: Party, draws: &mut Draws) -> SimTime {
        match &self.0 {
            Kind::Fixed(span) => *span,
            Kind::Uniform { ms_min, ms_max } => {
                SimTime::from_millis_f64(ms_min + (ms_max - ms_min) * draws.unit())
            }
            Kind::Matrix { regions, places } => {
                let place = |party: Party| places.get(party.index()).map_or(0, |place| usize::from(*place));
                regions.between(place(from), place(to))
            }
        }
    }
}

/// A matrix of latencies.
#[derive(Clone, Debug)]
struct Regions {
    count: u16,
    /// Row by row, from this region.
    spans: Vec<SimTime>,
}

impl Regions {
    fn read(file: &Path) -> Result<Self, PrepareError> {
        let unreadable = |error: &std::io::Error| PrepareError::unreadable(file, error);
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(|error| unreadable(&error))?;
        opened.take(MATRIX_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let refused = |line: usize, found: String, allowed: String| {
            PrepareError::line(file, line as u64, found, allowed)
        };
        if bytes.len() as u64 > MATRIX_BYTES_MAX {
            let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
            return Err(refused(lines, "the file is too long".into(), format!("{MATRIX_BYTES_MAX} bytes")));
        }
        let (mut spans, mut width, mut rows, mut line) = (Vec::new(), 0, 0, 0);
        for bytes in bytes.split(|byte| *byte == b'\n') {
            line += 1;
            let text = std::str::from_utf8(bytes)
                .map_err(|_| refused(line, "the line is not UTF-8".into(), "numbers and commas".into()))?;
            let text = text.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let before = spans.len();
            for field in text.split(',').map(str::trim) {
                let ms = field.parse::<f64>().ok().filter(|ms| (0.0..=MS_MAX).contains(ms));
                let ms = ms.ok_or_else(|| {
                    refused(line, format!("{field:?}"), format!("milliseconds, 0 to {MS_MAX}"))
                })?;
                spans.push(SimTime::from_millis_f64(ms));
            }
            let fields = spans.len() - before;
            if rows == 0 {
                width = fields;
            }
            if width > REGIONS_MAX {
                return Err(refused(line, format!("{width} regions"), format!("1 to {REGIONS_MAX}")));
            }
            rows += 1;
            if fields != width || rows > width {
                let found = format!("{fields} numbers in row {rows}");
                return Err(refused(line, found, format!("{width} rows of {width} numbers each")));
            }
        }
        if rows < width.max(1) {
            let found = format!("the file ends after {rows} rows");
            return Err(refused(line, found, "as many rows as a row has numbers, at least 1".into()));
        }
        Ok(Self { count: u16::try_from(width).unwrap_or(u16::MAX), spans })
    }

    /// A party's region.
    #[expect(clippy::cast_possible_truncation, reason = "below the number of regions, which is 16 bits long")]
    fn draw(&self, party: Party, layout: &Layout, seed: Seed) -> u16 {
        // Nodes are numbered from where no client's number can be.
        let entity = match party.0.checked_sub(layout.clients()) {
            None => u64::from(party.0),
            Some(node) => 1 << 32 | u64::from(node),
        };
        seed.draws(Purpose::Place, entity).below(u32::from(self.count)) as u16
    }

    fn between(&self, from: usize, to: usize) -> SimTime {
        self.spans.get(from * usize::from(self.count) + to).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn matrix(text: &[u8], layout: &Layout) -> Result<Latencies, PrepareError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        Latencies::new(&Latency::Matrix { file: file.path().to_owned() }, layout, Seed::new(2))
    }

    fn draws() -> Draws {
        Seed::new(1).draws(Purpose::Latency, 0)
    }

    #[test]
    fn a_uniform_latency_fills_its_range() {
        let layout = Layout::new(2, vec![1], 1);
        let uniform = Latency::Uniform { ms_min: 10.0, ms_max: 30.0 };
        let latencies = Latencies::new(&uniform, &layout, Seed::new(2)).unwrap();
        let mut draws = draws();
        let n = 10_000;
        let times: Vec<f64> =
            (0..n).map(|_| latencies.draw(Party(0), Party(1), &mut draws).as_millis_f64()).collect();
        assert!(times.iter().all(|ms| (10.0..=30.0).contains(ms)));
        assert!(times.iter().any(|ms| *ms < 10.1) && times.iter().any(|ms| *ms > 29.9));
        let mean = times.iter().sum::<f64>() / f64::from(n);
        assert!((mean - 20.0).abs() < 6.0 * 20.0 / (12.0 * f64::from(n)).sqrt(), "{mean}");
    }

    #[test]
    fn a_link_has_the_latency_of_its_regions_in_its_direction() {
        let layout = Layout::new(200, vec![20], 2);
        let latencies = matrix(b"# two regions\n1, 50\n80,2 # back\n", &layout).unwrap();
        let ms = |from: u32, to: u32| latencies.draw(Party(from), Party(to), &mut draws()).as_millis_f64();
        let place = |party: u32| u32::from((ms(party, party) - 2.0).abs() < 1e-9);
        let mut seen = [0; 2];
        for from in 0..layout.parties() {
            seen[place(from) as usize] += 1;
            for to in 0..layout.parties() {
                let expected = [[1.0, 50.0], [80.0, 2.0]][place(from) as usize][place(to) as usize];
                assert!((ms(from, to) - expected).abs() < 1e-9);
            }
        }
        // Half of 223, with a deviation of 7.5.
        assert!(seen.iter().all(|n| (67..156).contains(n)), "{seen:?}");
    }

    #[test]
    fn a_client_more_moves_nobody() {
        let text = b"1,2,3\n4,5,6\n7,8,9";
        let (small, large) = (Layout::new(30, vec![10], 2), Layout::new(31, vec![10], 2));
        let (before, after) = (matrix(text, &small).unwrap(), matrix(text, &large).unwrap());
        let mut draws = draws();
        for client in 0..30 {
            for mix in 0..10 {
                assert_eq!(
                    before.draw(small.client(client), small.nth_mix(mix), &mut draws),
                    after.draw(large.client(client), large.nth_mix(mix), &mut draws)
                );
            }
        }
    }

    #[test]
    fn a_matrix_that_is_none_is_refused_by_its_line() {
        let layout = Layout::new(2, vec![1], 1);
        let wide = vec!["1"; REGIONS_MAX + 1].join(",");
        let long = " ".repeat(usize::try_from(MATRIX_BYTES_MAX).unwrap() + 1);
        let cases: [(&str, u64, &str); 9] = [
            ("1,2\n3\n", 2, "1 numbers in row 2"),
            ("1,2\n3,4\n5,6\n", 3, "2 numbers in row 3"),
            ("1,2\n3,x\n", 2, "\"x\""),
            ("1,2\n\n3,-4\n", 3, "\"-4\""),
            ("1,2\n3,NaN\n", 2, "\"NaN\""),
            ("1,2\n", 2, "the file ends after 1 rows"),
            ("# nothing", 1, "the file ends after 0 rows"),
            (&wide, 1, "1001 regions"),
            (&long, 1, "the file is too long"),
        ];
        for (text, line, found) in cases {
            let PrepareError::Line { line: at, found: what, .. } =
                matrix(text.as_bytes(), &layout).unwrap_err()
            else {
                panic!("another refusal")
            };
            assert_eq!((at, what.as_str()), (line, found));
        }
        let nowhere = Latency::Matrix { file: "/nowhere/matrix.csv".into() };
        let error = Latencies::new(&nowhere, &layout, Seed::new(2)).unwrap_err();
        assert_eq!(error.label(), "input-unreadable");
    }
}
