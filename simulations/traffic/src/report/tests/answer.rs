//! The answer in words: it says no more than the rows, and warns where they say little.

use super::super::findings::Study;
use super::super::{Provenance, html, plots};
use super::{line, single};
use crate::results::{Results, Setting};

/// The sentence that contains these words.
fn sentence(results: &Results, words: &str) -> String {
    let sentences = Study::of(results).sentences();
    sentences.iter().find(|one| one.contains(words)).unwrap_or_else(|| panic!("{sentences:#?}")).clone()
}

#[test]
fn latency_stands_beside_how_many_messages_came() {
    let mut results = line(&[1.0, 20.0], 5);
    assert!(sentence(&results, "Latency is that of received messages").contains("written (99."));
    assert_eq!(Study::of(&results).cautions(), Vec::<String>::new());
    for row in results.rows.iter_mut() {
        row.measures.set("messages.written", 1000.0);
        row.measures.set("messages.received", if row.point == 1 { 900.0 } else { 1000.0 });
    }
    let said = sentence(&results, "Latency is that of received messages");
    let expected =
        "received 9500 of 10000 written (95 %), least at point 1 (mixing.delay_ms_mean = 20): 90 %.";
    assert!(said.ends_with(expected), "{said}");
    let cautions = Study::of(&results).cautions();
    assert!(
        cautions.len() == 1 && cautions[0].starts_with("At 1 of 2 points fewer than 95 %"),
        "{cautions:?}"
    );
    assert!(html(&results, &Provenance::default()).contains("<strong>Caution</strong>: At 1 of 2 points"));
}

#[test]
fn the_point_where_attacks_do_least_has_the_number_of_the_table_and_is_no_chance() {
    // Five replications at each of three points, around these means.
    let with = |means: [f64; 3]| {
        let mut results = line(&[1.0, 20.0, 100.0], 5);
        for row in &mut results.rows {
            let noise = 0.02 * (f64::from(row.replication) - 2.0);
            row.measures.set("worst.advantage", means[row.point as usize] + noise);
        }
        results
    };
    let least = |means| sentence(&with(means), "does least");
    let said = least([0.9, 0.5, 0.1]);
    assert!(
        said.contains(
            "at point 2 (mixing.delay_ms_mean = 100): the largest advantage of all attacks is 0.1 ["
        )
    );
    assert!(!said.contains("cannot be told apart"), "{said}");
    assert!(least([0.9, 0.11, 0.1]).contains("cannot be told apart from 1 other point,"));
    assert!(least([0.12, 0.11, 0.1]).contains("cannot be told apart from any other point,"));
    let mut once = with([0.9, 0.5, 0.1]);
    once.rows.retain(|row| row.replication == 2);
    assert!(sentence(&once, "does least").contains("it is not known whether that is more than chance"));
}

#[test]
fn few_replications_and_few_trials_are_warned_of() {
    let mut results = single(4);
    for row in &mut results.rows {
        row.measures.set("attack.tagging.trials", 7.0);
        row.measures.set("attack.intersection.trials", 7.5);
    }
    let cautions = Study::of(&results).cautions();
    assert!(cautions[0].starts_with("With 4 replications of a point, fewer than 5"), "{cautions:?}");
    assert!(cautions[1].ends_with("a handful of chances: tagging (28)."), "{cautions:?}");
    assert!(Study::of(&single(5)).cautions().is_empty());
}

#[test]
fn what_was_not_measured_of_a_kind_of_question_is_shown_of_all_kinds() {
    let mut results = single(2);
    for row in &mut results.rows {
        row.measures.set("attack.intersection.sender.advantage", 0.95);
        row.measures.set("attack.intersection.contact.advantage", -0.35);
        row.measures.set("attack.intersection.calibration", 0.125);
        row.measures.set("attack.intersection.baseline", 0.02);
        row.measures.set("attack.intersection.decoy_success", 0.51);
        row.measures.set("attack.intersection.contact.baseline", 0.5);
        row.measures.set("attack.intersection.contact.decoy_success", 0.75);
    }
    let page = html(&results, &Provenance::default());
    let row = |attack: &str| {
        let from = page.find(&format!("<th scope=\"row\">{attack}</th>")).unwrap();
        page[from..].lines().next().unwrap().to_owned()
    };
    let (sender, contact) = (row("intersection (sender)"), row("intersection (contact)"));
    assert!(
        sender.contains(">100 [100, 100] (all kinds)<")
            && sender.contains(">0.125 [0.125, 0.125] (all kinds)<")
    );
    assert!(contact.contains(">0.75 [0.75, 0.75]<"), "{contact}");
    let study = Study::of(&results);
    let decoy = |name: &str| {
        let attacks = study.attacks();
        attacks.iter().find(|attack| attack.name == name).unwrap().decoy_advantage.unwrap()
    };
    assert!((decoy("intersection.sender") - 0.5).abs() < 1e-9);
    assert!((decoy("intersection.contact") - 0.5).abs() < 1e-9);
}

#[test]
fn values_that_are_tables_are_told_apart_and_extremes_follow_the_axis() {
    let mut results = line(&[100.0, 20.0, 1.0], 2);
    let begin = "{ strategy = \"poisson\", some_long_parameter = 1,";
    for row in &mut results.rows {
        let value = format!("{begin} delay_ms_mean = {} }}", row.point);
        row.settings = [("mixing".to_owned(), Setting::Text(value))].into();
    }
    let study = Study::of(&results);
    assert_eq!(study.axes[0].labels(), ["…0 }", "…1 }", "…2 }"]);
    // Latency falls with the number of the point: the sentence begins where the axis begins.
    let said = sentence(&results, "Median latency");
    let (first, last) = (said.find("at point 0 (mixing = …0 })"), said.find("at point 2 (mixing = …2 })"));
    assert!(first.is_some() && first < last, "{said}");
}

#[test]
fn measures_of_the_run_are_named_and_are_no_anonymity() {
    let mut results = line(&[1.0, 20.0], 2);
    for row in &mut results.rows {
        for measure in
            ["entropy_bits.traced", "entropy_bits.packet_error", "model.events", "unlinkability.epsilon"]
        {
            row.measures.set(measure, 3.0);
        }
    }
    let plots = plots(&results);
    let of = |group: &str| &plots.iter().find(|plot| plot.name.ends_with(group)).unwrap().description;
    assert!(
        of("-anonymity").contains("epsilon") && !of("-anonymity").contains("traced"),
        "{}",
        of("-anonymity")
    );
    for name in ["Messages traced", "Standard error of the entropy", "Events of a run"] {
        assert!(of("-runs").contains(name), "{}", of("-runs"));
    }
    assert!(plots.iter().all(|plot| !plot.name.ends_with("-other")));
}

#[test]
fn an_attack_on_the_order_of_packets_is_not_called_the_worst() {
    let mut results = line(&[1.0, 20.0], 5);
    for row in &mut results.rows {
        row.measures.set("attack.release-time.advantage", 0.99);
        row.measures.set("attack.release-time.order.advantage", 0.99);
    }
    let study = Study::of(&results);
    let attacks = study.attacks();
    assert_eq!(attacks.last().unwrap().name, "release-time");
    assert!(!sentence(&results, "the worst is").contains("release-time"));
}
