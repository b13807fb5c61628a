//! Fields of a header that only its sender can set, set to what no honest sender sets them to.

use std::time::Duration;

use sotto_protocol::sphinx::{HopSecret, Packet, Refusal, Unwrapped, build_forward};

use crate::craft::change_routing;
use crate::support::{DELAY_MAX, DESTINATION, Row, label, pass, rng};

const FLAG: usize = 0;
const VERSION: usize = 1;

/// A packet at a forward hop and one at a final hop, each with that hop's key.
fn packets() -> Vec<(HopSecret, Packet)> {
    [2, 1]
        .map(|len| {
            let mut row = Row::new(len);
            let packet = row.packet(b"field", 1);
            (row.secrets.swap_remove(0), packet)
        })
        .into()
}

/// Turns the version bytes 0, 1, 4 into `version`.
fn with_version(secret: &HopSecret, packet: &Packet, version: [u8; 3]) -> Packet {
    let changes = [(VERSION, version[0]), (VERSION + 1, 1 ^ version[1]), (VERSION + 2, 4 ^ version[2])];
    change_routing(secret, packet, &changes)
}

#[test]
fn a_header_changed_by_its_maker_to_the_same_values_is_accepted() {
    for (secret, packet) in packets() {
        assert!(pass(&secret, with_version(&secret, &packet, [0, 1, 4])).is_ok());
    }
}

#[test]
fn wrong_version_is_refused() {
    for (secret, packet) in packets() {
        for version in [0, 1, 256, 257, 258, 259, 261, 516, u16::MAX] {
            let [high, low] = version.to_be_bytes();
            let refusal = pass(&secret, with_version(&secret, &packet, [0, high, low])).unwrap_err();
            assert_eq!(refusal, Refusal::Version { got: version });
            assert_eq!(refusal.label(), "version");
        }
    }
}

#[test]
fn malformed_version_byte_is_refused_and_panics_nobody() {
    for (secret, packet) in packets() {
        for version in [[1, 0, 0], [7, 1, 3], [0x80, 4, 1], [0xff, 0xff, 0xff]] {
            assert_eq!(label(pass(&secret, with_version(&secret, &packet, version))), "version");
        }
    }
}

/// The crate gives no way to see this byte; the module's documentation says so. It must change nothing.
#[test]
fn a_first_version_byte_other_than_zero_passes_and_changes_nothing() {
    let row = Row::new(2);
    let packet = with_version(&row.secrets[0], &row.packet(b"field", 1), [0xff, 1, 4]);
    assert_eq!(row.travel(packet).payload.into_text().unwrap(), b"field");
}

#[test]
fn an_unknown_routing_flag_is_refused() {
    for (secret, packet) in packets() {
        for mask in [4, 0x80, 0xfc] {
            assert_eq!(
                label(pass(&secret, change_routing(&secret, &packet, &[(FLAG, mask)]))),
                "routing-info"
            );
        }
    }
}

#[test]
fn a_delay_beyond_the_maximum_is_clamped_and_said_to_be() {
    let row = Row::new(2);
    for (asked, clamped) in [
        (DELAY_MAX - Duration::from_nanos(1), false),
        (DELAY_MAX, false),
        (DELAY_MAX + Duration::from_nanos(1), true),
        (Duration::from_nanos(u64::MAX), true),
        (Duration::MAX, true),
    ] {
        let packet = build_forward(&row.hops, &[asked, asked], DESTINATION, b"", &mut rng(2)).unwrap();
        let Unwrapped::Forward { delay, delay_clamped, .. } = pass(&row.secrets[0], packet).unwrap() else {
            panic!("the first of two hops forwards");
        };
        assert_eq!((delay, delay_clamped), (asked.min(DELAY_MAX), clamped));
    }
}
