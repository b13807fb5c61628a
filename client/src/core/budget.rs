//! What cover traffic costs a day, in bytes of TLS records.
//!
//! Everything that a client of a class sends and gets follows from the consensus: one frame a tick, each one record of
//! one size, up and down, and the consensus itself once an epoch. TCP and IP headers, and what Tor adds, are below the
//! links and are not counted; neither are the links that are made anew after a failure.

use serde::{Deserialize, Serialize};
use sotto_protocol::codec;
use sotto_protocol::directory::{Consensus, CoverClass};
use sotto_protocol::frame::PART_BYTES_MAX;
use sotto_protocol::limits::{DOCUMENT_LEN_MAX, FRAME_LEN};

const DAY_MS: u64 = 24 * 3600 * 1000;
/// What TLS adds to a frame: header (5), content type (1), tag (16).
const RECORD_OVERHEAD_LEN: u64 = 5 + 1 + 16;
/// One frame as a TLS record.
pub(crate) const FRAME_BYTES: u64 = FRAME_LEN as u64 + RECORD_OVERHEAD_LEN;
/// What the handshake of a link takes, as a client makes it: names, keys and algorithms of fixed lengths.
pub(crate) const HANDSHAKE: Volume = Volume { up_bytes: 1476, down_bytes: 1469 };
/// By so much a consensus under one signature is longer than its encoding, up to 64 KiB; two bytes more beyond. Each
/// further signature adds 97: none of this makes more than a frame of difference.
const SIGNATURE_LEN: usize = 102;

/// Bytes in both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Volume {
    /// From this device to the network.
    pub up_bytes: u64,
    /// From the network to this device.
    pub down_bytes: u64,
}

impl Volume {
    const fn scaled(self, factor: u64, divisor: u64) -> Self {
        Self {
            up_bytes: scaled(self.up_bytes, factor, divisor),
            down_bytes: scaled(self.down_bytes, factor, divisor),
        }
    }
}

/// What a session at an entry takes a day, on route `mix` or `tor+mix`, whether its user is active or not.
pub(crate) const fn session_per_day(class: &CoverClass) -> Volume {
    let up = [class.payload_interval_ms_mean, class.loop_interval_ms_mean, class.drop_interval_ms_mean];
    let [payload, looped, dropped] = up;
    Volume {
        up_bytes: frames_per_day(payload)
            .saturating_add(frames_per_day(looped))
            .saturating_add(frames_per_day(dropped)),
        down_bytes: frames_per_day(class.downlink_interval_ms_mean),
    }
}

/// The most that the packets of route `tor` and their answers take a day: those of a client that has something to ask,
/// to send or to pretend at every tick. Handshakes of circuits come on top.
pub(crate) const fn circuits_per_day_max(class: &CoverClass) -> Volume {
    let each_way = frames_per_day(class.payload_interval_ms_mean);
    Volume { up_bytes: each_way, down_bytes: each_way }
}

/// What fetching the consensus once an epoch takes a day, by a link of its own each time.
pub(crate) fn consensus_per_day(consensus: &Consensus) -> Volume {
    let fetch = consensus_fetch(document_len(consensus));
    fetch.scaled(DAY_MS, u64::from(consensus.params.epoch_s.max(1)).saturating_mul(1000))
}

/// One fetch of a document of so many bytes: a handshake, the question, the pieces.
fn consensus_fetch(len: usize) -> Volume {
    let pieces = u64::try_from(len.div_ceil(PART_BYTES_MAX)).unwrap_or(u64::MAX);
    Volume {
        up_bytes: HANDSHAKE.up_bytes.saturating_add(FRAME_BYTES),
        down_bytes: HANDSHAKE.down_bytes.saturating_add(FRAME_BYTES.saturating_mul(pieces)),
    }
}

/// The length of the consensus under one signature. One that came over a link can be written again.
fn document_len(consensus: &Consensus) -> usize {
    let body = codec::encode(consensus, DOCUMENT_LEN_MAX).map_or(DOCUMENT_LEN_MAX, |bytes| bytes.len());
    body.saturating_add(SIGNATURE_LEN)
}

const fn frames_per_day(interval_ms_mean: u32) -> u64 {
    let interval_ms = if interval_ms_mean == 0 { 1 } else { interval_ms_mean };
    scaled(FRAME_BYTES, DAY_MS, interval_ms as u64)
}

