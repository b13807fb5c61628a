//! The page: well-formed, closed to the network, escaped, and of the same numbers as the summary.

use std::collections::BTreeMap;

use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};

use super::super::{Provenance, html, plots};
use super::{cube, grid, line, single, words};
use crate::results::{Results, Setting};
use crate::summary::Summary;

fn parse(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}"))
}

/// All words that a reader sees.
fn words_of(document: &Document<'_>) -> String {
    let seen = |node: &Node<'_, '_>| {
        !["style", "script"].contains(&node.parent().map_or("", |p| p.tag_name().name()))
    };
    let text = document.descendants().filter(Node::is_text).filter(seen).filter_map(|node| node.text());
    text.collect::<Vec<_>>().join(" ")
}

fn section<'a>(document: &'a Document<'a>, id: &str) -> Node<'a, 'a> {
    document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap_or_else(|| panic!("no {id}"))
}

/// Every kind of results.
fn all_kinds() -> Vec<Results> {
    vec![
        Results::default(),
        single(1),
        single(5),
        line(&[1.0, 20.0, 1000.0], 3),
        words(3),
        grid(&[1.0, 5.0, 20.0, 50.0], &[0.5, 1.0, 2.0], 3),
        cube(30, 2),
    ]
}

/// Nothing that a browser would fetch.
fn assert_closed(document: &Document<'_>) {
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        assert!(
            !["link", "img", "image", "iframe", "object", "embed", "base", "use"].contains(&name),
            "{name}"
        );
        for attribute in node.attributes() {
            assert!(
                !["src", "srcset", "data", "action", "style"].contains(&attribute.name()),
                "{attribute:?}"
            );
            assert!(!attribute.name().starts_with("on"), "{attribute:?}");
            assert!(attribute.name() != "href" || attribute.value().starts_with('#'), "{attribute:?}");
            assert!(!attribute.value().contains("url("), "{attribute:?}");
        }
        if ["style", "script"].contains(&name) {
            let text = node.text().unwrap_or_default();
            for call in ["url(", "@import", "http:", "https:", "fetch", "XMLHttp", "<", "&"] {
                assert!(!text.contains(call), "{call} in {name}");
            }
        }
    }
}

#[test]
fn every_page_is_well_formed_closed_and_accessible() {
    for results in all_kinds() {
        let page = html(&results, &Provenance::default());
        let document = parse(&page);
        assert_closed(&document);
        let named =
            |name: &'static str| document.descendants().filter(move |node| node.tag_name().name() == name);
        assert_eq!(named("script").count(), 1);
        assert_eq!(named("h2").count(), 7);
        for picture in named("svg") {
            let child = |name: &str| picture.children().find(|child| child.tag_name().name() == name);
            assert!(!child("title").unwrap().text().unwrap().is_empty());
            assert!(!child("desc").unwrap().text().unwrap().is_empty());
            assert_eq!(picture.attribute("role"), Some("img"));
        }
        assert_eq!(named("svg").count(), plots(&results).len());
        for head in named("th") {
            assert!(["row", "col"].contains(&head.attribute("scope").unwrap()));
        }
        let mut ids = BTreeMap::new();
        for id in document.descendants().filter_map(|node| node.attribute("id")) {
            *ids.entry(id).or_insert(0) += 1;
        }
        assert!(ids.values().all(|times| *times == 1), "{ids:?}");
        for link in document.descendants().filter_map(|node| node.attribute("href")) {
            assert!(ids.contains_key(&link[1..]), "{link}");
        }
        assert_eq!(page, html(&results.clone(), &Provenance::default()));
    }
}

#[test]
fn the_tables_have_the_numbers_of_the_summary() {
    let results = grid(&[1.0, 5.0, 20.0], &[1.0, 2.0], 4);
    let page = html(&results, &Provenance::default());
    let document = parse(&page);
    let rows = |id: &str| -> Vec<Vec<String>> {
        let table = section(&document, id);
        let body = table.descendants().find(|node| node.tag_name().name() == "tbody").unwrap();
        let cell =
            |cell: Node<'_, '_>| cell.attribute("data-value").or(cell.text()).unwrap_or_default().to_owned();
        let row = |row: Node<'_, '_>| row.children().filter(Node::is_element).map(cell).collect();
        body.children().filter(Node::is_element).map(row).collect()
    };
    let summary = Summary::of(&results);
    let mut expected = Vec::new();
    for point in &summary.points {
        for (measure, s) in &point.measures {
            let interval = s.interval.unwrap();
            let numbers =
                [f64::from(point.point), f64::from(s.n), s.mean, interval.low, interval.high, s.min, s.max];
            expected.push(
                [measure.clone()].into_iter().chain(numbers.map(|n| n.to_string())).collect::<Vec<_>>(),
            );
        }
    }
    assert_eq!(rows("measures"), expected);
    let points = rows("points");
    for (row, point) in points.iter().zip(&summary.points) {
        let mean = |measure: &str| point.mean(measure).unwrap().to_string();
        assert_eq!(row[0], point.point.to_string());
        assert_eq!(row[3], "4");
        assert_eq!(row[4], mean("worst.advantage"));
        assert_eq!(row[5], mean("entropy_bits.shannon"));
    }
    assert_eq!(points.len(), 6);
    let advantages: Vec<f64> = rows("attacks").iter().map(|row| row[2].parse().unwrap()).collect();
    assert_eq!(advantages.len(), 18);
    assert!(advantages.is_sorted_by(|a, b| a >= b), "{advantages:?}");
}

