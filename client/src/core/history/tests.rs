//! Pages against a list that is filtered and sorted anew for each question.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::time::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::core::contact::{Contact, Side};
use crate::core::id::{ContactId, MessageId};
use crate::core::letter::Content;
use crate::core::limits::TEXT_LEN_MAX;
use crate::core::link::Link;
use crate::core::message::{Body, MessageState, Notice};
use crate::core::{EngineSettings, MessageKind};
use crate::store::MemoryStore;

const NAMES: [&str; 3] = ["Alice", "Bob", "Carol"];

/// A message as the list knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Known {
    contact: usize,
    seq: u64,
    at_ms: u64,
    is_received: bool,
    text: String,
}

/// An engine, and a plain list of all that is in it.
struct Desk {
    engine: Engine<MemoryStore>,
    list: BTreeMap<MessageId, Known>,
    made: u8,
}

impl Desk {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let settings = EngineSettings::new("standard");
        let now = Timestamp::from_millis(1_777_638_896_000);
        let mut engine = Engine::open(MemoryStore::new(), settings, now, &mut rng).unwrap();
        for (number, name) in (0..).zip(NAMES) {
            let contact = Contact::new(id_of(number), name, Side::Inviter, [0; 16], Timestamp::NEVER);
            engine.book.people.insert(contact.id, Person::new(contact, Link::Closed));
        }
        Self { engine, list: BTreeMap::new(), made: 0 }
    }

    fn keep(&mut self, contact: usize, at_ms: u64, is_received: bool, body: Body) -> MessageId {
        self.made += 1;
        let mut id = [0; 16];
        id[0] = self.made;
        let (id, person) = (MessageId::from_bytes(id), self.engine.book.named(NAMES[contact]).unwrap());
        let (direction, state) = match is_received {
            true => (Direction::In, MessageState::Received),
            false => (Direction::Out, MessageState::Stored),
        };
        let seq = person.next_seq();
        let mut message = Message::local(id, person.contact.id, seq, at_ms, body);
        (message.direction, message.state) = (direction, state);
        let text = searchable(&message).unwrap_or_default().to_owned();
        self.engine.book.keep_message(message).unwrap();
        self.list.insert(id, Known { contact, seq, at_ms, is_received, text });
        id
    }

    fn text(&mut self, contact: usize, at_ms: u64, text: &str) -> MessageId {
        self.keep(contact, at_ms, true, Body::Letter(Content::Text(text.to_owned())))
    }

    fn page(&self, query: &HistoryQuery) -> HistoryPage {
        self.engine.history(query).unwrap()
    }

    fn refusal(&self, query: &HistoryQuery) -> &'static str {
        self.engine.history(query).unwrap_err().label()
    }

    /// The numbers of messages on all pages from here on.
    fn seqs(&self, query: &HistoryQuery) -> Vec<u64> {
        self.all(query).iter().map(|row| row.message.seq).collect()
    }

    fn all(&self, query: &HistoryQuery) -> Vec<HistoryRow> {
        let (mut query, mut rows) = (query.clone(), Vec::new());
        loop {
            let page = self.page(&query);
            rows.extend(page.messages);
            let Some(next) = page.next else { return rows };
            query.start = follow(query.start, next);
        }
    }

    /// What matches, in the order of the place that a page is read by.
    fn matching(&self, query: &HistoryQuery) -> BTreeSet<(Vec<u64>, MessageId)> {
        let matches = |known: &&Known| {
            query.contact.as_deref().is_none_or(|name| name == NAMES[known.contact])
                && query.text.as_deref().is_none_or(|text| naive(&known.text).contains(&naive(text)))
                && query.from_ms.is_none_or(|from_ms| known.at_ms >= from_ms)
                && query.to_ms.is_none_or(|to_ms| known.at_ms < to_ms)
                && query.direction.is_none_or(|wanted| (wanted == Direction::In) == known.is_received)
        };
        let place = |known: &Known| match query.contact {
            Some(_) => vec![known.seq],
            None => vec![known.at_ms, known.contact as u64, known.seq],
        };
        let known = self.list.iter().filter(|(_, known)| matches(known));
        known.map(|(id, known)| (place(known), *id)).collect()
    }
}

