//! Numbers: the summary, validity, fronts, how numbers and axes are written.

use proptest::prelude::*;

use super::super::number::{clean, number, tick};
use super::super::scale::Scale;
use super::super::validity::validity;
use super::{grid, single, words};
use crate::results::{Results, Row, Setting};
use crate::summary::{Interval, Statistic, Summary};

/// A row that has this measure alone.
fn measured(point: u32, replication: u32, value: f64) -> Row {
    let mut row = single(1).rows.remove(0);
    row.point = point;
    row.replication = replication;
    row.measures.0 = [("x".to_owned(), value)].into();
    row
}

#[test]
fn a_statistic_is_that_of_the_textbook() {
    let rows =
        [1.0, 2.0, 3.0].into_iter().zip(0..).map(|(value, number)| measured(0, number, value)).collect();
    let summary = Summary::of(&Results { rows, ..Results::default() });
    let Statistic { n, mean, interval, min, max } = summary.points[0].measures["x"];
    assert_eq!((n, mean, min, max), (3, 2.0, 1.0, 3.0));
    let Interval { low, high } = interval.unwrap();
    // t of 2 degrees of freedom at 97.5 % is 4.30265 (any table); the standard deviation is 1.
    assert!((high - 2.0 - 4.302_653 / 3_f64.sqrt()).abs() < 1e-5, "{high}");
    assert!((2.0 - low - (high - 2.0)).abs() < 1e-12);
}

#[test]
fn points_are_not_mixed_up_and_what_was_not_measured_is_missing() {
    let rows = vec![measured(1, 1, 5.0), measured(0, 0, 1.0), measured(1, 0, 7.0), measured(1, 2, f64::NAN)];
    let summary = Summary::of(&Results { rows, ..Results::default() });
    let points: Vec<_> =
        summary.points.iter().map(|point| (point.point, point.replications, point.mean("x"))).collect();
    assert_eq!(points, [(0, 1, Some(1.0)), (1, 3, Some(6.0))]);
    assert_eq!(summary.points[0].measures["x"].interval, None);
    assert_eq!(summary.points[1].measures["x"].n, 2);
    assert_eq!(summary.points[0].mean("y"), None);
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
}

#[test]
fn an_interval_is_within_what_a_measure_can_be() {
    let mut rows: Vec<Row> = (0..2).map(|number| measured(0, number, f64::from(number))).collect();
    for (row, value) in rows.iter_mut().zip([1.0, 0.6]) {
        row.measures.set("attack.a.success", value);
        row.measures.set("attack.a.exit.advantage", -value);
        row.measures.set("worst.advantage", 2.0 * value);
    }
    let summary = Summary::of(&Results { rows, ..Results::default() });
    let interval = |name: &str| summary.points[0].measures[name].interval.unwrap();
    let success = interval("attack.a.success");
    assert!((success.low, success.high) == (0.0, 1.0), "{success:?}");
    let advantage = interval("attack.a.exit.advantage");
    assert!((advantage.low, advantage.high) == (-1.0, 1.0), "{advantage:?}");
    // What is outside itself keeps an interval that holds its mean.
    let wrong = interval("worst.advantage");
    assert!((wrong.low, wrong.high) == (-1.0, 1.6), "{wrong:?}");
    // Half of the range times t of one degree of freedom, 12.706: nothing is known of `x`.
    let free = interval("x");
    assert!((free.high - 0.5 - 12.706 / 2.0).abs() < 1e-3, "{free:?}");
}

#[test]
fn an_interval_holds_the_truth_as_often_as_it_says() {
    let rows = (0..2000).flat_map(|point| {
        let mut draws =
            crate::random::Seed::new(5).draws(crate::random::Purpose::Bootstrap, u64::from(point));
        (0..6)
            .map(move |replication| measured(point, replication, draws.unit() + draws.unit() + draws.unit()))
    });
    let summary = Summary::of(&Results { rows: rows.collect(), ..Results::default() });
    let intervals = summary.points.iter().map(|point| point.measures["x"].interval.unwrap());
    let right = intervals.filter(|interval| (interval.low..=interval.high).contains(&1.5)).count();
    // 95 % of 2,000 with a standard deviation below 10; sums of three uniform draws are nearly normal.
    assert!((1840..=1960).contains(&right), "{right}");
}

#[test]
fn a_row_is_invalid_if_it_says_so_or_if_a_closed_form_is_outside() {
    let mut results = single(5);
    assert_eq!((validity(&results).rows_checked, validity(&results).rows_invalid), (5, 0));
    results.rows[1].measures.set("theory.latency.measured", 1e6);
    results.rows[2].measures.set("valid", 0.0);
    results.rows[3].measures.0.retain(|name, _| !name.starts_with("theory.") && name != "valid");
    // Of no comparison at all everything holds; that is no proof.
    results.rows[4].measures.0.retain(|name, _| !name.starts_with("theory."));
    let validity = validity(&results);
    assert_eq!((validity.rows_checked, validity.rows_invalid), (3, 2));
    let why: Vec<_> = validity
        .deviations
        .iter()
        .map(|deviation| (deviation.replication, deviation.form.as_str()))
        .collect();
    assert_eq!(why, [(1, "latency"), (2, "")]);
}

