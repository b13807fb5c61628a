//! A contact whose letters ask for what is not his, or say what cannot be.

use super::hostile::HostileWriter;
use super::world::World;
use crate::core::fragment::{KIND_LETTER, KIND_REPORT, split};
use crate::core::letter::{
    Author, Content, Disappearing, Got, Letter, Name, Reference, Report, Sent, Series,
};
use crate::core::limits::{EMOJI_LEN_MAX, RESENDS_MAX};
use crate::core::{Event, MessageKind, MessageState, MessageView};

const SERIES: Series = Series::from_bytes([9; 8]);

/// What peer 1 writes without the rules of its engine, and what peer 0 says of it.
pub(super) struct Scene {
    pub(super) world: World,
    write: HostileWriter,
    number: u64,
}

impl Scene {
    fn new(seed: u64) -> Self {
        Self::of(World::acquainted(seed))
    }

    /// In a world in which they have met.
    pub(super) fn of(mut world: World) -> Self {
        let write = HostileWriter::of(&mut world);
        Self { world, write, number: 0 }
    }

    fn plant(&mut self, kind: u8, bytes: &[u8]) {
        for text in split(kind, bytes).unwrap() {
            let sealed = self.write.seal(&mut self.world, &text);
            self.world.plant(&sealed);
        }
    }

    /// A letter of the next number that says what it likes of time and limits.
    pub(super) fn letter(&mut self, content: &Content, sent_at_ms: u64, disappearing: Disappearing) -> Name {
        self.number += 1;
        let name = Name { series: SERIES, number: self.number };
        let (kind, body) = content.to_bytes();
        let letter = Letter { name, kind, sent_at_ms, disappearing, body: &body };
        self.plant(KIND_LETTER, &letter.to_bytes());
        name
    }

    pub(super) fn says(&mut self, content: &Content) -> Name {
        let now_ms = self.world.now.as_millis();
        self.letter(content, now_ms, Disappearing::OFF)
    }

    /// A text after everything else, and what was doubted before it.
    pub(super) fn doubts(&mut self) -> Vec<String> {
        self.says(&Content::Text("the end".into()));
        self.world.run_until("the end is heard", |world| {
            world.peers[0].heard().iter().any(|text| text == "the end")
        });
        let events = std::mem::take(&mut self.world.peers[0].events);
        let doubted = events.into_iter().filter_map(|event| match event {
            Event::LetterDoubted { label, .. } => Some(label),
            _ => None,
        });
        doubted.collect()
    }

    pub(super) fn history(&mut self) -> Vec<MessageView> {
        self.world.peers[0].engine().messages("Bob", None).unwrap()
    }

    /// A message of peer 0, and what both call it.
    fn ours(&mut self, text: &str) -> Name {
        let id = self.world.send(0, "Bob", text);
        let book = &self.world.peers[0].engine().book;
        book.message(&id).unwrap().1.name.unwrap()
    }
}

#[test]
fn what_is_not_ones_own_cannot_be_changed_and_what_does_not_exist_is_named() {
    let mut scene = Scene::new(221);
    let ours = scene.ours("mine");
    let nowhere = Name { series: SERIES, number: 999 };
    scene.says(&Content::Edit { of: ours, text: "yours".into() });
    scene.says(&Content::Deletion { of: ours });
    scene.says(&Content::Edit { of: nowhere, text: "x".into() });
    scene.says(&Content::Deletion { of: nowhere });
    let to = Reference { author: Author::Sender, name: nowhere };
    scene.says(&Content::Reaction { to, emoji: Some("x".into()) });
    scene.says(&Content::Reply { to, text: "to nothing".into() });
    let defaults = scene.says(&Content::Defaults { version: 1, disappearing: Disappearing::OFF });
    scene.says(&Content::Edit { of: defaults, text: "no text to change".into() });
    assert_eq!(
        scene.doubts(),
        [
            "edit-not-author",
            "deletion-not-author",
            "edit-unknown",
            "deletion-unknown",
            "reaction-unknown",
            "reply-unknown",
            "edit-no-text",
        ]
    );
    let history = scene.history();
    assert_eq!((history[0].text.as_str(), history[0].edited), ("mine", false));
    assert_eq!(
        (history[1].text.as_str(), history[1].is_reply, history[1].refers_to),
        ("to nothing", true, None)
    );
    assert_eq!(history.len(), 4);
}

#[test]
fn many_reactions_and_edits_leave_one_of_each() {
    let mut scene = Scene::new(222);
    let ours = scene.ours("mine");
    let own = scene.says(&Content::Text("his".into()));
    for turn in 0..200 {
        let to = Reference { author: Author::Receiver, name: ours };
        scene.says(&Content::Reaction { to, emoji: Some(format!("{turn}")) });
        scene.says(&Content::Edit { of: own, text: format!("edit {turn}") });
    }
    assert_eq!(scene.doubts(), [""; 0]);
    let history = scene.history();
    assert_eq!(history.len(), 3);
    assert_eq!(history[0].reactions.theirs.as_deref(), Some("199"));
    assert_eq!((history[1].text.as_str(), history[1].edited), ("edit 199", true));
    let records = crate::store::Store::load(scene.world.peers[0].engine().store()).unwrap();
    let messages = records.iter().filter(|(key, _)| key.kind == crate::store::RecordKind::Message);
    assert_eq!(messages.count(), 3);
}