fn id_of(number: usize) -> ContactId {
    ContactId::from_bytes([u8::try_from(number).unwrap() + 1; 16])
}

const fn follow(start: PageStart, next: Cursor) -> PageStart {
    match start {
        PageStart::After(_) => PageStart::After(next),
        PageStart::Newest | PageStart::Before(_) => PageStart::Before(next),
    }
}

/// As the text is defined to be compared, one iterator after the other.
fn naive(text: &str) -> String {
    let lower: String = text.nfkc().collect::<String>().chars().flat_map(char::to_lowercase).collect();
    lower.replace('ς', "σ").nfc().collect()
}

fn of(contact: &str) -> HistoryQuery {
    HistoryQuery { contact: Some(contact.into()), ..HistoryQuery::default() }
}

fn searching(text: &str) -> HistoryQuery {
    HistoryQuery { text: Some(text.into()), ..HistoryQuery::default() }
}

#[test]
fn a_conversation_is_read_in_its_own_order_though_the_clock_was_set_back() {
    let mut desk = Desk::new();
    for (at_ms, text) in [(50, "one"), (60, "two"), (10, "three"), (20, "four")] {
        desk.text(0, at_ms, text);
    }
    desk.text(1, 15, "elsewhere");
    assert_eq!(desk.seqs(&HistoryQuery { limit: Some(1), ..of("Alice") }), [4, 3, 2, 1]);
    let page = desk.page(&HistoryQuery { limit: Some(2), ..of("Alice") });
    let forwards = HistoryQuery { start: PageStart::After(page.next.unwrap()), ..of("Alice") };
    assert_eq!(desk.seqs(&forwards), [4]);
    let times: Vec<u64> = desk.all(&HistoryQuery::default()).iter().map(|row| row.message.at_ms).collect();
    assert_eq!(times, [60, 50, 20, 15, 10], "of all, by time");
}

#[test]
fn the_end_is_said_in_both_directions() {
    let mut desk = Desk::new();
    assert_eq!(desk.page(&HistoryQuery::default()), HistoryPage { messages: Vec::new(), next: None });
    for at_ms in 1..=4 {
        desk.text(0, at_ms, "text");
    }
    for query in [of("Alice"), HistoryQuery::default()] {
        let whole = desk.page(&HistoryQuery { limit: Some(4), ..query.clone() });
        assert_eq!((whole.messages.len(), whole.next), (4, None));
        let (newest, oldest) = (whole.messages[0].cursor, whole.messages[3].cursor);
        for start in [PageStart::After(newest), PageStart::Before(oldest)] {
            let beyond = desk.page(&HistoryQuery { start, ..query.clone() });
            assert_eq!((beyond.messages.len(), beyond.next), (0, None), "{start:?}");
        }
        let page = desk.page(&HistoryQuery { limit: Some(3), ..query.clone() });
        assert_eq!(page.next, Some(whole.messages[2].cursor));
    }
}

#[test]
fn a_question_that_is_none_is_refused_by_name() {
    let mut desk = Desk::new();
    let mine = desk.text(0, 1, "text");
    let cursor = desk.page(&of("Alice")).messages[0].cursor;
    assert_eq!(desk.refusal(&of("Nobody")), "contact-unknown");
    for limit in [0, HISTORY_PAGE_MAX + 1, usize::MAX] {
        let query = HistoryQuery { limit: Some(limit), ..HistoryQuery::default() };
        assert_eq!(desk.refusal(&query), "history-limit");
    }
    assert_eq!(desk.refusal(&searching("")), "search-length");
    assert_eq!(desk.refusal(&searching(&"x".repeat(SEARCH_LEN_MAX + 1))), "search-length");
    assert!(desk.page(&searching(&"x".repeat(SEARCH_LEN_MAX))).messages.is_empty());
    for start in [PageStart::Before(cursor), PageStart::After(cursor)] {
        assert_eq!(desk.refusal(&HistoryQuery { start, ..of("Bob") }), "cursor-foreign");
        assert!(desk.page(&HistoryQuery { start, ..of("Alice") }).messages.is_empty());
        assert!(desk.page(&HistoryQuery { start, ..HistoryQuery::default() }).messages.is_empty());
    }
    desk.engine.book.drop_message(&mine);
    let later = HistoryQuery { start: PageStart::Before(cursor), ..of("Alice") };
    assert_eq!(desk.page(&later).next, None, "a cursor outlives its message");
}

