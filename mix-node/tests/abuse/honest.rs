//! The honest client that is there all the time.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::{Hop, Packet, build_forward};
use sotto_transport::link::{Link, LinkWriter};
use tokio::sync::watch;

use crate::place::Place;
use crate::support::{LAYER_1, LAYER_2, World, hop, next_frame, soon};

/// Frames of the downlink that have to come each time that the client is asked whether all is well.
const COVER_FRAMES: u64 = 10;

/// A client with a session, which reads what comes down, and the mix of layer 1 that its packets go to.
pub struct Honest {
    writer: LinkWriter,
    frames: watch::Receiver<u64>,
    entry: Hop,
    layer_1: Link,
    packets: u64,
}

impl Honest {
    pub async fn join(world: &mut World) -> Self {
        let entry = world.own_hop().await;
        let layer_1 = world.layer_1.next_link().await;
        let (mut reader, writer) = Place::at("127.0.0.1").session(world, 0).await.split();
        let (frames_in, frames) = watch::channel(0);
        tokio::spawn(async move {
            while reader.next().await.is_ok() {
                frames_in.send_modify(|frames| *frames += 1);
            }
        });
        Self { writer, frames, entry, layer_1, packets: 0 }
    }

    /// A packet that nobody has sent yet.
    pub fn packet(&mut self) -> Packet {
        self.packets += 1;
        let mut rng = ChaCha20Rng::seed_from_u64(self.packets);
        let route = [self.entry, hop(LAYER_1), hop(LAYER_2)];
        build_forward(&route, &[Duration::ZERO; 3], [9; 32], b"honest", &mut rng).unwrap()
    }

    /// Expects somebody's packet to reach layer 1.
    pub async fn sees_a_packet_pass(&mut self) {
        let passed = next_frame(&mut self.layer_1).await.unwrap();
        assert!(matches!(passed, Frame::Packet(_)), "{passed:?}");
    }

    /// Expects a packet to pass and the cover to go on.
    pub async fn is_served(&mut self) {
        let packet = self.packet();
        self.writer.send(&Frame::Packet(packet)).await.expect("the connection is there");
        self.sees_a_packet_pass().await;
        let enough = *self.frames.borrow() + COVER_FRAMES;
        let came = soon(self.frames.wait_for(|frames| *frames >= enough)).await;
        assert!(came.is_ok(), "the connection is there");
    }
}
