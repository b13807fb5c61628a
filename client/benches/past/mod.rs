//! A profile with many messages, in a vault on the disk, and what people do with it.
//!
//! Used by the benchmark `history` and by the example `history_speed`. How often something is measured, and what
//! becomes of the figures, is not decided here.

mod texts;

use std::path::{Path, PathBuf};

use rand::SeedableRng as _;
use rand::rngs::SysRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use sotto_client::core::{Direction, Engine, EngineSettings};
use sotto_client::shell::service::{Call, answer};
use sotto_client::vault::{ARGON2_MIB_MIN, Argon2Cost, Credentials, Passphrase, Vault};
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use texts::Writer;

/// That of the program `sotto`, which wipes what is freed.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// Messages of the profile, and conversations that they belong to.
pub const MESSAGES: usize = 50_000;
pub const CONVERSATIONS: usize = 20;
/// A word of every third message or so in the Latin script, one of three messages of all, and two of none.
const COMMON: &str = "The";
const RARE: &str = "Rendezvous";
const NOWHERE: &str = "xylophone";
const NOWHERE_OTHER: &str = "ксилофон";
/// Messages that go into the vault at once while it is made.
const BATCH: usize = 100;
const SEED: u64 = 50;
const PASSPHRASE: &[u8] = b"correct horse battery staple";
/// The last message was written at this moment, and one each seven minutes before it.
const NOW_MS: u64 = 1_777_638_896_000;
const STEP_MS: u64 = 7 * 60 * 1000;
const MONTH_MS: u64 = 30 * 24 * 3600 * 1000;

/// The engine over the vault.
pub type Opened = Engine<Vault<ChaCha20Rng>>;

/// A profile's vault, with the least cost of Argon2id that there can be.
pub struct Profile {
    path: PathBuf,
}

/// What was written into a profile.
pub struct Made {
    /// Bytes of all texts.
    pub text_len: usize,
    /// Messages of the longest conversation.
    pub longest: usize,
}

impl Profile {
    /// The one in this directory.
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join("vault.redb") }
    }

    /// Makes one in this directory.
    pub fn make(directory: &Path) -> (Self, Made) {
        let (profile, mut made) = (Self::of(directory), Made { text_len: 0, longest: 0 });
        let cost = cost();
        drop(Vault::create(&profile.path, &mut credentials(), cost, rng()).unwrap());
        let (mut engine, mut rng) = (profile.engine(profile.vault()), rng());
        for number in 0..CONVERSATIONS {
            call(&mut engine, "invite", &json!({ "name": name(number) }));
        }
        let mut conversations: Vec<Vec<(Direction, Timestamp, String)>> = vec![Vec::new(); CONVERSATIONS];
        let mut writer = Writer::new(SEED);
        for number in 0..MESSAGES {
            let conversation = writer.conversation(CONVERSATIONS);
            let mut text = writer.text(conversation, CONVERSATIONS);
            if number % (MESSAGES / 3) == 7 {
                text.push(' ');
                text.push_str(RARE);
            }
            made.text_len += text.len();
            let direction = if number % 2 == 0 { Direction::In } else { Direction::Out };
            let at_ms = NOW_MS - STEP_MS * (MESSAGES - number) as u64;
            conversations[conversation].push((direction, Timestamp::from_millis(at_ms), text));
        }
        made.longest = conversations.iter().map(Vec::len).max().unwrap();
        for (number, texts) in conversations.into_iter().enumerate() {
            let mut texts = texts.into_iter().peekable();
            while texts.peek().is_some() {
                let batch: Vec<_> = texts.by_ref().take(BATCH).collect();
                engine.fill_conversation(now(), &name(number), batch, &mut rng).unwrap();
            }
        }
        (profile, made)
    }

    /// Bytes of the vault's file.
    pub fn vault_len(&self) -> u64 {
        std::fs::metadata(&self.path).unwrap().len()
    }

    /// Unlocks the vault.
    pub fn vault(&self) -> Vault<ChaCha20Rng> {
        Vault::open(&self.path, &mut credentials(), rng()).unwrap()
    }

    /// Reads everything that is in it.
    pub fn engine(&self, vault: Vault<ChaCha20Rng>) -> Opened {
        Engine::open(vault, EngineSettings::new("standard"), now(), &mut rng()).unwrap()
    }
}

