//! Plans that are right, and mistakes with their lines.

use super::*;

fn parse(text: &str, sets: &[&str]) -> Result<Plan, PlanRefusal> {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let plan = Plan::parse(Path::new("dir/plan.toml"), text, &sets)?;
    plan.check(0..plan.tasks())?;
    Ok(plan)
}

/// A refusal's line, and what it says.
fn refused(text: &str) -> (usize, PlanRefusal) {
    let refusal = parse(text, &[]).unwrap_err();
    match refusal.place {
        Place::File { line, .. } => (line, refusal),
        Place::Set(_) | Place::FailIf(_) => panic!("{refusal}"),
    }
}

const SWEPT: &str = "
name = 'delay'
replications = 3
[sweep]
kind = 'grid'
[[sweep.axis]]
key = 'mixing.delay_ms_mean'
values = [100, 200]
[[sweep.axis]]
key = 'attack.0.candidates'
values = [2, 10]
[[attack]]
name = 'tracing'
";

#[test]
fn points_and_tasks_are_numbered_and_share_their_luck() {
    let plan = parse(SWEPT, &[]).unwrap();
    assert_eq!((plan.sweep().points(), plan.tasks()), (4, 12));
    let point = plan.point(2).unwrap();
    assert_eq!(point.scenario.mixing, crate::scenario::Mixing::Poisson { delay_ms_mean: 200.0 });
    assert_eq!((point.attacks[0].candidates, point.attacks[0].targets), (2, 100));
    let tasks: Vec<Task> = (0..12).map(|number| plan.task(number).unwrap()).collect();
    assert_eq!((tasks[6].point, tasks[6].replication), (2, 1));
    assert_eq!(tasks[4].seed, tasks[7].seed);
    assert_ne!(tasks[3].seed, tasks[4].seed);
    assert_eq!(plan.task(12), None);
    // More replications leave tasks and hash as they are.
    let longer = parse(SWEPT, &["replications=5"]).unwrap();
    assert_eq!(longer.task(6), Some(tasks[6]));
    assert_eq!(longer.hash(), plan.hash());
}

#[test]
fn a_hash_is_of_everything_that_a_run_is_told_and_of_nothing_else() {
    let hash = |text: &str, sets: &[&str]| parse(text, sets).unwrap().point(0).unwrap().config_hash;
    let plain = hash("name = 'a'", &[]);
    assert_eq!(
        plain,
        hash(
            "name = 'b'\nquestion = 'why'\nseed = 7\n[scenario.mixing]\nstrategy = 'poisson'\ndelay_ms_mean = 200",
            &[]
        )
    );
    assert_ne!(plain, hash("name = 'a'", &["duration_s=601"]));
    assert_ne!(plain, hash("name = 'a'\n[[attack]]\nname = 'sda'", &[]));
    let seed = |seed: &str| parse("name = 'a'", &[seed]).unwrap().hash().unwrap();
    assert_ne!(seed("seed=1"), seed("seed=2"));
}

#[test]
fn a_named_file_counts_with_its_content_wherever_it_is() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = "name = 'a'\n[scenario.behaviour.writing]\nkind = 'edge-list'\nfile = 'trace.txt'";
    let point = |dir: &Path, content: &str| {
        std::fs::write(dir.join("trace.txt"), content).unwrap();
        Plan::parse(&dir.join("plan.toml"), text, &[]).unwrap().point(0).unwrap()
    };
    let (here, there) = (point(one.path(), "0 1 5\n"), point(two.path(), "0 1 5\n"));
    assert_eq!(here.config_hash, there.config_hash);
    assert_ne!(here.scenario, there.scenario, "the complete name is the one to open");
    assert_ne!(here.config_hash, point(two.path(), "0 1 6\n").config_hash);
    // What adversaries are told of the scenario does not name the file.
    let public = serde_json::to_string(&here.scenario.without_edge_list()).unwrap();
    assert!(public.contains("edge-list") && !public.contains("trace.txt"), "{public}");
    // A mistake in the file is found with the plan, with both lines.
    std::fs::write(two.path().join("trace.txt"), "0 1 5\n0 x 6\n").unwrap();
    let refusal = Plan::parse(&two.path().join("plan.toml"), text, &[]).unwrap_err();
    assert_eq!(refusal.label(), "plan-file");
    let said = refusal.to_string();
    assert!(said.contains("plan.toml:4:1: ") && said.contains("trace.txt, line 2: "), "{said}");
}

