//! What a decode allocates when the input lies about its lengths.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use allocation_counter::measure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sotto_protocol::codec::{self, ALLOCATION_PER_BYTE_MAX, CodecError};
use sotto_protocol::directory::{Consensus, CoverClass, Descriptor, NetworkInfo, Params, SignedConsensus};
use sotto_protocol::limits::{DESCRIPTOR_LEN_MAX, DOCUMENT_LEN_MAX};

#[derive(Debug, Serialize, Deserialize)]
struct List(#[serde(deserialize_with = "codec::list")] Vec<u64>);
#[derive(Debug, Serialize, Deserialize)]
struct Lists(#[serde(deserialize_with = "codec::list")] Vec<List>);
#[derive(Debug, Serialize, Deserialize)]
struct Text(#[serde(deserialize_with = "codec::text")] String);
#[derive(Debug, Serialize, Deserialize)]
struct OptionalText(#[serde(deserialize_with = "codec::optional_text")] Option<String>);
#[derive(Debug, Serialize, Deserialize)]
struct Texts(#[serde(deserialize_with = "codec::texts")] Vec<String>);
#[derive(Debug, Serialize, Deserialize)]
struct Bytes(#[serde(with = "codec::bytes")] Vec<u8>);

/// The length 2^60 in the codec's varint form.
const HUGE: [u8; 9] = [253, 0, 0, 0, 0, 0, 0, 0, 0x10];

/// What decoding `input` allocates at its peak, in bytes, and how it is refused.
fn decoded<T: Serialize + DeserializeOwned>(input: &[u8]) -> (u64, Option<CodecError>) {
    let mut refusal = None;
    let allocated = measure(|| refusal = codec::decode::<T>(input, DOCUMENT_LEN_MAX).err());
    (allocated.bytes_max, refusal)
}

#[test]
fn a_huge_claim_takes_no_memory() {
    for input in [HUGE.to_vec(), [&HUGE[..], &[0; 100]].concat()] {
        for (allocated, refusal) in [
            decoded::<Text>(&input),
            decoded::<Bytes>(&input),
            decoded::<List>(&HUGE),
            decoded::<Lists>(&HUGE),
        ] {
            assert_eq!(refusal.unwrap().label(), "malformed");
            assert_eq!(allocated, 0);
        }
        let some = [&[1], &input[..]].concat();
        let (allocated, refusal) = decoded::<OptionalText>(&some);
        assert_eq!((allocated, refusal.unwrap().label()), (0, "malformed"));
    }
}

#[test]
fn a_list_that_claims_more_than_it_has_takes_memory_for_what_it_has() {
    let lists = [&HUGE[..], &[1, 7].repeat(1000), &HUGE, &[9; 1000]].concat();
    let (allocated, refusal) = decoded::<Lists>(&lists);
    assert_eq!(refusal.unwrap().label(), "malformed");
    assert!(allocated <= (ALLOCATION_PER_BYTE_MAX * lists.len()) as u64, "{allocated}");
}

#[test]
fn the_worst_honest_claims_stay_under_the_stated_multiple() {
    let empty_texts = |count: usize| codec::encode(&vec![""; count], DOCUMENT_LEN_MAX).unwrap();
    for count in [10, 1000, 4000, 500_000, DOCUMENT_LEN_MAX / 2 + 10, DOCUMENT_LEN_MAX - 5] {
        let input = empty_texts(count);
        let (allocated, refusal) = decoded::<Texts>(&input);
        assert_eq!(refusal, None);
        assert!(allocated <= (ALLOCATION_PER_BYTE_MAX * input.len()) as u64, "{count}: {allocated}");
    }
}

#[test]
fn unmarked_types_stay_under_the_size_class() {
    // A length over the class is refused before memory is taken, one under it takes 8 times the class.
    assert_eq!(decoded::<String>(&HUGE).0, 0);
    let claim = |len: u32, total: usize| {
        let mut input = vec![0; total];
        input[0] = 252;
        input[1..5].copy_from_slice(&len.to_le_bytes());
        decoded::<String>(&input)
    };
    for (total, class) in [(4096, 4096), (65_536, 65_536), (DOCUMENT_LEN_MAX, DOCUMENT_LEN_MAX)] {
        let (allocated, refusal) = claim(u32::MAX, total);
        assert_eq!((allocated, refusal.unwrap().label()), (0, "malformed"));
        let (allocated, refusal) = claim(u32::try_from(8 * class - 8).unwrap(), total);
        assert_eq!(refusal.unwrap().label(), "malformed");
        assert!(allocated <= 8 * class as u64, "{allocated}");
    }
    let (allocated, refusal) = decoded::<Vec<u64>>(&HUGE);
    assert_eq!(refusal.unwrap().label(), "malformed");
    assert!(allocated <= 1024 * 1024, "{allocated}");
}

/// Puts a huge claim at every place of a valid encoding.
fn assert_frugal<T: Serialize + DeserializeOwned>(valid: &T, len_max: usize) {
    let encoded = codec::encode(valid, len_max).unwrap();
    for place in 0..encoded.len() {
        let input = [&encoded[..place], &HUGE, &encoded[place..]].concat();
        let mut refusal = None;
        let allocated = measure(|| refusal = codec::decode::<T>(&input, len_max).err()).bytes_max;
        assert!(allocated <= (ALLOCATION_PER_BYTE_MAX * input.len()) as u64, "place {place}: {allocated}");
    }
}

#[test]
fn no_document_believes_a_claim_at_any_place() {
    let params = Params::default();
    let class: CoverClass = params.classes[0].clone();
    assert_frugal(&params, 1000);
    assert_frugal(&class, 1000);
    let (descriptor, consensus, network) = documents();
    assert_frugal(&descriptor, DESCRIPTOR_LEN_MAX);
    assert_frugal(&consensus, DOCUMENT_LEN_MAX);
    assert_frugal(&network, 1000);
    assert_frugal(&descriptor.sign(&secret()).unwrap(), DESCRIPTOR_LEN_MAX);
    assert_frugal::<SignedConsensus>(&consensus.sign(&[&secret()]).unwrap(), DOCUMENT_LEN_MAX);
}

#[path = "documents/examples.rs"]
mod examples;

fn secret() -> sotto_protocol::ident::NodeSecret {
    examples::secret(1)
}

fn documents() -> (Descriptor, Consensus, NetworkInfo) {
    (examples::descriptor(), examples::consensus(), examples::network())
}