#[test]
fn numbers_are_written_short_and_whole() {
    for (value, shown) in [
        (0.0, "0"),
        (-0.0, "0"),
        (12.0, "12"),
        (0.1 + 0.2, "0.3"),
        (1234.567, "1235"),
        (12.345, "12.35"),
        (0.012_345, "0.01235"),
        (1.5e-7, "1.5e-7"),
        (2e6, "2M"),
        (999_960.2, "999960"),
        (1.23456e10, "12.35G"),
        (3e20, "3e20"),
        (-3.25, "-3.25"),
        (f64::NAN, "–"),
        (f64::INFINITY, "–"),
    ] {
        assert_eq!(number(value), shown, "{value}");
    }
    assert_eq!(tick(0.300_000_000_000_000_04, 0.1), "0.3");
    assert_eq!(tick(1_500_000.0, 500_000.0), "1.5M");
    assert_eq!(tick(-0.0, 0.5), "0");
    assert_eq!(clean("a\u{0}b\u{202e}c\nd\te", 99), "a\u{fffd}b\u{fffd}c\nd\te");
    assert_eq!(clean("abcdef", 3), "ab…");
}

#[test]
fn axes_are_logarithmic_beyond_two_decades_and_of_positive_values_alone() {
    assert!(matches!(Scale::of([1.0, 1000.0].into_iter()), Some(Scale::Log(..))));
    assert!(matches!(Scale::of([1.0, 99.0].into_iter()), Some(Scale::Linear(..))));
    assert!(matches!(Scale::of([0.0, 1e6].into_iter()), Some(Scale::Linear(..))));
    assert_eq!(Scale::of([f64::NAN].into_iter()), None);
    assert_eq!(Scale::of(std::iter::empty()), None);
    let decades = Scale::Log(1.0, 1000.0);
    assert!((decades.place(10.0) - 1.0 / 3.0).abs() < 1e-12);
    let labels: Vec<String> = decades.ticks().into_iter().map(|tick| tick.1).collect();
    assert_eq!(labels, ["1", "10", "100", "1000"]);
}

proptest! {
    #[test]
    fn an_axis_holds_its_values_in_order_with_ticks_that_differ(
        mut values in proptest::collection::vec(prop_oneof![-1e3..1e3_f64, 1e-9..1e-3_f64, 1e5..1e12_f64], 1..20),
    ) {
        let scale = Scale::of(values.iter().copied()).unwrap();
        values.sort_by(f64::total_cmp);
        let places: Vec<f64> = values.iter().map(|value| scale.place(*value)).collect();
        prop_assert!(places.is_sorted() && places.iter().all(|place| (0.0..=1.0).contains(place)), "{places:?}");
        let ticks = scale.ticks();
        prop_assert!((2..=12).contains(&ticks.len()), "{scale:?} {ticks:?}");
        prop_assert!(ticks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1), "{scale:?} {ticks:?}");
    }
}

#[test]
fn settings_that_do_not_differ_are_no_axis_and_words_are_in_order() {
    let axes = |results: &Results| super::super::sweep::axes(&Summary::of(results));
    let two = axes(&grid(&[1.0, 2.0, 10.0], &[5.0], 1));
    assert_eq!(two.len(), 1);
    assert_eq!(two[0].labels(), ["1", "2", "10"]);
    let routes = axes(&words(1));
    assert_eq!(routes[0].labels(), ["mix", "tor", "tor+mix"]);
    let mut mixed = grid(&[1.0, 2.0], &[5.0], 1);
    mixed.rows[0].settings.insert("mixing.delay_ms_mean".into(), Setting::Text("off".into()));
    assert_eq!(axes(&mixed)[0].labels(), ["2", "off"]);
}

#[test]
fn an_attack_that_was_asked_several_kinds_of_questions_counts_by_kind() {
    let mut results = single(2);
    for row in &mut results.rows {
        // One kind is the same as the whole; of two the worst is hidden in their mean.
        row.measures.set("attack.tagging.exit.advantage", 0.0);
        row.measures.set("attack.intersection.sender.advantage", 0.95);
        row.measures.set("attack.intersection.contact.advantage", -0.35);
    }
    let study = super::super::findings::Study::of(&results);
    let names: Vec<&str> = study.attacks().iter().map(|attack| attack.name).collect();
    assert_eq!(names, ["intersection.sender", "exact-tracing", "tagging", "intersection.contact"]);
    assert!(study.sentences()[1].contains("Of 3 attacks the worst is intersection (sender), at point 0"));
}
