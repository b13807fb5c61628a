//! The report of made-up rows: what it says must be what is in them, and any reader must be able to read it.

mod answer;
mod page;
mod pictures;
mod statistics;

use std::collections::BTreeMap;

use crate::random::{Purpose, Seed};
use crate::results::{Measures, Results, Row, Setting};

/// The attacks of made-up rows, with about what they gain without any delay.
const ATTACKS: [(&str, f64); 3] = [("exact-tracing", 0.6), ("intersection", 0.3), ("tagging", 0.0)];

/// A row of which latency grows with the delay and advantages fall with it, with noise.
fn row(point: u32, replication: u32, settings: &[(&str, Setting)], delay: f64, cover: f64) -> Row {
    let mut draws = Seed::new(9).draws(Purpose::Bootstrap, (u64::from(point) << 32) | u64::from(replication));
    let mut noise = |size: f64| size * (draws.unit() - 0.5);
    let mut measures = Measures::default();
    for (measure, value) in [
        ("messages.written", 100_000.0),
        ("messages.received", 99_800.0 + noise(100.0)),
        ("entropy_bits.shannon", (1.0 + delay * cover).log2() + noise(0.1)),
        ("traffic.up_bytes_per_user_day", 2e6 * cover + noise(1e4)),
        ("traffic.down_bytes_per_user_day", 3e6 * cover + noise(1e4)),
        ("latency_ms.mean", 4.0 * delay + noise(1.0)),
        ("theory.latency.expected", 4.0 * delay),
        ("theory.latency.measured", 4.0 * delay + noise(1.0)),
        ("theory.latency.tolerance", 1.0),
        ("valid", 1.0),
    ] {
        measures.set(measure, value);
    }
    for step in 1_u32..20 {
        let part = f64::from(step) / 20.0;
        measures
            .set(format!("latency_ms.q{:02}", step * 5), -4.0 * delay * (1.0 - part).ln() + noise(0.5) + 1.0);
    }
    for (name, most) in ATTACKS {
        let advantage = most / (1.0 + delay * cover / 50.0) + noise(0.04);
        for (what, value) in [
            ("trials", 100.0),
            ("success", 0.02 + advantage),
            ("baseline", 0.02),
            ("advantage", advantage),
            ("decoy_success", 0.02 + noise(0.02)),
        ] {
            measures.set(format!("attack.{name}.{what}"), value);
        }
    }
    let worst = ATTACKS.iter().filter_map(|(name, _)| measures.get(&format!("attack.{name}.advantage")));
    measures.set("worst.advantage", worst.fold(f64::NEG_INFINITY, f64::max));
    Row {
        point,
        replication,
        seed: u64::from(replication),
        config_hash: format!("{point:064x}"),
        version: "0.1.0".into(),
        settings: settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        measures,
    }
}

/// A full grid of delays and cover.
fn grid(delays: &[f64], covers: &[f64], replications: u32) -> Results {
    let pairs = delays.iter().flat_map(|delay| covers.iter().map(move |cover| (*delay, *cover)));
    let rows = (0..).zip(pairs).flat_map(|(point, (delay, cover))| {
        let settings = [
            ("mixing.delay_ms_mean", Setting::Number(delay)),
            ("clients.cover_rate", Setting::Number(cover)),
        ];
        (0..replications).map(move |replication| row(point, replication, &settings, delay, cover))
    });
    Results {
        name: "delay-and-cover".into(),
        question: "How much delay and cover do people need?".into(),
        rows: rows.collect(),
    }
}

/// One axis of numbers.
fn line(delays: &[f64], replications: u32) -> Results {
    let mut results = grid(delays, &[1.0], replications);
    for row in &mut results.rows {
        row.settings.remove("clients.cover_rate");
    }
    results
}

/// One point that no sweep has set.
fn single(replications: u32) -> Results {
    let mut results = line(&[50.0], replications);
    for row in &mut results.rows {
        row.settings.clear();
    }
    results
}

/// One axis of words.
fn words(replications: u32) -> Results {
    let mut results = line(&[1.0, 50.0, 20.0], replications);
    for row in &mut results.rows {
        let route = ["tor", "tor+mix", "mix"][row.point as usize];
        row.settings = BTreeMap::from([("network.route".to_owned(), Setting::Text(route.into()))]);
    }
    results
}

/// Points anywhere in a cube of three settings.
fn cube(points: u32, replications: u32) -> Results {
    let mut draws = Seed::new(3).draws(Purpose::Hypercube, 0);
    let rows = (0..points).flat_map(|point| {
        let [a, b, c] = [draws.unit(), draws.unit(), draws.unit()];
        let settings = [
            ("delay_ms", Setting::Number(1.0 + 99.0 * a)),
            ("cover", Setting::Number(10.0 * b)),
            ("online", Setting::Number(c)),
        ];
        (0..replications).map(move |replication| row(point, replication, &settings, 1.0 + 99.0 * a, 10.0 * b))
    });
    Results { name: "cube".into(), question: "Where is the front?".into(), rows: rows.collect() }
}
