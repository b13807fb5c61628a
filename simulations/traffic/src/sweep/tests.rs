//! What points a sweep has, and which sweeps cannot be.

use super::*;

fn base() -> Value {
    toml::from_str("[scenario]\nduration_s = 600.0\n[scenario.network]\nlayers = 3\nentries = 2").unwrap()
}

fn sweep(text: &str) -> Result<Sweep, SweepRefusal> {
    Sweep::new(toml::from_str(text).unwrap(), &base(), Seed::new(1))
}

/// All points, each as the values of its axes.
fn points(sweep: &Sweep) -> Vec<Vec<f64>> {
    let number = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64)).unwrap();
    (0..sweep.points())
        .map(|point| sweep.values(point).iter().map(|(_, value)| number(value)).collect())
        .collect()
}

#[test]
fn a_grid_has_every_combination_and_the_last_axis_changes_first() {
    let grid = sweep(
        "kind = 'grid'\n[[axis]]\nkey = 'duration_s'\nvalues = [1.5, 2]\n\
         [[axis]]\nkey = 'network.layers'\nfrom = 1\nto = 3\nsteps = 3",
    )
    .unwrap();
    let expected = [[1.5, 1.0], [1.5, 2.0], [1.5, 3.0], [2.0, 1.0], [2.0, 2.0], [2.0, 3.0]];
    assert_eq!(points(&grid), expected);
    assert!(grid.axes()[1].values().iter().all(Value::is_integer), "layers are whole");
}

#[test]
fn a_zip_goes_through_all_axes_at_once() {
    let zip = sweep(
        "kind = 'zip'\n[[axis]]\nkey = 'duration_s'\nfrom = 1\nto = 100\nsteps = 3\nscale = 'log'\n\
         [[axis]]\nkey = 'network.layers'\nvalues = [3, 1, 3]",
    )
    .unwrap();
    let found = points(&zip);
    assert_eq!(found.len(), 3);
    for (found, expected) in found.iter().zip([[1.0, 3.0], [10.0, 1.0], [100.0, 3.0]]) {
        assert!((found[0] - expected[0]).abs() < 1e-9 && found[1] == expected[1], "{found:?}");
    }
}

#[test]
fn a_hypercube_has_one_sample_in_each_part_of_each_axis() {
    let text = "kind = 'latin-hypercube'\nsamples = 40\n\
                [[axis]]\nkey = 'duration_s'\nfrom = 10\nto = 50\n\
                [[axis]]\nkey = 'warmup_s'\nfrom = 1\nto = 16\nscale = 'log'\n\
                [[axis]]\nkey = 'mixing.strategy'\nvalues = [1, 2, 3, 4]";
    let cube = sweep(text).unwrap();
    let found = points(&cube);
    let sorted_column = |column: usize, part: &dyn Fn(f64) -> f64| {
        let mut parts: Vec<u32> = found.iter().map(|point| part(point[column]).floor() as u32).collect();
        parts.sort_unstable();
        parts
    };
    let each_once: Vec<u32> = (0..40).collect();
    assert_eq!(sorted_column(0, &|value| value - 10.0), each_once);
    assert_eq!(sorted_column(1, &|value| value.log2() * 10.0), each_once);
    assert_eq!(sorted_column(2, &|value| value), [[1; 10], [2; 10], [3; 10], [4; 10]].concat());
    // The axes are not in step, and another seed gives other samples.
    let rank = |column: usize| {
        let mut order: Vec<usize> = (0..40).collect();
        order.sort_by(|a, b| found[*a][column].total_cmp(&found[*b][column]));
        order
    };
    assert_ne!(rank(0), rank(1));
    assert_eq!(cube, sweep(text).unwrap());
    let other = Sweep::new(toml::from_str(text).unwrap(), &base(), Seed::new(2)).unwrap();
    assert_ne!(cube, other);
}

#[test]
fn an_impossible_sweep_is_refused_where_it_stands() {
    let axis = |rest: &str| format!("kind = 'grid'\n[[axis]]\nkey = 'duration_s'\n{rest}");
    let million = "from = 1\nto = 9999\nsteps = 1001";
    for (text, line, part) in [
        ("kind = 'grid'".to_owned(), 1, "without an axis"),
        (axis("values = []"), 4, "is empty"),
        (axis(""), 3, "needs either"),
        (axis("from = 1"), 3, "needs either"),
        (axis("values = [1]\nfrom = 1\nto = 2"), 3, "needs either"),
        (axis("from = 1\nto = 2"), 3, "needs `steps`"),
        (axis("from = 1\nto = 2\nsteps = 0"), 6, "allowed: 2 to"),
        (axis("from = 1\nto = 2\nsteps = -3"), 6, "allowed: 2 to"),
        (axis("from = 0\nto = 2\nsteps = 3\nscale = 'log'"), 3, "both are above 0"),
        (axis("from = 1\nto = -2\nsteps = 3\nscale = 'log'"), 3, "both are above 0"),
        (axis("from = nan\nto = 2\nsteps = 3"), 3, "expected numbers"),
        (axis("values = [1]\nsteps = 2"), 5, "goes with"),
        (axis("values = [1]\n[[axis]]\nkey = 'scenario.duration_s'\nvalues = [2]"), 6, "already"),
        (axis("values = [1]\n[[axis]]\nkey = 'scenario'\nvalues = [2]"), 6, "cannot be swept"),
        (axis("values = [1]\n[[axis]]\nkey = 'seed'\nvalues = [2]"), 6, "cannot be swept"),
        (axis(&format!("{million}\n[[axis]]\nkey = 'warmup_s'\n{million}")), 1, "allowed: up to 1000000"),
        ("kind = 'grid'\n[[axis]]\nkey = 'network.layers'\nfrom = 1\nto = 3\nsteps = 9".to_owned(), 6, "more than once"),
        (format!("samples = 3\n{}", axis("values = [1]")), 1, "alone"),
        ("kind = 'latin-hypercube'\n[[axis]]\nkey = 'warmup_s'\nvalues = [1]".to_owned(), 1, "needs `samples`"),
        ("samples = 0\nkind = 'latin-hypercube'\n[[axis]]\nkey = 'warmup_s'\nvalues = [1]".to_owned(), 1, "allowed: 1 to"),
        (
            "samples = 2\nkind = 'latin-hypercube'\n[[axis]]\nkey = 'warmup_s'\nfrom = 1\nto = 2\nsteps = 3".to_owned(),
            7,
            "no `steps`",
        ),
        (
            "kind = 'zip'\n[[axis]]\nkey = 'warmup_s'\nvalues = [1, 2]\n[[axis]]\nkey = 'duration_s'\nvalues = [1]".to_owned(),
            6,
            "equally many",
        ),
    ] {
        let refusal = sweep(&text).unwrap_err();
        assert!(refusal.what.contains(part), "{text}\n{}", refusal.what);
        assert_eq!(text[..refusal.at].matches('\n').count() + 1, line, "{text}\n{}", refusal.what);
    }
}
