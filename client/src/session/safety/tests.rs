//! Conformance with `docs/vectors/safety.json`, which was made by another implementation, and what people do wrong.

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    signal: Signal,
    numbers: Vec<Number>,
    comparisons: Vec<Comparison>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Signal {
    local_identifier: String,
    local_key: String,
    remote_identifier: String,
    remote_key: String,
    local_fingerprint: String,
    remote_fingerprint: String,
    digits: String,
}

#[derive(Deserialize)]
struct Number {
    local: String,
    remote: String,
    local_fingerprint: String,
    remote_fingerprint: String,
    digits: String,
    code: String,
}

#[derive(Deserialize)]
struct Comparison {
    name: String,
    code: String,
    same: bool,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    code: String,
    label: String,
}

fn published() -> Vectors {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/safety.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn number(vector: &Number) -> SafetyNumber {
    SafetyNumber::derive(
        &bytes(&vector.local).try_into().unwrap(),
        &bytes(&vector.remote).try_into().unwrap(),
    )
}

fn first() -> SafetyNumber {
    number(&published().numbers[0])
}

#[test]
fn signals_published_vector() {
    let vector = published().signal;
    let local = fingerprint(vector.local_identifier.as_bytes(), &bytes(&vector.local_key));
    let remote = fingerprint(vector.remote_identifier.as_bytes(), &bytes(&vector.remote_key));
    assert_eq!(HEXLOWER.encode(&local), vector.local_fingerprint);
    assert_eq!(HEXLOWER.encode(&remote), vector.remote_fingerprint);
    assert_eq!(vector.digits, "300354477692869396892869876765458257569162576843440918079131");
    assert_eq!(SafetyNumber { local, remote }.digits(), vector.digits);
    assert_eq!(SafetyNumber { local: remote, remote: local }.digits(), vector.digits);
}

#[test]
fn numbers_and_codes_conform() {
    for vector in published().numbers {
        let number = number(&vector);
        assert_eq!(HEXLOWER.encode(&number.local), vector.local_fingerprint);
        assert_eq!(HEXLOWER.encode(&number.remote), vector.remote_fingerprint);
        assert_eq!(number.digits(), vector.digits);
        assert_eq!(number.qr_text(), vector.code);
        assert_eq!((number.digits().len(), number.qr_text().len()), (SAFETY_DIGITS, 124));
        let other = SafetyNumber { local: number.remote, remote: number.local };
        assert_eq!(other.digits(), vector.digits, "both people see the same number");
        assert_eq!(other.compare_qr(&vector.code), Ok(true));
    }
}

#[test]
fn comparisons_conform() {
    let number = first();
    for vector in published().comparisons {
        assert_eq!(number.compare_qr(&vector.code), Ok(vector.same), "{}", vector.name);
    }
}

#[test]
fn refused_codes_are_refused_by_their_labels() {
    let number = first();
    for vector in published().refused {
        assert_eq!(number.compare_qr(&vector.code).unwrap_err().label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn people_see_twelve_groups_of_five_in_three_lines() {
    let number = first();
    assert_eq!(number.groups().len(), 12);
    assert!(number.groups().iter().all(|group| group.len() == 5));
    assert_eq!(number.groups().concat(), number.digits());
    insta::assert_snapshot!(number, @r"
    42801 96714 41327 55759
    64552 01680 62410 49352
    77486 61484 04518 60685
    ");
}

#[test]
fn typed_digits_match_with_any_space_and_nothing_else() {
    let number = first();
    let digits = number.digits();
    assert!(number.matches(&digits));
    assert!(number.matches(&number.to_string()));
    assert!(number.matches(&format!("\t{}\n", number.groups().join("  "))));
    for at in 0..SAFETY_DIGITS {
        let mut wrong = digits.clone().into_bytes();
        wrong[at] = if wrong[at] == b'9' { b'0' } else { wrong[at] + 1 };
        assert!(!number.matches(std::str::from_utf8(&wrong).unwrap()), "digit {at}");
    }
    let (left, right) = digits.split_at(SAFETY_DIGITS / 2);
    for wrong in
        ["", left, &digits[1..], &format!("{digits}0"), &format!("{right}{left}"), &format!("{left}-{right}")]
    {
        assert!(!number.matches(wrong), "{wrong:?}");
    }
}

#[test]
fn debug_shows_nothing_of_the_number() {
    insta::assert_snapshot!(format!("{:?}", first()), @"SafetyNumber { .. }");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(sotto:verify:)?\\PC{0,140}") {
        let number = SafetyNumber { local: [1; 32], remote: [2; 32] };
        let _compared = number.compare_qr(&text);
        prop_assert!(!number.matches(&text));
    }

    #[test]
    fn a_changed_letter_is_noticed(at in 0usize..111, by in 1usize..32) {
        let (ours, theirs) = ([1; 32], [2; 32]);
        let code = SafetyNumber { local: theirs, remote: ours }.qr_text();
        let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut letters = code.into_bytes();
        let letter = &mut letters[CODE_PREFIX.len() + at];
        let old = alphabet.iter().position(|known| known == letter).unwrap();
        *letter = alphabet[(old + by) % 32];
        let number = SafetyNumber { local: ours, remote: theirs };
        let compared = number.compare_qr(std::str::from_utf8(&letters).unwrap());
        prop_assert_eq!(compared, Err(SafetyError::Mistyped));
    }
}
