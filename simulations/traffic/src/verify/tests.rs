use super::*;

#[test]
fn every_check_holds_and_fails_against_a_wrong_form() {
    let results = run_all(Seed::new(2_026)).unwrap();
    let checks = checks();
    assert_eq!(results.len(), checks.len());
    for (result, check) in results.iter().zip(&checks) {
        println!(
            "{} expected {:.5} measured {:.5} error {:.5} tolerance {:.5} ({:.1} % of expected)",
            result.name,
            result.expected,
            result.measured,
            result.error,
            result.tolerance,
            100.0 * result.tolerance / result.expected
        );
        assert_eq!(result.name, check.name);
    }
    for result in &results {
        assert!(result.holds, "{result:?}");
        match result.sense {
            Sense::Equal => {
                assert!(!result.holds_against(1.1 * result.expected), "{result:?}");
                assert!(!result.holds_against(result.expected / 1.1), "{result:?}");
            }
            // A form above what was measured is no bound.
            Sense::AtLeast => assert!(!result.holds_against(1.1 * result.measured), "{result:?}"),
        }
    }
}

#[test]
fn names_are_not_repeated_and_results_are_data() {
    let checks = checks();
    let mut names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), checks.len());
    let result = checks.iter().find(|check| check.name == "intersection").unwrap().run(Seed::new(1)).unwrap();
    let json = serde_json::to_string(&result).unwrap();
    let back: CheckResult = serde_json::from_str(&json).unwrap();
    assert_eq!((&back.name, back.holds, back.replications), (&result.name, true, 24));
    assert!((back.expected - result.expected).abs() < 1e-9);
    assert!(json.contains("\"sense\":\"equal\""));
}

#[test]
fn a_result_does_not_depend_on_threads() {
    let check = checks().into_iter().find(|check| check.name == "entropy-timed").unwrap();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check.run(Seed::new(5)).unwrap())
    };
    assert_eq!(on(1), on(3));
}
