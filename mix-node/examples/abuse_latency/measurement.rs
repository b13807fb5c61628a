//! The honest clients' packets and how long they take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::{Hop, Unwrapped};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::link::{Link, LinkWriter};

use crate::packet;
use crate::support::{LAYER_1, hop_secret};

pub const HONEST_CLIENTS: u64 = 32;
/// Within what the class of the test network allows for long.
pub const PACKET_INTERVAL: Duration = Duration::from_millis(250);
/// A packet that has not come for so long is lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// When each packet was sent, by its number, and how long those took that came.
#[derive(Default)]
pub struct Times {
    sent: HashMap<u64, Timestamp>,
    took: Vec<Duration>,
}

#[derive(Clone)]
pub struct Measurement {
    pub clock: Clock,
    pub times: Arc<Mutex<Times>>,
}

impl Measurement {
    /// Reads what reaches layer 1.
    pub async fn listen(self, mut layer_1: Link) {
        while let Ok(frame) = layer_1.next().await {
            let Frame::Packet(packet) = frame else { continue };
            let now = self.clock.now();
            let Ok(verified) = hop_secret(LAYER_1).verify(packet) else { continue };
            if let Ok(Unwrapped::Forward { delay, .. }) = verified.unwrap(Duration::MAX) {
                let mut times = self.times.lock().unwrap();
                let number = u64::try_from(delay.as_micros()).unwrap();
                if let Some(sent) = times.sent.remove(&number) {
                    times.took.push(now.since(sent));
                }
            }
        }
    }

    /// Has one client send for ever.
    pub async fn send(self, mut writer: LinkWriter, entry: Hop, client: u64) {
        let mut interval = tokio::time::interval(PACKET_INTERVAL);
        for number in (client..).step_by(usize::try_from(HONEST_CLIENTS).unwrap()) {
            let packet = packet(entry, number);
            interval.tick().await;
            self.times.lock().unwrap().sent.insert(number, self.clock.now());
            if writer.send(&Frame::Packet(packet)).await.is_err() {
                println!("    an honest client lost its connection");
                return;
            }
        }
    }

    /// Forgets what was measured so far.
    pub fn begin(&self) {
        *self.times.lock().unwrap() = Times::default();
    }

    /// Prints what was measured since the beginning.
    pub fn print(&self, name: &str, window: Duration) {
        let mut times = std::mem::take(&mut *self.times.lock().unwrap());
        let old = self.clock.now() - LOST_AFTER;
        let lost = times.sent.values().filter(|sent| **sent < old).count();
        times.took.sort_unstable();
        let ms = |of_hundred: usize| {
            let took = times.took.get(times.took.len() * of_hundred / 100);
            took.copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        println!(
            "{name:<42} {:>5} packets in {} s: p50 {:>8.2} ms, p99 {:>8.2} ms, {lost} lost",
            times.took.len(),
            window.as_secs(),
            ms(50),
            ms(99),
        );
    }
}
