//! What the session layer and the vault do, each beside the bare primitives that it needs: the same calls of the
//! same crates on the same lengths, and nothing else.
//!
//! Used by the benchmark `session` and by the example `session_overhead`. How often something is measured, and
//! what becomes of the figures, is not decided here.

mod bare;
mod envelopes;
mod exchange;
mod handshake;
mod unlock;

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sotto_client::session::{
    Bundle, IdentitySecret, Initiated, KemPolicy, Occasion, Offer, Responded, STACK_WIPED_DEEP_LEN,
    STACK_WIPED_LEN, initiate,
};
use sotto_protocol::time::Timestamp;

/// That of the program `sotto`, which wipes what is freed; both sides run with it.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

const SEED: u64 = 44;
const PSK: [u8; 32] = [7; 32];
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
/// So many inputs are made before the clock is started, at most: they fit into the first cache.
const BATCH: u64 = 16;
/// Every KEM message is due at once.
const EAGER: KemPolicy =
    KemPolicy { interval_min: Duration::ZERO, messages: 0, retry: Duration::from_secs(3600) };

/// Runs something so many times and says how long that took, without making its inputs and dropping inputs and outcomes.
pub type Side = Box<dyn FnMut(u64) -> Duration>;

/// One row of the comparison.
pub struct Pair {
    /// What is done.
    pub name: &'static str,
    /// What the bare side calls.
    pub primitives: &'static str,
    /// How it is done in Sotto.
    pub whole: Side,
    /// Its primitives.
    pub bare: Side,
}

/// Every pair whose sides take microseconds.
pub fn session() -> Vec<Pair> {
    [handshake::pairs(), envelopes::pairs(), exchange::pairs()].into_iter().flatten().collect()
}

/// Opening a vault; its sides take a good part of a second.
pub fn unlock() -> Pair {
    unlock::pair()
}

/// What of the whole sides is wiping of the stack, once: after every operation, and after each X25519 and ML-KEM.
pub fn wiping() -> [(&'static str, Side); 2] {
    [
        ("after every operation", side(BATCH, || (), |()| wipe::<STACK_WIPED_LEN>())),
        ("after each X25519 and ML-KEM operation", side(BATCH, || (), |()| wipe::<STACK_WIPED_DEEP_LEN>())),
    ]
}

#[inline(never)]
fn wipe<const LEN: usize>() {
    black_box(&mut [0u8; LEN]);
}

fn side<I, O>(
    batch: u64,
    mut prepare: impl FnMut() -> I + 'static,
    mut run: impl FnMut(I) -> O + 'static,
) -> Side {
    Box::new(move |runs| {
        let mut elapsed = Duration::ZERO;
        let mut left = runs;
        while left > 0 {
            let count = left.min(batch);
            let inputs: Vec<I> = (0..count).map(|_| prepare()).collect();
            let mut outcomes: Vec<O> = Vec::with_capacity(inputs.len());
            let start = Instant::now();
            for input in inputs {
                outcomes.push(run(black_box(input)));
            }
            elapsed += start.elapsed();
            drop(black_box(outcomes));
            left -= count;
        }
        elapsed
    })
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(SEED)
}

/// Both sides after a handshake: it is the responder's turn.
fn people(policy: KemPolicy) -> (Initiated, Responded) {
    let mut rng = rng();
    let offer = Offer::new(IdentitySecret::generate(&mut rng), &mut rng);
    let joiner = IdentitySecret::generate(&mut rng);
    let bundle = Bundle::parse(Occasion::Invitation, &offer.bundle(Occasion::Invitation)).unwrap();
    let initiated = initiate(&bundle, &joiner, &PSK, b"hello", policy, NOW, &mut rng).unwrap();
    let responded = offer.respond(Occasion::Invitation, &PSK, &initiated.answer, policy, NOW).unwrap();
    (initiated, responded)
}
