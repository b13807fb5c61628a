//! Factors, combinations, slots and their limits.

use super::*;

fn token(seed: u8) -> Credentials {
    Credentials { token: Some(Box::new(SoftwareToken::new([seed; 32]))), ..Credentials::default() }
}

fn words(seed: u64) -> Credentials {
    Credentials { words: Some(RecoveryWords::generate(&mut rng(seed))), ..Credentials::default() }
}

fn file(byte: u8) -> Credentials {
    Credentials { key_file: Some(key_file(byte)), ..Credentials::default() }
}

fn both(text: &str, byte: u8) -> Credentials {
    Credentials { key_file: Some(key_file(byte)), ..credentials(text) }
}

fn set(factors: &[Factor]) -> Factors {
    factors.iter().fold(Factors::default(), |set, factor| set.with(*factor))
}

#[test]
fn factors_of_a_slot_are_needed_together_and_each_alone_is_refused() {
    let disk = Disk::empty();
    let all = || Credentials {
        words: Some(RecoveryWords::generate(&mut rng(5))),
        token: token(1).token,
        ..both("right", 1)
    };
    drop(create(&disk, all()));
    for given in 1..15u8 {
        let mut some = all();
        let chosen = |factor: Factor| given & factor as u8 != 0;
        some.passphrase = some.passphrase.filter(|_| chosen(Factor::Passphrase));
        some.key_file = some.key_file.filter(|_| chosen(Factor::KeyFile));
        some.token = some.token.filter(|_| chosen(Factor::Token));
        some.words = some.words.filter(|_| chosen(Factor::Words));
        let label = if given == 1 { "wrong-passphrase" } else { "factors-wrong" };
        assert_eq!(refused(&disk, some), label, "set {given}");
    }
    let wrong = [
        Credentials { key_file: Some(key_file(2)), ..all() },
        Credentials { passphrase: Some(passphrase("wrong")), ..all() },
        Credentials { token: token(2).token, ..all() },
        Credentials { words: words(6).words, ..all() },
    ];
    for given in wrong {
        let error = open(&disk, given).map(drop).unwrap_err();
        assert_eq!(error.label(), "factors-wrong");
        assert!(error.to_string().contains("passphrase + key-file + token + words"), "{error}");
    }
    let vault = open(&disk, all()).unwrap();
    assert_eq!(vault.slots().unwrap()[0].factors, set(&Factor::ALL));
}

#[test]
fn slots_open_one_by_one_and_unneeded_factors_do_no_harm() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    vault.commit(vec![put(1, SECRET)]).unwrap();
    assert_eq!(vault.add_slot("paper", &mut words(1), 11).unwrap(), 1);
    assert_eq!(vault.add_slot("spare token", &mut token(1), 12).unwrap(), 2);
    assert_eq!(vault.add_slot("office", &mut both("office", 3), 13).unwrap(), 3);
    drop(vault);
    let phrase = RecoveryWords::generate(&mut rng(1)).words().to_uppercase().replace(' ', "\n  ");
    let typed = Credentials { words: Some(RecoveryWords::parse(&phrase).unwrap()), ..Credentials::default() };
    let ways = [credentials("main"), typed, token(1), both("office", 3), both("main", 9)];
    for (given, number) in ways.into_iter().zip([0, 1, 2, 3, 0]) {
        let vault = open(&disk, given).unwrap();
        assert_eq!(records(&vault).unwrap(), [(key(1), SECRET.to_vec())]);
        let current: Vec<u8> =
            vault.slots().unwrap().iter().filter(|s| s.is_current).map(|s| s.number).collect();
        assert_eq!(current, [number]);
    }
    for wrong in [words(2), token(2), both("office", 4), both("offic", 3), file(3)] {
        assert_eq!(refused(&disk, wrong), "factors-wrong");
    }
    let vault = open(&disk, words(1)).unwrap();
    let list: Vec<_> =
        vault.slots().unwrap().into_iter().map(|s| (s.label, s.factors.to_string(), s.created_ms)).collect();
    let expected = [("main", "passphrase", 0), ("paper", "words", 11), ("spare token", "token", 12)];
    assert_eq!(list[..3], expected.map(|(label, factors, at)| (label.to_owned(), factors.to_owned(), at)));
    assert_eq!(list[3], ("office".to_owned(), "passphrase + key-file".to_owned(), 13));
}

