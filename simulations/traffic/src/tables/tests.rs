//! Tables read back exactly.

use std::collections::BTreeMap;

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::record::{Field, RowAccessor as _};

use super::*;
use crate::results::{Measures, Row};

fn results() -> Results {
    let row = |point: u32, replication: u32, values: &[(&str, f64)]| {
        let mut measures = Measures::default();
        for (name, value) in values {
            measures.set(*name, *value);
        }
        let word = if point == 0 { "mix" } else { "tor+mix, \"quoted\"" };
        Row {
            point,
            replication,
            seed: u64::MAX - u64::from(replication),
            config_hash: format!("hash{point}"),
            version: "1.2.3".to_owned(),
            settings: BTreeMap::from([
                ("network.route".to_owned(), Setting::Text(word.to_owned())),
                ("warmup_s".to_owned(), Setting::Number(0.1 + f64::from(point))),
            ]),
            measures,
        }
    };
    let rows = vec![
        row(0, 0, &[("a", 0.1 + 0.2), ("b", -0.0)]),
        row(0, 1, &[("a", 1e300), ("b", f64::MIN_POSITIVE / 3.0)]),
        row(1, 0, &[("a", 1.0 / 3.0)]),
        row(1, 1, &[("a", 2_f64.sqrt()), ("b", 123_456_789.123_456_78)]),
    ];
    Results { name: "n".to_owned(), question: "q?".to_owned(), rows }
}

fn same(left: Option<f64>, right: Option<f64>) {
    assert_eq!(left.map(f64::to_bits), right.map(f64::to_bits));
}

#[test]
fn a_csv_reads_back_to_the_last_bit() {
    let results = results();
    let mut table = Vec::new();
    csv(&results, &mut table).unwrap();
    let mut reader = ::csv::Reader::from_reader(table.as_slice());
    let names = reader.headers().unwrap().clone();
    assert_eq!(
        names.iter().collect::<Vec<_>>(),
        [
            "point",
            "replication",
            "seed",
            "config_hash",
            "version",
            "set.network.route",
            "set.warmup_s",
            "a",
            "b"
        ]
    );
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), results.rows.len());
    for (record, row) in records.iter().zip(&results.rows) {
        assert_eq!(record[2].parse(), Ok(row.seed));
        assert_eq!(&record[5], text(&row.settings["network.route"]));
        same(record[7].parse().ok(), row.measures.get("a"));
        same(record[8].parse().ok(), row.measures.get("b"));
    }
}

#[test]
fn json_reads_back_to_the_last_bit() {
    let mut table = Vec::new();
    json(&results(), &mut table).unwrap();
    let back: Results = serde_json::from_slice(&table).unwrap();
    for (back, row) in back.rows.iter().zip(&results().rows) {
        assert_eq!(back.settings, row.settings);
        assert_eq!(back.seed, row.seed);
        for name in ["a", "b"] {
            same(back.measures.get(name), row.measures.get(name));
        }
    }
}

#[test]
fn parquet_reads_back_to_the_last_bit() {
    let results = results();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.parquet");
    parquet(&results, std::fs::File::create(&path).unwrap()).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), results.rows.len());
    for (found, row) in rows.iter().zip(&results.rows) {
        let columns: BTreeMap<&str, &Field> =
            found.get_column_iter().map(|(name, field)| (name.as_str(), field)).collect();
        assert_eq!(columns["seed"], &Field::ULong(row.seed));
        assert_eq!((found.get_uint(0).unwrap(), found.get_uint(1).unwrap()), (row.point, row.replication));
        assert_eq!(columns["config_hash"], &Field::Str(row.config_hash.clone()));
        assert_eq!(columns["set.network.route"], &Field::Str(text(&row.settings["network.route"])));
        let number = |name: &str| match columns[name] {
            Field::Double(value) => Some(*value),
            Field::Null => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(Setting::Number(number("set.warmup_s").unwrap()), row.settings["warmup_s"]);
        same(number("a"), row.measures.get("a"));
        same(number("b"), row.measures.get("b"));
    }
}