#[test]
fn spans_of_time_take_their_beginning_and_leave_their_end() {
    let mut desk = Desk::new();
    for at_ms in [10, 20, 20, 30] {
        desk.text(0, at_ms, "text");
    }
    for query in [of("Alice"), HistoryQuery::default()] {
        let span = |from_ms, to_ms| desk.seqs(&HistoryQuery { from_ms, to_ms, ..query.clone() });
        assert_eq!(span(Some(20), None), [4, 3, 2]);
        assert_eq!(span(None, Some(20)), [1]);
        assert_eq!(span(Some(20), Some(30)), [3, 2]);
        assert_eq!(span(Some(30), Some(20)), [0; 0]);
        assert_eq!(span(Some(20), Some(20)), [0; 0]);
        assert_eq!(span(Some(u64::MAX), Some(u64::MAX)), [0; 0]);
        assert_eq!(span(Some(0), Some(u64::MAX)), [4, 3, 2, 1]);
    }
}

#[test]
fn notices_and_unknown_kinds_are_shown_and_never_found() {
    let mut desk = Desk::new();
    desk.keep(0, 1, true, Body::Notice(Notice::Renewed));
    desk.keep(0, 2, true, Body::Unknown { kind: 9, bytes: b"kind session".to_vec() });
    desk.keep(0, 3, true, Body::Request("the session of yesterday".into()));
    let kinds: Vec<MessageKind> = desk.all(&of("Alice")).iter().map(|row| row.message.kind).collect();
    assert_eq!(kinds, [MessageKind::Text, MessageKind::Unknown, MessageKind::Notice]);
    assert_eq!(desk.seqs(&searching("session")), [3]);
    assert_eq!(desk.seqs(&searching("kind")), [0; 0]);
}

#[test]
fn nothing_is_marked_as_seen() {
    let mut desk = Desk::new();
    desk.text(0, 1, "text");
    let before = desk.engine.contacts();
    assert_eq!(before[0].unread, 1);
    assert_eq!(desk.all(&of("Alice")).len() + desk.all(&searching("TEXT")).len(), 2);
    assert_eq!(desk.engine.contacts(), before);
}