#[test]
fn the_last_slot_stays_a_removed_one_opens_nothing_and_a_full_file_says_so() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    assert_eq!(vault.remove_slot(0).unwrap_err().label(), "slot-last");
    assert_eq!(vault.remove_slot(1).unwrap_err().label(), "slot-missing");
    vault.set_duress(&mut file(200)).unwrap();
    assert_eq!(vault.remove_slot(0).unwrap_err().label(), "slot-last", "a duress slot is no way in");
    for byte in 2..8 {
        assert_eq!(vault.add_slot("file", &mut file(byte), 0).unwrap(), byte);
    }
    assert_eq!(vault.add_slot("file", &mut file(8), 0).unwrap_err().label(), "slots-full");
    assert_eq!(vault.add_slot("", &mut file(8), 0).unwrap_err().label(), "slots-full");
    vault.remove_slot(4).unwrap();
    assert_eq!(vault.add_slot("", &mut file(8), 0).unwrap_err().label(), "slot-label");
    assert_eq!(vault.add_slot("two\nlines", &mut file(8), 0).unwrap_err().label(), "slot-label");
    assert_eq!(vault.add_slot(&"x".repeat(65), &mut file(8), 0).unwrap_err().label(), "slot-label");
    assert_eq!(vault.add_slot("same", &mut file(5), 0).unwrap_err().label(), "slot-taken");
    assert_eq!(vault.add_slot("contains", &mut both("other", 5), 0).unwrap_err().label(), "slot-taken");
    assert_eq!(vault.set_duress(&mut credentials("main")).unwrap_err().label(), "slot-taken");
    vault.remove_slot(0).unwrap();
    assert!(vault.slots().unwrap().iter().all(|slot| !slot.is_current));
    drop(vault);
    assert_eq!(refused(&disk, file(4)), "factors-wrong");
    assert_eq!(refused(&disk, credentials("main")), "wrong-passphrase");
    assert_eq!(open(&disk, file(5)).unwrap().slots().unwrap().len(), 6);
}

#[test]
fn a_changed_passphrase_replaces_the_old_one_and_its_cost() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("old"));
    vault.commit(vec![put(1, SECRET)]).unwrap();
    let old_slot = vault.header.slots[0];
    vault.replace_slot(0, &mut credentials("new"), None).unwrap();
    let bytes = disk.keys.bytes();
    assert!(bytes.windows(32).all(|window| window != &old_slot[..32]), "the old slot is overwritten");
    assert_eq!(refused(&disk, credentials("old")), "wrong-passphrase");
    let dearer = Argon2Cost::with_mib(128).unwrap();
    vault.replace_slot(0, &mut credentials("new"), Some(dearer)).unwrap();
    assert_eq!(vault.cost(), dearer);
    vault.add_slot("second", &mut both("x", 1), 0).unwrap();
    let shared = vault.replace_slot(0, &mut credentials("newer"), Some(floor())).unwrap_err();
    assert_eq!(shared.label(), "argon2-cost-shared");
    let weaker = vault.replace_slot(1, &mut credentials("x"), None).unwrap_err();
    assert_eq!(weaker.label(), "slot-weaker");
    vault.replace_slot(1, &mut token(4), None).unwrap();
    drop(vault);
    for given in [credentials("new"), token(4)] {
        assert_eq!(records(&open(&disk, given).unwrap()).unwrap(), [(key(1), SECRET.to_vec())]);
    }
    assert_eq!(refused(&disk, both("x", 1)), "factors-wrong");
}