/// The cost of a guess, which is none of what is measured here but a part of opening.
pub fn cost() -> Argon2Cost {
    Argon2Cost::with_mib(ARGON2_MIB_MIN).unwrap()
}

/// What somebody does, once each time that it is called. It gives how many messages it has shown.
pub struct Deed {
    pub name: &'static str,
    pub run: Box<dyn FnMut(&mut Opened) -> usize>,
}

/// Everything that is measured on an open profile, answers as the daemon gives them included.
pub fn deeds() -> Vec<Deed> {
    let mut place = Value::Null;
    let mut sent = 0u64;
    vec![
        deed("list the conversations", |engine| {
            call(engine, "contacts", &json!({})).as_array().unwrap().len()
        }),
        deed("open the longest conversation, 50 messages", |engine| {
            page(engine, &json!({ "contact": name(0) })).0
        }),
        deed("turn a page of it, 50 messages", move |engine| {
            let (count, next) = page(engine, &json!({ "contact": name(0), "before": place }));
            place = next;
            count
        }),
        deed("the newest 50 of all conversations", |engine| page(engine, &json!({})).0),
        deed("50 of a month two months ago", |engine| {
            let to_ms = NOW_MS - 2 * MONTH_MS;
            page(engine, &json!({ "from_ms": to_ms - MONTH_MS, "to_ms": to_ms })).0
        }),
        deed("search a common word, 50 messages", |engine| page(engine, &json!({ "text": COMMON })).0),
        deed("search a rare word in all", |engine| all(engine, json!({ "text": RARE }))),
        deed("search a rare word in the longest conversation", |engine| {
            all(engine, json!({ "text": RARE, "contact": name(0) }))
        }),
        deed("search a word that is nowhere", |engine| all(engine, json!({ "text": NOWHERE }))),
        deed("the same, a word in Cyrillic", |engine| all(engine, json!({ "text": NOWHERE_OTHER }))),
        deed("send a message, durable", move |engine| {
            sent += 1;
            call(engine, "send", &json!({ "contact": name(1), "text": format!("message {sent}") }));
            1
        }),
    ]
}

fn deed(name: &'static str, run: impl FnMut(&mut Opened) -> usize + 'static) -> Deed {
    Deed { name, run: Box::new(run) }
}

/// How many messages one page has, and where it goes on.
fn page(engine: &mut Opened, question: &Value) -> (usize, Value) {
    let mut page = call(engine, "history", question);
    (page["messages"].as_array().unwrap().len(), page["next"].take())
}

/// How many messages all pages have.
fn all(engine: &mut Opened, mut question: Value) -> usize {
    let mut count = 0;
    loop {
        let (more, next) = page(engine, &question);
        count += more;
        if next.is_null() {
            return count;
        }
        question["before"] = next;
    }
}

/// Asks as a line of the daemon's socket does, and gives what its answer says.
fn call(engine: &mut Opened, method: &str, params: &Value) -> Value {
    let call = Call::parse(method, params).unwrap();
    let answer = answer(engine, &call, now(), &mut rng()).unwrap();
    std::hint::black_box(answer.to_string());
    answer
}

fn name(number: usize) -> String {
    format!("Contact {number}")
}

fn now() -> Timestamp {
    Timestamp::from_millis(NOW_MS)
}

fn credentials() -> Credentials {
    Passphrase::new(Zeroizing::new(PASSPHRASE.to_vec())).unwrap().into()
}

/// Keys of the vault must not be the same twice, so this one is not seeded.
fn rng() -> ChaCha20Rng {
    ChaCha20Rng::try_from_rng(&mut SysRng).unwrap()
}