#[test]
fn clocks_and_limits_that_cannot_be_are_not_believed_and_never_mean_off() {
    let mut scene = Scene::new(223);
    let hour = Disappearing { exists_for_s: 3600, ..Disappearing::OFF };
    let now_ms = scene.world.now.as_millis();
    scene.letter(&Content::Text("from 1970".into()), 0, hour);
    scene.letter(&Content::Text("from a far future".into()), u64::MAX, hour);
    scene.letter(&Content::Text("over already".into()), now_ms - 7_200_000, hour);
    scene.says(&Content::Defaults { version: 1, disappearing: hour });
    // What cannot be parsed has the limits of the conversation.
    scene.plant(KIND_LETTER, &[1, 1, 2, 3]);
    scene.plant(77, b"something of another time");
    assert_eq!(scene.doubts(), ["letter-clock", "letter-clock", "letter-short"]);
    let history = scene.history();
    let texts: Vec<&str> = history.iter().map(|view| view.text.as_str()).collect();
    assert!(texts.contains(&"from 1970") && texts.contains(&"from a far future"));
    assert!(!texts.contains(&"over already"));
    let believed = now_ms..now_ms + 3_600_000 + 60_000;
    for view in
        history.iter().filter(|view| view.text.starts_with("from") || view.kind == MessageKind::Unknown)
    {
        let until_ms = view.disappearing.as_ref().unwrap().until_ms.unwrap();
        assert!(believed.contains(&until_ms), "{} {until_ms}", view.text);
    }
    assert_eq!(history.iter().filter(|view| view.kind == MessageKind::Unknown).count(), 2);
}

#[test]
fn bodies_that_are_none_of_their_kind_are_kept_and_repeats_are_not() {
    let mut scene = Scene::new(224);
    let name = |number| Name { series: SERIES, number };
    let now_ms = scene.world.now.as_millis();
    for (number, kind, body) in [
        (1, 1, &[0xff, 0xfe][..]),
        (2, 3, &[1; 17 + EMOJI_LEN_MAX + 1]),
        (3, 200, b"from a later version"),
        (3, 1, b"the same name again"),
        (u64::MAX, 1, b"a great leap"),
    ] {
        let letter =
            Letter { name: name(number), kind, sent_at_ms: now_ms, disappearing: Disappearing::OFF, body };
        scene.plant(KIND_LETTER, &letter.to_bytes());
    }
    scene.number = 3;
    assert_eq!(scene.doubts(), ["letter-utf8", "letter-length"]);
    let kinds: Vec<MessageKind> = scene.history().iter().map(|view| view.kind).collect();
    let (unknown, text) = (MessageKind::Unknown, MessageKind::Text);
    assert_eq!(kinds, [unknown, unknown, unknown, text, text]);
    let now = scene.world.now;
    assert_eq!(scene.world.peers[0].engine().status(now).counters.labels["letter-repeat"], 1);
}

#[test]
fn reports_that_lie_move_nothing_that_is_not_theirs_and_resending_is_bounded() {
    let mut scene = Scene::new(225);
    let ours = scene.ours("mine");
    let got = |delivered_to, missing: &[(u64, u64)]| Got {
        series: ours.series,
        delivered_to,
        read_to: 0,
        missing: missing.to_vec(),
    };
    scene.plant(KIND_REPORT, &[9]);
    scene.plant(KIND_REPORT, &Report { got: vec![got(u64::MAX, &[])], ..Report::default() }.to_bytes());
    let other = Got { series: SERIES, ..got(7, &[(1, 5)]) };
    let sent = vec![Sent { series: SERIES, last: u64::MAX }];
    scene.plant(KIND_REPORT, &Report { got: vec![other], sent, ..Report::default() }.to_bytes());
    assert_eq!(scene.doubts(), ["report-version"]);
    let mut asked = 0;
    for turn in 0..20 {
        let boxes = scene.world.peers[0].engine().book.outbox.len();
        let missing = [(1, u64::MAX)];
        scene.plant(KIND_REPORT, &Report { got: vec![got(0, &missing)], ..Report::default() }.to_bytes());
        scene.says(&Content::Text(format!("turn {turn}")));
        scene.world.run_until("it was taken", |world| {
            world.peers[0].heard().iter().any(|text| *text == format!("turn {turn}"))
        });
        asked += usize::from(scene.world.peers[0].engine().book.outbox.len() > boxes);
        scene.world.run_until("nothing waits", |world| {
            let book = &world.peers[0].engine().book;
            book.outbox.len() == 0
        });
    }
    let ours = |scene: &mut Scene| {
        let book = &scene.world.peers[0].engine().book;
        let message = &book.people.values().next().unwrap().messages[&1];
        (message.is_given_up(), message.state)
    };
    assert_eq!(ours(&mut scene), (true, MessageState::Stored));
    assert!(asked <= usize::from(RESENDS_MAX) + 1, "and a report that it is gone");
    // What is gone counts as settled at the other side: that is no receipt.
    scene.plant(KIND_REPORT, &Report { got: vec![got(1, &[])], ..Report::default() }.to_bytes());
    scene.says(&Content::Text("settled".into()));
    scene.world.run_until("it was taken", |world| world.peers[0].heard().contains(&"settled".to_owned()));
    assert_eq!(ours(&mut scene), (true, MessageState::Stored));
}