const fn scaled(bytes: u64, factor: u64, divisor: u64) -> u64 {
    bytes.saturating_mul(factor).saturating_add(divisor / 2) / divisor
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use sotto_protocol::directory::{ConsensusNode, EpochKey, Params, Place, epoch_start};
    use sotto_protocol::frame::{DocumentKind, split_document};
    use sotto_protocol::ident::NodeSecret;
    use sotto_protocol::sphinx::HopSecret;
    use zeroize::Zeroizing;

    use super::*;

    fn class(payload: u32, looped: u32, dropped: u32, downlink: u32) -> CoverClass {
        CoverClass {
            name: "test".into(),
            payload_interval_ms_mean: payload,
            loop_interval_ms_mean: looped,
            drop_interval_ms_mean: dropped,
            downlink_interval_ms_mean: downlink,
        }
    }

    /// A consensus that an authority signs, with so many nodes in each place.
    fn consensus(per_place: u8, epoch_s: u32) -> Consensus {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let layers = (1..=3).map(|layer| Place::Mix { layer });
        let places = [Place::Entry, Place::Mailbox].into_iter().chain(layers);
        let mut nodes: Vec<ConsensusNode> = places
            .flat_map(|place| (0..per_place).map(move |_| place))
            .zip(1..)
            .map(|(place, number)| ConsensusNode {
                node: secret(number).id(),
                place,
                address: format!("192.0.2.{number}:4774"),
                onion_address: None,
                hop_keys: [7, 8]
                    .map(|epoch| EpochKey { epoch, key: HopSecret::generate(&mut rng).public() })
                    .to_vec(),
            })
            .collect();
        nodes.sort_unstable_by_key(|node| node.node);
        Consensus {
            network: "test".into(),
            epoch: 7,
            valid_after: epoch_start(7, epoch_s),
            valid_until: epoch_start(8, epoch_s),
            randomness: [0; 32],
            params: Params { epoch_s, grace_s: epoch_s, ..Params::default() },
            nodes,
        }
    }

    fn secret(number: u8) -> NodeSecret {
        NodeSecret::from_seed(&Zeroizing::new([number; 32]))
    }

    #[test]
    fn a_session_costs_one_record_a_tick() {
        // 1 + 1/5 + 1/5 packets a second up and 2 frames a second down, of 2,422 bytes, for 86,400 s.
        assert_eq!(
            session_per_day(&class(1000, 5000, 5000, 500)),
            Volume { up_bytes: 120_960 * 2_422, down_bytes: 172_800 * 2_422 }
        );
        // Rates add up and halve with intervals that double.
        let (slow, fast) =
            (session_per_day(&class(800, 400, 200, 100)), session_per_day(&class(400, 200, 100, 50)));
        assert_eq!((slow.up_bytes * 2, slow.down_bytes * 2), (fast.up_bytes, fast.down_bytes));
        assert_eq!(slow.up_bytes, 86_400_000 * 7 / 800 * 2_422);
    }

    #[test]
    fn circuits_cost_a_packet_and_an_answer_at_each_payload_tick_and_no_loops_or_drops() {
        let each_way = 86_400 / 2 * 2_422;
        let same = [class(2000, 1, 1, 1), class(2000, 9000, 9000, 900)];
        let expected = Volume { up_bytes: each_way, down_bytes: each_way };
        assert_eq!(same.map(|class| circuits_per_day_max(&class)), [expected; 2]);
    }

    #[test]
    fn the_consensus_costs_a_link_and_its_pieces_each_epoch() {
        for per_place in [1, 2, 9, 40] {
            let consensus = consensus(per_place, 3600);
            let signed = consensus.sign(&[&secret(200)]).unwrap().to_bytes().unwrap();
            assert_eq!(document_len(&consensus), signed.len());
            let pieces =
                u64::try_from(split_document(DocumentKind::Consensus, &signed).unwrap().len()).unwrap();
            assert_eq!(
                consensus_per_day(&consensus),
                Volume { up_bytes: 24 * (1_476 + 2_422), down_bytes: 24 * (1_469 + pieces * 2_422) }
            );
        }
        let often = consensus_per_day(&consensus(2, 60));
        assert_eq!(often.up_bytes, consensus_per_day(&consensus(2, 3600)).up_bytes * 60);
    }

    #[test]
    fn parameters_that_no_authority_signs_break_nothing() {
        let zero = session_per_day(&class(0, 0, 0, 0));
        assert_eq!(zero.down_bytes, 86_400_000 * 2_422);
        assert!(
            consensus_per_day(&Consensus {
                params: Params { epoch_s: 0, ..Params::default() },
                ..consensus(1, 10)
            })
            .up_bytes
                > 0
        );
    }
}