#[test]
fn every_mistake_has_its_line_and_what_is_allowed() {
    for (text, line, label, parts) in [
        (
            "name = 'a'\nreplication = 3",
            2,
            "plan-shape",
            vec!["`replication`", "did you mean `replications`?"],
        ),
        ("name = 'a'\nseed = ", 2, "plan-shape", vec![]),
        (
            "name = 'a'\n[scenario.network]\nentries = 2\nlayer = 3",
            4,
            "plan-shape",
            vec!["did you mean `layers`?"],
        ),
        (
            "name = 'a'\n[scenario.mixing]\nstrategy = 'poisson'\ndelay_mean = 3",
            4,
            "plan-shape",
            vec!["`delay_mean`", "`delay_ms_mean`"],
        ),
        (
            "name = 'a'\n\n[scenario.mixing]\nstrategy = 'poison'",
            4,
            "plan-shape",
            vec!["`poison`", "`poisson`"],
        ),
        ("name = 'a'\n[scenario.network]\nlayers = 'x'", 3, "plan-shape", vec!["u32"]),
        ("name = 'a'\n[scenario.network]\nmixes_per_layer = 0", 3, "plan-value", vec!["allowed: 1 to 10000"]),
        (
            "name = 'a'\n[scenario.mixing]\nstrategy = 'poisson'\ndelay_ms_mean = -1",
            4,
            "plan-value",
            vec!["-1", "allowed: 0 to"],
        ),
        (
            "name = 'a'\n[[scenario.clients]]\ncount = 5\n[[scenario.clients]]\nloop_interval_ms_mean = -0.5",
            5,
            "plan-value",
            vec!["clients[1].loop_interval_ms_mean", "-0.5", "allowed: 0, or 0.001 to"],
        ),
        (
            "name = 'a'\n[[scenario.clients]]\npayload_interval_ms_mean = 1e-300",
            3,
            "plan-value",
            vec!["clients[0].payload_interval_ms_mean", "allowed: 0, or 0.001 to"],
        ),
        (
            "name = 'a'\n[scenario.network]\nmix_loop_interval_ms_mean = 1e-9",
            3,
            "plan-value",
            vec!["allowed: 0, or 0.001 to"],
        ),
        (
            "name = 'a'\n[scenario.network]\nmixes_per_layer = 50\nlink_dummy_interval_ms_mean = 0.02",
            4,
            "plan-value",
            vec!["0.02", "allowed: 0, or 0.05 to"],
        ),
        (
            "name = 'a'\n[scenario]\nduration_s = 1e9\n[[scenario.clients]]\ncount = 10\nloop_interval_ms_mean = 0.1",
            6,
            "plan-value",
            vec!["0.1", "1e12 events", "this one has about"],
        ),
        ("name = 'a'\n[scenario]\nduration_s = 3e9", 3, "plan-value", vec!["1e12 events"]),
        (
            "name = 'a'\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'duration_s'\nvalues = [10, 3e9]",
            5,
            "plan-sweep",
            vec!["1e12 events", "at point 1"],
        ),
        (
            "name = 'a'\n[scenario.corruption]\nnodes = ['mix-9-9']",
            3,
            "plan-value",
            vec!["mix-9-9", "mailbox-0"],
        ),
        ("name = ''", 1, "plan-value", vec!["1 to 100"]),
        ("name = 'a'\nreplications = 0", 2, "plan-value", vec!["1 to 100000"]),
        ("name = 'a'\n[[attack]]\nname = 'sda'\n[[attack]]\nname = 'sda'", 4, "plan-value", vec!["twice"]),
        (
            "name = 'a'\n[[attack]]\nname = 'sda'\n[[attack]]\nname = 'end-timing'\ncandidates = 1",
            6,
            "plan-value",
            vec!["attack[1].candidates is 1", "2 and more"],
        ),
        ("name = 'a'\nfail_if = ['x > 1',\n'x ! 1']", 3, "plan-bound", vec!["x ! 1", "MEASURE"]),
        ("name = 'a'\nfail_if = ['attack.sda.top10 > 1']", 2, "plan-bound", vec!["`sda`", "has no attacks"]),
        (
            "name = 'a'\nfail_if = ['attack.sda.advantage > 1',\n'attack.sd.contact.advantage > 0']\n[[attack]]\nname = 'sda'",
            3,
            "plan-bound",
            vec!["`sd`", "it has: sda", "did you mean `sda`?"],
        ),
        (
            "name = 'a'\n[scenario.behaviour]\nwriting = { kind = 'edge-list', file = 'no/such/trace' }",
            3,
            "plan-file",
            vec!["dir/no/such/trace"],
        ),
        (
            "name = 'a'\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'warmup_s'\nvalues = []",
            6,
            "plan-sweep",
            vec!["empty"],
        ),
        (
            "name = 'a'\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'network.layer'\nvalues = [1]",
            5,
            "plan-sweep",
            vec!["did you mean `layers`?", "at point 0: network.layer = 1"],
        ),
        (
            "name = 'a'\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'network.layers'\nvalues = [1, 2, 0]",
            5,
            "plan-sweep",
            vec!["network.layers is 0; allowed: 1 to 16", "at point 2: network.layers = 0"],
        ),
        (
            "name = 'a'\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'clients.3.count'\nvalues = [1]",
            5,
            "plan-sweep",
            vec!["`3`", "allowed: 0 to 0"],
        ),
    ] {
        let (found, refusal) = refused(text);
        assert_eq!((found, refusal.label()), (line, label), "{text}\n{refusal}");
        for part in parts {
            assert!(refusal.what.contains(part), "{text}\n{refusal}");
        }
        assert!(refusal.to_string().starts_with(&format!("dir/plan.toml:{line}:")), "{refusal}");
    }
}