#[test]
fn a_page_of_long_texts_ends_early_and_loses_none() {
    let mut desk = Desk::new();
    for at_ms in 0..9 {
        desk.text(0, at_ms, &"x".repeat(TEXT_LEN_MAX));
    }
    let page = desk.page(&of("Alice"));
    assert_eq!((page.messages.len(), page.next.is_some()), (HISTORY_TEXT_LEN_MAX / TEXT_LEN_MAX, true));
    assert_eq!(desk.seqs(&of("Alice")), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_search_that_may_look_no_further_goes_on_from_where_it_was() {
    let mut desk = Desk::new();
    desk.text(1, 0, "what is looked for");
    // The dearest text that a peer can write: every character depends on those beside it.
    let dear = "e".to_owned() + &"\u{301}\u{323}".repeat((TEXT_LEN_MAX - 1) / 4);
    for at_ms in 1..=30 {
        desk.text(1, at_ms, &dear);
    }
    let (mut query, mut pages) = (HistoryQuery { contact: Some("Bob".into()), ..searching("looked") }, 0);
    let found = loop {
        let page = desk.page(&query);
        pages += 1;
        match (page.messages.as_slice(), page.next) {
            ([row], None) => break row.message.text.clone(),
            ([], Some(next)) => query.start = follow(query.start, next),
            _ => panic!("{page:?}"),
        }
    };
    assert_eq!(found, "what is looked for");
    let work = u64::try_from(30 * dear.len()).unwrap() * 68;
    assert_eq!(pages, work.div_ceil(HISTORY_WORK_MAX), "neither more is looked at in a page nor less");
}

#[test]
fn hostile_questions_are_texts_like_any_other() {
    let mut desk = Desk::new();
    let flood = "a".repeat(TEXT_LEN_MAX);
    desk.text(0, 1, &flood);
    desk.text(0, 2, &format!("{}b", "a".repeat(TEXT_LEN_MAX - 1)));
    desk.text(0, 3, &"\u{301}".repeat(TEXT_LEN_MAX / 2));
    desk.text(0, 4, "a.*b (c|d) [e] \\Q \0 \x1b[2J \u{202e}txt ﷺ");
    for (text, seqs) in [
        (format!("{}b", "a".repeat(SEARCH_LEN_MAX - 1)), vec![2]),
        ("a".repeat(SEARCH_LEN_MAX), vec![2, 1]),
        ("\u{301}".repeat(SEARCH_LEN_MAX / 2), vec![3]),
        (".*".into(), vec![4]),
        ("(c|D)".into(), vec![4]),
        ("\\q".into(), vec![4]),
        ("\0".into(), vec![4]),
        ("\x1b[2j".into(), vec![4]),
        ("\u{202e}TXT".into(), vec![4]),
        ("صلى الله".into(), vec![4]),
        ("%".into(), vec![]),
        ("\u{10ffff}".into(), vec![]),
        ("ﷺ".repeat(SEARCH_LEN_MAX / 3), vec![]),
    ] {
        assert_eq!(desk.seqs(&searching(&text)), seqs, "{text:?}");
    }
}

#[test]
fn debug_of_a_question_shows_no_text() {
    let query = HistoryQuery { limit: Some(3), contact: Some("Bob".into()), ..searching("meet me") };
    insta::assert_snapshot!(format!("{query:?}"), @r#"HistoryQuery(Some("Bob"), Some("[scrubbed; 7]"), None, None, None, Newest, Some(3))"#);
}

/// Something that happens between two pages.
#[derive(Clone, Debug)]
enum Step {
    Keep { contact: usize, at_ms: u64, is_received: bool, text: String },
    Drop { which: prop::sample::Index },
    Edit { which: prop::sample::Index, text: String },
}

fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "lunch",
        "Lunch",
        "LUNCH",
        "noon",
        "é",
        "E\u{301}",
        "É",
        "Ж",
        "ж",
        "ΣΑΣ",
        "σας",
        "ﬁ",
        "fi",
        "한",
        "日本",
        "İ",
        " ",
        "👩\u{200d}🚀",
    ]);
    prop::collection::vec(word, 0..5).prop_map(|words| words.concat())
}

fn keep() -> impl Strategy<Value = Step> {
    // Few moments, so that many messages share one.
    (0..NAMES.len(), 0u64..12, any::<bool>(), text())
        .prop_map(|(contact, at_ms, is_received, text)| Step::Keep { contact, at_ms, is_received, text })
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<prop::sample::Index>();
    prop_oneof![
        3 => keep(),
        2 => which.clone().prop_map(|which| Step::Drop { which }),
        1 => (which, text()).prop_map(|(which, text)| Step::Edit { which, text }),
    ]
}