#[test]
fn opening_by_the_duress_slot_leaves_an_ordinary_empty_vault() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    vault.commit(vec![put(1, SECRET)]).unwrap();
    assert_eq!(vault.clear_duress().unwrap_err().label(), "duress-missing");
    vault.set_duress(&mut credentials("first idea")).unwrap();
    vault.set_duress(&mut credentials("forced")).unwrap();
    vault.add_slot("paper", &mut words(1), 5).unwrap();
    let marks: Vec<_> = vault.slots().unwrap().iter().map(|slot| slot.is_duress).collect();
    assert_eq!(marks, [false, true, false]);
    drop(vault);
    assert_eq!(refused(&disk, credentials("first idea")), "wrong-passphrase");
    assert_eq!(records(&open(&disk, credentials("main")).unwrap()).unwrap().len(), 1);

    let vault = open(&disk, credentials("forced")).unwrap();
    assert_eq!(records(&vault).unwrap(), []);
    let slots = vault.slots().unwrap();
    let fresh = create(&Disk::empty(), credentials("main")).slots().unwrap();
    assert_eq!(slots, fresh, "as a new vault lists them");
    drop(vault);
    assert_eq!(refused(&disk, credentials("main")), "wrong-passphrase");
    assert_eq!(refused(&disk, words(1)), "factors-wrong");
    let mut vault = open(&disk, credentials("forced")).unwrap();
    vault.commit(vec![put(2, b"cover story")]).unwrap();
    drop(vault);
    let vault = open(&disk, credentials("forced")).unwrap();
    assert_eq!(records(&vault).unwrap(), [(key(2), b"cover story".to_vec())]);
}

#[test]
fn a_cleared_duress_slot_opens_nothing() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    vault.set_duress(&mut credentials("forced")).unwrap();
    vault.clear_duress().unwrap();
    drop(vault);
    assert_eq!(refused(&disk, credentials("forced")), "wrong-passphrase");
    assert!(open(&disk, credentials("main")).is_ok());
}

#[test]
fn a_token_that_fails_is_named_and_one_is_asked_only_where_the_other_factors_fit() {
    let disk = Disk::empty();
    let with_token =
        |text: &str, token: SoftwareToken| Credentials { token: Some(Box::new(token)), ..credentials(text) };
    drop(create(&disk, with_token("right", SoftwareToken::new([1; 32]))));
    let absent = || {
        let mut token = SoftwareToken::new([1; 32]);
        token.refuse(Some(super::super::TokenError::Absent));
        token
    };
    assert_eq!(refused(&disk, with_token("right", absent())), "token-absent");
    // With another passphrase nobody is asked to touch anything.
    assert_eq!(refused(&disk, with_token("wrong", absent())), "factors-wrong");
    assert!(open(&disk, with_token("right", SoftwareToken::new([1; 32]))).is_ok());
}

#[test]
fn slots_in_use_and_unused_ones_are_not_to_be_told_apart() {
    // The share of one bits over many slots of each kind: 0.5, with a deviation of 0.5 / sqrt(bits).
    let (mut used, mut unused) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let disk = Disk::empty();
        let mut vault = create(&disk, credentials("main"));
        vault.rng = rng(3 + used.len() as u64);
        vault.set_duress(&mut credentials("forced")).unwrap();
        vault.add_slot("token", &mut Credentials { token: token(1).token, ..credentials("t") }, 0).unwrap();
        used.extend(vault.header.slots[..3].concat());
        unused.extend(vault.header.slots[3..6].concat());
    }
    for bytes in [used, unused] {
        let bits = bytes.len() as f64 * 8.0;
        let ones = bytes.iter().map(|byte| f64::from(byte.count_ones())).sum::<f64>();
        let deviations = (ones / bits - 0.5) * 2.0 * bits.sqrt();
        assert!(deviations.abs() < 4.0, "{deviations} standard deviations over {bits} bits");
    }
}

#[test]
fn key_files_and_words_have_limits() {
    let file =
        |len: usize| KeyFile::from_bytes(Zeroizing::new(vec![1; len])).map(drop).map_err(|e| e.label());
    assert_eq!([file(31), file(1024 * 1024 + 1)], [Err("key-file-length"); 2]);
    assert_eq!([file(32), file(1024 * 1024)], [Ok(()); 2]);
    assert_eq!(KeyFile::generate(&mut rng(1)).len(), 64);
    let words = RecoveryWords::generate(&mut rng(1)).words();
    assert_eq!(words.split(' ').count(), 24);
    let label = |text: &str| RecoveryWords::parse(text).map(drop).map_err(|error| error.label());
    assert_eq!(label(&words), Ok(()));
    let mut exchanged: Vec<&str> = words.split(' ').collect();
    exchanged.swap(0, 1);
    let unknown = words.replacen(exchanged[5], "sotto", 1);
    for wrong in
        ["", "abandon", &exchanged.join(" "), &unknown, &"x".repeat(2000), &format!("{} abandon", *words)]
    {
        assert_eq!(label(wrong), Err("recovery-words"));
    }
}