#[test]
fn the_answer_names_the_worst_attack_where_it_is_worst() {
    let mut results = line(&[1.0, 20.0, 100.0], 5);
    let page = html(&results, &Provenance::default());
    let answer = |page: &str| words_of(&parse(page));
    let text = answer(&page);
    assert!(text.contains("the worst is exact-tracing, at point 0 (mixing.delay_ms_mean = 1)"), "{text}");
    assert!(text.contains("The worst attack does least at point 2 (mixing.delay_ms_mean = 100)"));
    assert!(text.contains("15 runs: 3 points with 5 replications each."));
    assert!(text.contains("(more than guessing)"));
    for row in results.rows.iter_mut().filter(|row| row.point == 2) {
        row.measures.set("attack.tagging.advantage", 0.9 + f64::from(row.replication) * 0.01);
    }
    let text = answer(&html(&results, &Provenance::default()));
    assert!(text.contains("the worst is tagging, at point 2"), "{text}");
}

#[test]
fn an_advantage_that_may_be_none_is_not_called_more_than_guessing() {
    let mut results = single(2);
    for row in &mut results.rows {
        let sign = if row.replication == 0 { 1.0 } else { -0.5 };
        for (attack, _) in super::ATTACKS {
            row.measures.set(format!("attack.{attack}.advantage"), 0.1 * sign);
        }
    }
    let page = html(&results, &Provenance::default());
    assert!(page.contains("cannot be told from guessing") && !page.contains("more than guessing"));
    let page = html(&single(1), &Provenance::default());
    assert!(page.contains("a single replication, so that nothing is known of the spread"));
    assert!(page.contains("without an interval it is not known"));
}

#[test]
fn what_is_not_valid_is_called_so_before_anything_else() {
    let mut results = line(&[1.0, 20.0], 2);
    let page = html(&results, &Provenance::default());
    assert!(
        !words_of(&parse(&page)).contains("INVALID") && page.contains("Valid: 4 runs beside 1 closed form")
    );
    results.rows[3].measures.set("theory.latency.measured", 500.0);
    let page = html(&results, &Provenance::default());
    let document = parse(&page);
    let banner = document.descendants().find(|node| node.attribute("role") == Some("alert")).unwrap();
    let text: String = banner.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
    assert_eq!(text, "INVALID: 1 of 4 runs must not be believed: outside the tolerance of latency.");
    assert!(banner < section(&document, "question"));
    let list = words_of(&document);
    assert!(page.contains("<td>INVALID: 1 run</td>") && page.contains("<td>valid</td>"));
    assert!(list.contains("point 1, replication 1:") && list.contains("measured was 500."), "{list}");
    assert!(!page.contains("Mixed"));
    results.rows[0].config_hash = "another".into();
    assert!(html(&results, &Provenance::default()).contains("point 0 has runs of 2 configurations"));
    for row in &mut results.rows {
        row.measures.0.retain(|name, _| !name.starts_with("theory."));
    }
    let page = html(&results, &Provenance::default());
    assert!(page.contains("validity is not known") && page.contains("<td>not checked</td>"));
    assert!(!page.contains("INVALID") && !page.contains("<td>valid</td>"));
}