#[test]
fn what_is_set_from_outside_is_in_the_plan_and_named_when_it_is_wrong() {
    let scenario = |sets: &[&str]| parse("name = 'a'", sets).unwrap().point(0).unwrap().scenario;
    assert_eq!(scenario(&["network.layers=4"]).network.layers, 4);
    assert_eq!(scenario(&["scenario.network.route=tor+mix"]).network.hops(), 4);
    assert_eq!(scenario(&["clients.0.count=7"]).client_count(), 7);
    assert_eq!(
        scenario(&["mixing.delay_ms_mean=50"]).mixing,
        crate::scenario::Mixing::Poisson { delay_ms_mean: 50.0 }
    );
    let timed = ["mixing.strategy=timed", "mixing.interval_ms=500"];
    assert_eq!(scenario(&timed).mixing, crate::scenario::Mixing::Timed { interval_ms: 500.0 });
    assert_eq!(scenario(&["duration_s=10", "duration_s=20"]).duration_s, 20.0, "the last one holds");
    // The clients of the plan are not those of the defaults.
    let written = "name = 'a'\n[[scenario.clients]]\ncount = 3\n[[scenario.clients]]\ncount = 4";
    let plan = parse(written, &["clients.1.online.kind=daily", "clients.1.online.hours=8"]).unwrap();
    assert_eq!(plan.point(0).unwrap().scenario.client_count(), 7);

    for (set, label, part) in [
        ("network.layer=4", "plan-shape", "did you mean `layers`?"),
        ("network.layers=0", "plan-value", "allowed: 1 to 16"),
        ("network.layers=many", "plan-shape", "u32"),
        ("networks.layers=4", "plan-shape", "did you mean `network`?"),
        ("clients.1.count=7", "plan-set", "allowed: 0 to 0"),
        ("duration_s.x=7", "plan-set", "below a single value"),
        ("duration_s", "plan-set", "KEY=VALUE"),
        ("a..b=1", "plan-set", "KEY=VALUE"),
        ("duration_s=[1", "plan-set", "has to be one of TOML"),
        ("replications=0", "plan-value", "1 to 100000"),
    ] {
        let refusal = parse("name = 'a'\n", &["warmup_s=1", set, "seed=3"]).unwrap_err();
        assert_eq!((refusal.label(), &refusal.place), (label, &Place::Set(set.to_owned())), "{refusal}");
        assert!(refusal.what.contains(part), "{refusal}");
        assert!(refusal.to_string().starts_with(&format!("--set {set}: ")), "{refusal}");
    }
}

#[test]
fn a_plan_that_is_not_there_is_unreadable() {
    let refusal = Plan::load(Path::new("/no/such/plan.toml"), &[]).unwrap_err();
    assert_eq!(refusal.label(), "plan-unreadable");
    assert!(refusal.to_string().contains("/no/such/plan.toml"));
}

#[test]
fn a_sweep_can_change_the_kind_of_a_table() {
    let text = "name = 'a'\n[sweep]\nkind = 'zip'\n[[sweep.axis]]\nkey = 'mixing.interval_ms'\nvalues = [100, 200]\n\
                [[sweep.axis]]\nkey = 'mixing.strategy'\nvalues = ['timed', 'timed']";
    let plan = parse(text, &[]).unwrap();
    assert_eq!(plan.point(1).unwrap().scenario.mixing, crate::scenario::Mixing::Timed { interval_ms: 200.0 });
    let whole = "name = 'a'\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'mixing'\n\
                 values = [{ strategy = 'threshold', packets = 5 }, { strategy = 'poisson', delay_ms_mean = 9 }]";
    let point = parse(whole, &[]).unwrap().point(0).unwrap();
    assert_eq!(point.scenario.mixing, crate::scenario::Mixing::Threshold { packets: 5 });
}

#[test]
fn an_attack_that_there_is_not_is_refused_in_its_line() {
    let text = "name = 'a'\n[[attack]]\nname = 'sda'\n[[attack]]\nname = 'tracin'";
    let plan = parse(text, &[]).unwrap();
    assert_eq!(plan.check_attacks(&["sda", "tracin"]), Ok(()));
    let refusal = plan.check_attacks(&["sda", "tracing"]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "dir/plan.toml:5:1: there is no attack `tracin`; allowed: sda, tracing; did you mean `tracing`?"
    );
}

#[test]
fn a_bound_of_the_command_line_is_held_against_the_attacks() {
    let plan = parse(SWEPT, &["fail_if=['attack.tracing.advantage > 0.1', 'latency_ms.q50 > 1e9']"]).unwrap();
    let check = |text: &str| plan.check_bound(&Bound::parse(text).unwrap());
    assert_eq!(check("attack.tracing.exit.advantage > 0.1"), Ok(()));
    assert_eq!(check("mixes.held_mean > 1"), Ok(()));
    let refusal = check("attack.trasing.advantage > 0.1").unwrap_err();
    assert_eq!(refusal.label(), "plan-bound");
    assert!(refusal.to_string().starts_with("--fail-if 'attack.trasing.advantage > 0.1': "), "{refusal}");
    assert!(refusal.what.contains("did you mean `tracing`?"), "{refusal}");
}
