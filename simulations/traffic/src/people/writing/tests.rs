use std::io::Write;

use super::*;
use crate::scenario::{Behaviour, ClientClass, Contacts};

fn scenario(clients: u32, writing: When) -> Scenario {
    Scenario {
        clients: vec![ClientClass { count: clients, ..ClientClass::default() }],
        behaviour: Behaviour { writing, contacts: Contacts::Uniform { count: 3 }, ..Behaviour::default() },
        ..Scenario::default()
    }
}

fn users(clients: u32, writing: When) -> Writing {
    Writing::new(&scenario(clients, writing), Seed::new(11)).unwrap()
}

/// The times of a user's messages up to here, in seconds; they never go backwards.
fn times(writing: &mut Writing, user: u32, until_s: f64) -> Vec<f64> {
    let times: Vec<f64> = std::iter::from_fn(|| writing.next(user))
        .map(|written| written.at.as_secs_f64())
        .take_while(|at| *at < until_s)
        .collect();
    assert!(times.is_sorted());
    times
}

/// Mean and variance.
fn moments(counts: &[f64]) -> (f64, f64) {
    let n = counts.len() as f64;
    let mean = counts.iter().sum::<f64>() / n;
    (mean, counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

#[test]
fn counts_of_poisson_users_have_mean_and_variance_of_a_poisson_law() {
    let clients = 10_000;
    let mut writing = users(clients, When::Poisson { per_day_mean: 40.0 });
    let counts: Vec<f64> =
        (0..clients).map(|user| times(&mut writing, user, DAY_S / 2.0).len() as f64).collect();
    let (mean, variance) = moments(&counts);
    let n = f64::from(clients);
    assert!((mean - 20.0).abs() < 6.0 * (20.0 / n).sqrt(), "{mean}");
    // The variance of the sample variance of a Poisson law is about (m + 2 m^2) / n.
    assert!((variance - 20.0).abs() < 6.0 * ((20.0 + 2.0 * 400.0) / n).sqrt(), "{variance}");
    // Chi-square of the counts against the law, tails put together.
    let mut probability = (-20.0_f64).exp();
    let mut cells = vec![(0.0, 0.0); 23];
    for k in 0_u32..200 {
        let cell = k.clamp(10, 32) as usize - 10;
        cells[cell].0 += n * probability;
        cells[cell].1 += counts.iter().filter(|count| **count == f64::from(k)).count() as f64;
        probability *= 20.0 / f64::from(k + 1);
    }
    let chi: f64 = cells.iter().map(|(expected, found)| (found - expected).powi(2) / expected).sum();
    assert!(chi < 22.0 + 6.0 * 44.0_f64.sqrt(), "{chi}");
}

#[test]
fn a_day_has_its_peak_and_its_trough() {
    let clients = 1000;
    let mut writing = users(clients, When::Diurnal { per_day_mean: 100.0, peak_hour: 20.0, swing: 0.8 });
    let days = 2.0;
    let mut by_hour = [0.0; 24];
    for user in 0..clients {
        for at in times(&mut writing, user, days * DAY_S) {
            let hours_after = (1..24).filter(|hour| f64::from(*hour) * HOUR_S <= at % DAY_S).count();
            by_hour[hours_after] += 1.0;
        }
    }
    let mean = 100.0 / 24.0 * days * f64::from(clients);
    for (hour, found) in by_hour.iter().enumerate() {
        let integral = |hour: f64| (std::f64::consts::TAU * (hour - 20.0) / 24.0).sin();
        let wave = integral(hour as f64 + 1.0) - integral(hour as f64);
        let expected = mean * (1.0 + 0.8 * wave * 24.0 / std::f64::consts::TAU);
        assert!((found - expected).abs() < 6.0 * expected.sqrt(), "{hour}: {found} {expected}");
    }
    assert!(by_hour[19] > 7.0 * by_hour[7], "{by_hour:?}");
}

#[test]
fn bursts_have_their_mean_and_clump() {
    let clients = 5000;
    let (bursts, messages) = (12.0, 5.0);
    let mut writing = users(
        clients,
        When::Bursty { bursts_per_day_mean: bursts, messages_mean: messages, gap_s_mean: 20.0 },
    );
    let counts: Vec<f64> =
        (0..clients).map(|user| times(&mut writing, user, 4.0 * DAY_S).len() as f64).collect();
    let (mean, variance) = moments(&counts);
    // A Poisson number of geometric numbers: mean b m, variance b (2 m^2 - m). Bursts over the end are some seconds.
    let expected = 4.0 * bursts * messages;
    let spread = 4.0 * bursts * (2.0 * messages * messages - messages);
    let n = f64::from(clients);
    assert!((mean - expected).abs() < 6.0 * (spread / n).sqrt() + 0.1, "{mean} {expected}");
    assert!((variance / mean / (2.0 * messages - 1.0) - 1.0).abs() < 0.15, "{variance} {mean}");
    assert!(variance > 5.0 * mean);
}

#[test]
fn a_burst_goes_to_one_contact_and_bursts_overlap() {
    let when = When::Bursty { bursts_per_day_mean: 50_000.0, messages_mean: 8.0, gap_s_mean: 10.0 };
    let mut overlapping = users(4, when);
    let mut changes = 0;
    let messages: Vec<Written> = (0..2000).map(|_| overlapping.next(1).unwrap()).collect();
    for pair in messages.windows(2) {
        assert!(pair[0].at <= pair[1].at);
        changes += u32::from(pair[0].recipient != pair[1].recipient);
    }
    // With some 50 bursts at once neighbours are of one burst hardly ever: two of three contacts differ.
    assert!(changes > 1000, "{changes}");

    let when = When::Bursty { bursts_per_day_mean: 1.0, messages_mean: 50.0, gap_s_mean: 0.1 };
    let mut apart = users(4, when);
    let messages: Vec<Written> = (0..500).map(|_| apart.next(1).unwrap()).collect();
    for pair in messages.windows(2) {
        if pair[1].at.since(pair[0].at) < SimTime::from_secs_f64(3.0) {
            assert_eq!(pair[0].recipient, pair[1].recipient);
        }
    }
}

#[test]
fn an_edge_list_is_replayed_line_by_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"5 6 100\n6 5 100\n5 7 160\n7 5 161.25\n5 6 200\n").unwrap();
    let mut writing = users(4, When::EdgeList { file: file.path().to_owned() });
    // It is read once.
    drop(file);
    let mut all = Vec::new();
    for user in 0..4 {
        while let Some(written) = writing.next(user) {
            all.push((user, written.recipient, written.at.as_secs_f64()));
        }
    }
    all.sort_by(|a, b| (a.2, a.0).partial_cmp(&(b.2, b.0)).unwrap());
    assert_eq!(all, [(0, 1, 0.0), (1, 0, 0.0), (0, 2, 60.0), (2, 0, 61.25), (0, 1, 100.0)]);
    let addressees = writing.addressees();
    assert_eq!((addressees.contacts(0), addressees.shares(0)), (&[1, 2][..], vec![2.0 / 3.0, 1.0 / 3.0]));
    assert!(addressees.contacts(3).is_empty());
}