#[test]
fn words_of_a_plan_are_words_and_never_markup() {
    let evil = "<script>alert(1)</script>\"'&]]>\u{0}\u{1b}";
    let mut results = words(2);
    results.name = evil.into();
    results.question = evil.into();
    for row in &mut results.rows {
        row.version = evil.into();
        row.config_hash = evil.into();
        row.settings = [
            (evil.to_owned(), Setting::Number(f64::from(row.point))),
            ("word".to_owned(), Setting::Text(format!("{evil}{}", row.point))),
        ]
        .into();
        for name in [format!("theory.{evil}.expected"), format!("theory.{evil}.measured")] {
            row.measures.set(name, 3.0);
        }
        row.measures.set(format!("theory.{evil}.tolerance"), -1.0);
        row.measures.set(format!("attack.{evil}.advantage"), 2.0);
        row.measures.set(evil, 1.0);
    }
    let extra =
        Provenance { plan: evil.into(), command: evil.into(), seed: Some(1), limits: vec![evil.into()] };
    let page = html(&results, &extra);
    let document = parse(&page);
    assert_closed(&document);
    assert_eq!(document.descendants().filter(|node| node.tag_name().name() == "script").count(), 1);
    // Heading, question, plan, command, limit: each says the words as they are.
    let heading = document.descendants().find(|node| node.tag_name().name() == "h1").unwrap();
    assert_eq!(heading.text(), Some("<script>alert(1)</script>\"'&]]>\u{fffd}\u{fffd}"));
    for plot in plots(&results) {
        let picture = Document::parse(&plot.svg).unwrap();
        assert!(picture.descendants().all(|node| node.tag_name().name() != "script"));
        assert!(
            plot.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            plot.name
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_words_and_numbers_make_a_page(
        name in any::<String>(),
        key in any::<String>(),
        word in any::<String>(),
        numbers in proptest::collection::vec(any::<f64>(), 12),
    ) {
        let mut results = line(&[1.0, 20.0, 100.0], 2);
        results.name = name;
        for (row, number) in results.rows.iter_mut().zip(&numbers) {
            row.settings.insert(key.clone(), Setting::Number(*number));
            row.settings.insert("b".into(), if row.point == 0 { Setting::Text(word.clone()) } else { Setting::Number(*number) });
            // As a file of results that somebody else wrote may have it.
            for measure in ["latency_ms.q50", "theory.latency.measured", "attack.tagging.advantage", "other"] {
                row.measures.0.insert(measure.into(), *number);
            }
        }
        let page = html(&results, &Provenance::default());
        let document = parse(&page);
        assert_closed(&document);
        results.name = "plain".into();
        for row in &mut results.rows {
            row.settings.retain(|key, _| key == "mixing.delay_ms_mean");
        }
        let page = html(&results, &Provenance::default());
        let text = words_of(&parse(&page));
        prop_assert!(!text.split_whitespace().any(|word| ["NaN", "inf", "-inf"].contains(&word)), "{text}");
    }
}

#[test]
fn a_large_sweep_makes_a_page_of_bounded_size() {
    let results = cube(10_000, 1);
    let page = html(&results, &Provenance::default());
    assert!(page.contains("9500 rows more left out here: the CSV has all."));
    assert!(page.len() < 3_000_000, "{}", page.len());
    let document = parse(&page);
    let pictures = document.descendants().filter(|node| node.tag_name().name() == "svg").count();
    assert!((20..40).contains(&pictures), "{pictures}");
    let rows =
        section(&document, "measures").descendants().filter(|node| node.tag_name().name() == "tr").count();
    assert_eq!(rows, 501);
}

#[test]
fn the_page_says_how_its_rows_were_made() {
    let extra = Provenance {
        plan: "[sweep]\n\tx = [1, 2]".into(),
        command: "sotto-sim run plan.toml".into(),
        seed: Some(77),
        limits: vec!["Clocks do not drift.".into()],
    };
    let page = html(&line(&[1.0, 20.0], 2), &extra);
    let text = words_of(&parse(&page));
    for said in [&extra.plan, &extra.command, "77", "0.1.0", &format!("{:064x}", 1), "Clocks do not drift."] {
        assert!(text.contains(said), "{said}");
    }
}

#[test]
fn the_page_names_what_no_closed_form_was_beside() {
    let mut results = single(2);
    for row in &mut results.rows {
        for (measure, value) in [
            ("theory.up-bytes.expected", 1.0),
            ("theory.up-bytes.measured", 1.0),
            ("theory.up-bytes.tolerance", 0.1),
            ("traffic.up_bytes_per_user_day", 1.0),
            ("attack.sda.success", 0.5),
            ("attack.sda.sender.success", 0.5),
        ] {
            row.measures.set(measure, value);
        }
    }
    let page = html(&results, &Provenance::default());
    assert!(page.contains("Held against a closed form: <code>traffic.up_bytes_per_user_day</code>.</p>"));
    let (_, rest) = page.split_once("Not held against any").unwrap();
    let (rest, _) = rest.split_once("</p>").unwrap();
    for measure in ["attack.sda", "latency_ms.q50", "worst.advantage"] {
        assert_eq!(rest.matches(&format!("<code>{measure}</code>")).count(), 1, "{measure} in {rest}");
    }
    for measure in ["traffic.up_bytes_per_user_day", "theory.", "attack.sda.", "<code>valid<"] {
        assert!(!rest.contains(measure), "{measure} in {rest}");
    }
}
