//! The pictures: what is drawn is where its number is.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

use super::super::Plot;
use super::super::plots::plots;
use super::{cube, grid, line, single, words};
use crate::results::{Results, Setting};
use crate::summary::Summary;

fn named<'a>(plots: &'a [Plot], name: &str) -> &'a Plot {
    let names: Vec<&str> = plots.iter().map(|plot| plot.name.as_str()).collect();
    plots.iter().find(|plot| plot.name == name).unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

fn number(node: &Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

fn elements<'a>(document: &'a Document<'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}

/// The x of the text that says exactly this.
fn text_at(document: &Document<'_>, text: &str) -> (f64, f64) {
    let node = elements(document, "text").find(|node| node.text().unwrap_or_default().trim() == text);
    let node = node.unwrap_or_else(|| panic!("nothing says {text}"));
    (number(&node, "x"), number(&node, "y"))
}

/// Of a sheet, all places of marks and ends of lines.
fn places(document: &Document<'_>) -> Vec<(f64, f64)> {
    let mut places = Vec::new();
    for node in document.descendants() {
        match node.tag_name().name() {
            "circle" => places.push((number(&node, "cx"), number(&node, "cy"))),
            "text" => places.push((number(&node, "x"), number(&node, "y"))),
            "line" => {
                places.extend([
                    (number(&node, "x1"), number(&node, "y1")),
                    (number(&node, "x2"), number(&node, "y2")),
                ]);
            }
            "polyline" | "polygon" => {
                let points = node.attribute("points").unwrap().split_whitespace();
                places.extend(points.map(|pair| {
                    let (x, y) = pair.split_once(',').unwrap();
                    (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())
                }));
            }
            _ => {}
        }
    }
    places
}

#[test]
fn every_picture_stands_alone_and_draws_on_its_sheet() {
    let hostile = {
        let mut results = grid(&[1.0, 20.0], &[1.0, 2.0], 2);
        for row in &mut results.rows {
            row.measures.set("entropy_bits.shannon", if row.point == 0 { 1e300 } else { -1e300 });
            row.measures.set("traffic.up_bytes_per_user_day", -5.0);
        }
        results
    };
    for results in [single(1), single(4), line(&[1.0, 20.0, 1000.0], 3), words(3), cube(50, 2), hostile] {
        let plots = plots(&results);
        let names: BTreeSet<&str> = plots.iter().map(|plot| plot.name.as_str()).collect();
        assert_eq!(names.len(), plots.len());
        for plot in &plots {
            let document = Document::parse(&plot.svg).unwrap();
            let root = document.root_element();
            assert_eq!((root.attribute("width"), root.tag_name().name()), (Some("720"), "svg"));
            let height = number(&root, "height");
            assert!((60.0..=1600.0).contains(&height), "{} {height}", plot.name);
            assert!(plot.svg.len() < 400_000, "{} {}", plot.name, plot.svg.len());
            for (x, y) in places(&document) {
                let inside = (0.0..=2880.0).contains(&x) && (0.0..=height * 4.0).contains(&y);
                assert!(inside, "{}: {x} {y}", plot.name);
            }
            let white = plot.on_white();
            let white = Document::parse(&white).unwrap();
            assert_eq!(elements(&white, "style").count(), 0);
            assert_eq!(elements(&white, "rect").next().unwrap().attribute("fill"), Some("#FFFFFF"));
        }
    }
}

#[test]
fn the_scoreboard_puts_each_attack_where_its_advantage_is() {
    let mut results = single(2);
    for row in &mut results.rows {
        for (attack, advantage) in [("exact-tracing", 0.5), ("intersection", 0.3), ("tagging", 0.0)] {
            row.measures.set(format!("attack.{attack}.advantage"), advantage);
            row.measures.set(format!("attack.{attack}.decoy_success"), 0.12);
            row.measures.set(format!("attack.{attack}.baseline"), 0.02);
        }
    }
    let plots = plots(&results);
    let document = Document::parse(&named(&plots, "scoreboard").svg).unwrap();
    let (zero, fifth) =
        (text_at(&document, "0.2").0 - text_at(&document, "0.4").0, text_at(&document, "0.2").0);
    let expected = |advantage: f64| fifth - zero * (advantage - 0.2) / 0.2;
    for (attack, advantage) in [("exact-tracing", 0.5), ("intersection", 0.3), ("tagging", 0.0)] {
        let y = text_at(&document, attack).1;
        let marks: Vec<_> = elements(&document, "circle").filter(|mark| number(mark, "cy") == y).collect();
        let (discs, rings): (Vec<_>, Vec<_>) =
            marks.into_iter().partition(|mark| mark.attribute("fill") != Some("none"));
        assert!((number(&discs[0], "cx") - expected(advantage)).abs() <= 2.0, "{attack}");
        assert!((number(&rings[0], "cx") - expected(0.1 / 0.98)).abs() <= 2.0, "{attack}");
        let worst = discs[0].attribute("fill") == Some("#D55E00");
        assert_eq!(worst, attack == "exact-tracing");
    }
    assert!(text_at(&document, "0.5 worst").1 < text_at(&document, "0").1);
}

#[test]
fn a_line_goes_through_the_means_and_its_bars_are_the_intervals() {
    let results = line(&[10.0, 20.0, 40.0], 4);
    let all = plots(&results);
    let document = Document::parse(&named(&all, "axis-0-mixing-delay-ms-mean-latency").svg).unwrap();
    let path = elements(&document, "polyline").next().unwrap();
    let points: Vec<(f64, f64)> = path
        .attribute("points")
        .unwrap()
        .split_whitespace()
        .map(|pair| {
            let (x, y) = pair.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        })
        .collect();
    let summary = Summary::of(&results);
    let means: Vec<f64> = summary.points.iter().map(|point| point.mean("latency_ms.mean").unwrap()).collect();
    // Both axes are linear: ratios of differences are kept, to the rounding of a drawing.
    let ratio = |a: f64, b: f64, c: f64| (c - a) / (b - a);
    assert!((ratio(points[0].0, points[1].0, points[2].0) - 3.0).abs() < 0.02);
    let drawn = ratio(points[0].1, points[1].1, points[2].1);
    assert!((drawn - ratio(means[0], means[1], means[2])).abs() < 0.05, "{drawn}");
    assert!(points[0].1 > points[2].1, "more is up");
    let bars = elements(&document, "line").filter(|bar| {
        number(bar, "x1") == points[2].0
            && number(bar, "x2") == points[2].0
            && bar.attribute("stroke") == Some("#0072B2")
    });
    let interval = summary.points[2].measures["latency_ms.mean"].interval.unwrap();
    let per_unit = (points[0].1 - points[2].1) / (means[2] - means[0]);
    let bar = bars.into_iter().next().unwrap();
    let height = (number(&bar, "y1") - number(&bar, "y2")).abs();
    assert!((height - per_unit * (interval.high - interval.low)).abs() <= 2.0, "{height}");
}

#[test]
fn lines_are_told_apart_by_a_second_axis_and_a_map_shows_both() {
    let all = plots(&grid(&[1.0, 10.0, 100.0], &[0.5, 2.0], 2));
    let plot = named(&all, "axis-1-mixing-delay-ms-mean-anonymity");
    assert!(plot.title.contains("by clients.cover_rate"), "{}", plot.title);
    let document = Document::parse(&plot.svg).unwrap();
    let colors: BTreeSet<_> =
        elements(&document, "polyline").map(|line| line.attribute("stroke").unwrap()).collect();
    assert_eq!(colors.len(), 2);
    text_at(&document, "0.5");
    let map = Document::parse(&named(&all, "heat").svg).unwrap();
    // Six cells for each of six measures of which one was not measured here.
    assert_eq!(elements(&map, "rect").count(), 6 * 6);
    assert!(!plots(&line(&[1.0, 2.0], 2)).iter().any(|plot| plot.name == "heat"));
}

#[test]
fn points_of_a_cube_are_never_joined_and_words_are_no_line() {
    for (results, name) in [(cube(20, 2), "axis-0-cover-latency"), (words(2), "axis-0-network-route-latency")]
    {
        let all = plots(&results);
        let document = Document::parse(&named(&all, name).svg).unwrap();
        assert_eq!(elements(&document, "polyline").count(), 0, "{name}");
        assert!(elements(&document, "circle").count() > 2, "{name}");
    }
    // Settings that change together are one line.
    let mut zip = line(&[1.0, 10.0, 100.0], 2);
    for row in &mut zip.rows {
        row.settings.insert("users".into(), Setting::Number(100.0 - f64::from(row.point)));
    }
    let all = plots(&zip);
    let plot = named(&all, "axis-0-mixing-delay-ms-mean-latency");
    assert!(plot.title.ends_with("together with users"), "{}", plot.title);
    assert!(plot.svg.contains("polyline"));
}

#[test]
fn the_front_has_the_points_that_nothing_is_better_than() {
    let mut results = line(&[1.0, 2.0, 3.0, 4.0], 1);
    for (row, (latency, entropy)) in
        results.rows.iter_mut().zip([(1.0, 2.0), (2.0, 1.0), (3.0, 5.0), (4.0, 5.0)])
    {
        row.measures.set("latency_ms.q50", latency);
        row.measures.set("entropy_bits.shannon", entropy);
    }
    let summary = Summary::of(&results);
    let of = |good: f64| -> Vec<u32> {
        let points: Vec<_> = summary
            .points
            .iter()
            .map(|point| {
                (point.mean("latency_ms.q50").unwrap(), point.mean("entropy_bits.shannon").unwrap(), point)
            })
            .collect();
        super::super::plots::front(&points, good).into_iter().map(|point| point.2.point).collect()
    };
    assert_eq!(of(1.0), [0, 2]);
    assert_eq!(of(-1.0), [0, 1]);
}

#[test]
fn what_was_not_measured_is_not_drawn() {
    let mut results: Results = line(&[1.0, 2.0], 2);
    for row in &mut results.rows {
        row.measures.0.retain(|name, _| name == "entropy_bits.shannon");
    }
    let names: Vec<String> = plots(&results).into_iter().map(|plot| plot.name).collect();
    assert_eq!(names, ["axis-0-mixing-delay-ms-mean-anonymity"]);
    assert_eq!(plots(&Results::default()), []);
}

#[test]
fn a_closed_form_outside_is_marked_beside_those_within() {
    let mut results = line(&[1.0, 20.0], 3);
    results.rows[4].measures.set("theory.latency.measured", 1e9);
    let all = plots(&results);
    let document = Document::parse(&named(&all, "closed-forms").svg).unwrap();
    text_at(&document, "INVALID: 1 of 6");
    assert_eq!(elements(&document, "polygon").count(), 1);
    let within = elements(&document, "line").filter(|line| line.attribute("stroke") == Some("#0072B2"));
    assert_eq!(within.count(), 5);
}
