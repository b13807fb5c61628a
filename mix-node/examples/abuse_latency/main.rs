//! What attacks on an entry do to the packets of honest clients:
//! `cargo run --release -p sotto-mix-node --no-default-features --example abuse_latency`; with a number, so many seconds for each; with a
//! word after that, only the attacks whose name has it.
//!
//! A real entry on loopback, 32 honest clients with a session each, and the time from handing a packet without delay to the
//! client's link until it is read at layer 1. The attackers are a process of their own, but on the same cores: what they themselves
//! compute is in the figures, so these say more than an attack from elsewhere would do.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "an example prints what it has found, and uses what the tests use"
)]

mod attack;
mod measurement;
#[path = "../../tests/abuse/place.rs"]
mod place;
#[path = "../../tests/shell/support.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::sphinx::{Hop, Packet, build_forward};
use sotto_transport::clock::Clock;

use attack::{Attack, Target};
use measurement::{HONEST_CLIENTS, Measurement, PACKET_INTERVAL};
use place::Place;
use support::{LAYER_1, LAYER_2, World, hop};

/// How long the entry rests between two attacks: addresses have their burst back by then.
const REST: Duration = Duration::from_secs(5);

/// A packet whose delay at layer 1, in microseconds, is its number.
fn packet(entry: Hop, number: u64) -> Packet {
    let mut rng = ChaCha20Rng::seed_from_u64(number);
    let route = [entry, hop(LAYER_1), hop(LAYER_2)];
    let delays = [Duration::ZERO, Duration::from_micros(number), Duration::ZERO];
    build_forward(&route, &delays, [9; 32], b"", &mut rng).unwrap()
}

#[tokio::main]
async fn main() {
    let argument = std::env::args().nth(1);
    if let Some(target) = argument.as_deref().and_then(Target::from_argument) {
        return target.attack().await;
    }
    let window = Duration::from_secs(argument.and_then(|number| number.parse().ok()).unwrap_or(10));
    let word = std::env::args().nth(2).unwrap_or_default();
    let mut world = World::entry().await;
    let entry = world.own_hop().await;
    let layer_1 = world.layer_1.next_link().await;
    let measurement = Measurement { clock: Clock::system(), times: Arc::default() };
    tokio::spawn(measurement.clone().listen(layer_1));
    for client in 0..HONEST_CLIENTS {
        let (mut reader, writer) = Place::at("127.0.0.1").session(&world, 0).await.split();
        tokio::spawn(async move { while reader.next().await.is_ok() {} });
        // Spread over the interval, as honest clients are.
        tokio::time::sleep(PACKET_INTERVAL / u32::try_from(HONEST_CLIENTS).unwrap()).await;
        // The number 0 is the attackers'.
        tokio::spawn(measurement.clone().send(writer, entry, client + 1));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    measurement.begin();
    tokio::time::sleep(window).await;
    measurement.print("nobody attacks", window);
    for attack in Attack::ALL.into_iter().filter(|attack| attack.name().contains(&word)) {
        let before = world.status().await.member.link_failures;
        let target = Target { attack, address: world.address(), entry };
        let mut attackers = target.start();
        // Until the process is there.
        tokio::time::sleep(Duration::from_millis(500)).await;
        measurement.begin();
        tokio::time::sleep(window).await;
        measurement.print(attack.name(), window);
        attackers.kill().await.unwrap();
        let status = world.status().await;
        let counted = status.member.link_failures.into_iter().filter_map(|(label, count)| {
            let new = count - before.get(&label).copied().unwrap_or_default();
            (new > 0).then(|| format!("{new} {label}"))
        });
        println!("    {}", counted.collect::<Vec<_>>().join(", "));
        measurement.begin();
        tokio::time::sleep(REST).await;
        measurement.print("    afterwards", REST);
    }
}