#[test]
fn who_never_writes_or_has_nobody_to_write_to_has_no_messages() {
    assert_eq!(users(5, When::Poisson { per_day_mean: 0.0 }).next(3), None);
    let none = When::Bursty { bursts_per_day_mean: 0.0, messages_mean: 3.0, gap_s_mean: 1.0 };
    assert_eq!(users(5, none).next(3), None);
    let mut alone = scenario(1, When::Poisson { per_day_mean: 10.0 });
    alone.behaviour.contacts = Contacts::Uniform { count: 1 };
    assert_eq!(Writing::new(&alone, Seed::new(1)).unwrap().next(0), None);
    assert_eq!(users(5, When::Poisson { per_day_mean: 10.0 }).next(5), None);
}

#[test]
fn a_users_messages_do_not_change_with_other_users_classes_or_rates() {
    let kinds = [
        When::Poisson { per_day_mean: 100.0 },
        When::Diurnal { per_day_mean: 100.0, peak_hour: 3.0, swing: 0.5 },
        When::Bursty { bursts_per_day_mean: 20.0, messages_mean: 4.0, gap_s_mean: 60.0 },
    ];
    for when in kinds {
        let small = scenario(50, when.clone());
        let mut large = small.clone();
        large.clients.push(ClientClass { name: "more".to_owned(), count: 1, ..ClientClass::default() });
        let mut small = Writing::new(&small, Seed::new(4)).unwrap();
        let mut large = Writing::new(&large, Seed::new(4)).unwrap();
        let mut same_list = 0;
        // In another order, too.
        large.next(50).unwrap();
        for user in 0..50 {
            let expected: Vec<Written> = (0..40).map(|_| small.next(user).unwrap()).collect();
            let found: Vec<Written> = (0..40).map(|_| large.next(user).unwrap()).collect();
            assert!(expected.iter().zip(&found).all(|(one, other)| one.at == other.at));
            if small.addressees().contacts(user) == large.addressees().contacts(user) {
                assert_eq!(expected, found);
                same_list += 1;
            }
        }
        assert!(same_list > 30, "{same_list}");
    }
    // At twice the rate everything is at half the time.
    let mut once = users(5, When::Poisson { per_day_mean: 100.0 });
    let mut twice = users(5, When::Poisson { per_day_mean: 200.0 });
    for _ in 0..50 {
        let (slow, fast) = (once.next(2).unwrap(), twice.next(2).unwrap());
        assert!((slow.at.as_secs_f64() / fast.at.as_secs_f64() - 2.0).abs() < 1e-6);
        assert_eq!(slow.recipient, fast.recipient);
    }
}