fn query() -> impl Strategy<Value = HistoryQuery> {
    let contact = prop::option::of(prop::sample::select(NAMES.map(str::to_owned).to_vec()));
    let text =
        prop::option::of(text().prop_filter("a text that can be searched for", |text| !text.is_empty()));
    let direction = prop::option::of(prop::sample::select(vec![Direction::In, Direction::Out]));
    let moment = || prop::option::weighted(0.3, 0u64..12);
    (contact, text, moment(), moment(), direction, 1usize..5).prop_map(
        |(contact, text, from_ms, to_ms, direction, limit)| HistoryQuery {
            contact,
            text,
            from_ms,
            to_ms,
            direction,
            start: PageStart::Newest,
            limit: Some(limit),
        },
    )
}

impl Desk {
    fn take(&mut self, step: Step) {
        let pick = |which: prop::sample::Index, list: &BTreeMap<MessageId, Known>| {
            (!list.is_empty()).then(|| *list.keys().nth(which.index(list.len())).unwrap())
        };
        match step {
            Step::Keep { contact, at_ms, is_received, text } => {
                self.keep(contact, at_ms, is_received, Body::Letter(Content::Text(text)));
            }
            Step::Drop { which } => {
                let Some(id) = pick(which, &self.list) else { return };
                assert!(self.engine.book.drop_message(&id).is_some());
                self.list.remove(&id);
            }
            Step::Edit { which, text } => {
                let Some(id) = pick(which, &self.list) else { return };
                let mut message = self.engine.book.message(&id).unwrap().1.clone();
                message.body = Body::Letter(Content::Text(text.clone()));
                self.engine.book.keep_message(message).unwrap();
                self.list.get_mut(&id).unwrap().text = text;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pages_give_each_message_once_and_in_order_whatever_happens_between_them(
        before in prop::collection::vec(keep(), 0..30),
        between in prop::collection::vec(prop::collection::vec(step(), 0..4), 0..12),
        mut query in query(),
        forwards: bool,
    ) {
        let mut desk = Desk::new();
        before.into_iter().for_each(|step| desk.take(step));
        if forwards {
            let contact = query.contact.as_deref().map_or(0, |name| NAMES.iter().position(|n| *n == name).unwrap());
            query.start = PageStart::After(Cursor { at_ms: 0, contact: id_of(contact), seq: 0 });
        }
        let mut lasting = desk.matching(&query);
        let (mut given, mut between) = (Vec::new(), between.into_iter());
        loop {
            let page = desk.page(&query);
            prop_assert!(page.messages.len() <= query.limit.unwrap());
            let matching = desk.matching(&query);
            for row in &page.messages {
                let id = row.message.id;
                let place = matching.iter().find(|(_, other)| *other == id).map(|(place, _)| place.clone());
                prop_assert!(place.is_some(), "{row:?} does not match");
                given.push((place.unwrap(), id));
            }
            let Some(next) = page.next else { break };
            query.start = follow(query.start, next);
            for step in between.next().unwrap_or_default() {
                desk.take(step);
            }
            let matching = desk.matching(&query);
            lasting.retain(|row| matching.contains(row));
        }
        if !forwards {
            given.reverse();
        }
        prop_assert!(given.is_sorted() && given.windows(2).all(|two| two[0].0 != two[1].0), "{given:?}");
        let given: BTreeSet<_> = given.into_iter().collect();
        prop_assert!(lasting.is_subset(&given), "{lasting:?} {given:?}");
    }

    #[test]
    fn a_search_finds_what_a_naive_one_finds(texts in prop::collection::vec(text(), 1..12), any in ".{1,8}") {
        let mut desk = Desk::new();
        for (at_ms, text) in (0..).zip(&texts) {
            desk.text(0, at_ms, text);
        }
        desk.text(0, 99, &format!("x{any}x"));
        for wanted in texts.iter().chain([&any]).filter(|text| !text.is_empty()) {
            let found: BTreeSet<MessageId> =
                desk.all(&searching(wanted)).iter().map(|row| row.message.id).collect();
            let expected: BTreeSet<MessageId> =
                desk.matching(&searching(wanted)).into_iter().map(|(_, id)| id).collect();
            prop_assert_eq!(found, expected, "{:?}", wanted);
        }
    }
}
