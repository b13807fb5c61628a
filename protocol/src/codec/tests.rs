//! Tests of the codec: one encoding for each value, and a label for everything else.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    count: u64,
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "optional_text")]
    nickname: Option<String>,
    #[serde(deserialize_with = "list")]
    numbers: Vec<u32>,
    #[serde(deserialize_with = "texts")]
    words: Vec<String>,
    #[serde(with = "bytes")]
    blob: Vec<u8>,
}

fn sample() -> Sample {
    Sample {
        count: 300,
        name: "mix".to_owned(),
        nickname: Some("m".to_owned()),
        numbers: vec![1, 70_000],
        words: vec!["a".to_owned(), String::new()],
        blob: vec![9; 5],
    }
}

#[test]
fn a_value_survives() {
    let encoded = encode(&sample(), 100).unwrap();
    assert_eq!(decode::<Sample>(&encoded, 100).unwrap(), sample());
}

#[test]
fn the_marked_fields_are_encoded_as_unmarked_ones_would_be() {
    #[derive(Serialize)]
    struct Plain(u64, &'static str, Option<&'static str>, Vec<u32>, Vec<&'static str>, Vec<u8>);
    let plain = Plain(300, "mix", Some("m"), vec![1, 70_000], vec!["a", ""], vec![9; 5]);
    assert_eq!(encode(&plain, 100), encode(&sample(), 100));
}

#[test]
fn every_cut_is_malformed() {
    let encoded = encode(&sample(), 100).unwrap();
    for len in 0..encoded.len() {
        let refusal = decode::<Sample>(&encoded[..len], 100).unwrap_err();
        assert_eq!(refusal.label(), "malformed", "{len}");
    }
}

#[test]
fn too_large_is_refused_both_ways() {
    let encoded = encode(&sample(), 100).unwrap();
    let len = encoded.len();
    let refusal = CodecError::TooLarge { len, len_max: len - 1 };
    assert_eq!(encode(&sample(), len - 1), Err(refusal));
    assert_eq!(decode::<Sample>(&encoded, len - 1), Err(refusal));
    assert_eq!(refusal.label(), "too-large");
}

#[test]
fn no_caller_can_allow_more_than_the_codec() {
    let refusal = CodecError::TooLarge { len: ENCODING_LEN_MAX + 1, len_max: ENCODING_LEN_MAX };
    assert_eq!(decode::<Sample>(&vec![0; ENCODING_LEN_MAX + 1], usize::MAX), Err(refusal));
}

#[test]
fn trailing_bytes_are_refused() {
    let mut encoded = encode(&sample(), 100).unwrap();
    encoded.extend([0, 0]);
    assert_eq!(decode::<Sample>(&encoded, 100), Err(CodecError::TrailingBytes(2)));
}

#[test]
fn a_number_in_a_wider_form_than_needed_is_not_canonical() {
    assert_eq!(decode::<u64>(&[7], 100), Ok(7));
    assert_eq!(decode::<u64>(&[251, 7, 0], 100), Err(CodecError::NonCanonical));
    assert_eq!(decode::<u64>(&[252, 7, 0, 0, 0], 100), Err(CodecError::NonCanonical));
    assert_eq!(decode::<u64>(&[253, 7, 0, 0, 0, 0, 0, 0, 0], 100), Err(CodecError::NonCanonical));
}

#[test]
fn a_set_out_of_order_or_with_a_repetition_is_not_canonical() {
    assert_eq!(decode::<BTreeSet<u8>>(&[2, 1, 2], 100), Ok(BTreeSet::from([1, 2])));
    assert_eq!(decode::<BTreeSet<u8>>(&[2, 2, 1], 100), Err(CodecError::NonCanonical));
    assert_eq!(decode::<BTreeSet<u8>>(&[2, 1, 1], 100), Err(CodecError::NonCanonical));
}

#[test]
fn other_truths_than_zero_and_one_are_malformed() {
    assert_eq!(decode::<bool>(&[2], 100).unwrap_err().label(), "malformed");
    assert_eq!(decode::<Option<u8>>(&[2, 0], 100).unwrap_err().label(), "malformed");
}

#[test]
fn a_claim_of_more_than_the_limit_is_malformed() {
    let huge = [253, 0, 0, 0, 0, 0, 0, 0, 0x10];
    assert_eq!(decode::<String>(&huge, 100).unwrap_err().label(), "malformed");
    assert_eq!(decode::<Vec<u8>>(&huge, 100).unwrap_err().label(), "malformed");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_one_value_or_refused(input in prop::collection::vec(any::<u8>(), 0..200)) {
        match decode::<Sample>(&input, 150) {
            Ok(value) => prop_assert_eq!(encode(&value, 150).unwrap(), input),
            Err(refusal) => prop_assert!(!refusal.label().is_empty()),
        }
    }

    #[test]
    fn every_value_has_one_encoding(
        count: u64, name: String, nickname: Option<String>, numbers: Vec<u32>, words: Vec<String>, blob: Vec<u8>
    ) {
        let value = Sample { count, name, nickname, numbers, words, blob };
        let encoded = encode(&value, ENCODING_LEN_MAX).unwrap();
        prop_assert_eq!(decode::<Sample>(&encoded, ENCODING_LEN_MAX).unwrap(), value);
    }
}
