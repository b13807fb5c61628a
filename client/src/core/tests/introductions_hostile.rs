//! A contact who lies about introductions: one that makes them, and one that is introduced.

use std::time::Duration;

use super::introductions::three;
use super::letters_hostile::Scene;
use super::world::World;
use crate::core::introduction::Matter;
use crate::core::invite::Invite;
use crate::core::letter::{
    Content, Introduction, IntroductionAnswer, IntroductionLink, IntroductionTag, Part,
};
use crate::core::limits::INTRODUCTIONS_OF_CONTACT_MAX;
use crate::core::{ContactId, IntroduceOptions, MessageKind};
use crate::store::{RecordKind, Store};

fn introduction(tag: u8, part: Part) -> Content {
    let (tag, name, note) = ([tag; 16], "Carol".to_owned(), String::new());
    Content::Introduction(Introduction { tag, part, name, note })
}

fn link(tag: u8, link: &str) -> Content {
    Content::IntroductionLink(IntroductionLink { tag: [tag; 16], link: link.to_owned() })
}

fn answer(tag: IntroductionTag, agrees: bool, link: Option<&str>) -> Content {
    Content::IntroductionAnswer(IntroductionAnswer { tag, agrees, link: link.map(str::to_owned) })
}

fn some_link(world: &mut World) -> String {
    Invite::generate(world.now, Duration::from_secs(3600), &mut world.rng).unwrap().link().to_string()
}

/// The introduction of this tag that peer 0 was offered, accepted.
fn accept(scene: &mut Scene, tag: u8, name: &str) {
    let (now, peer) = (scene.world.now, &mut scene.world.peers[0]);
    let engine = peer.engine.as_mut().unwrap();
    let id = engine.book.introductions.values().find(|known| known.tag == [tag; 16]).unwrap().id;
    engine.accept_introduction(now, &id, name, &mut peer.rng).unwrap();
}

fn names(scene: &mut Scene) -> Vec<String> {
    scene.world.peers[0].engine().contacts().into_iter().map(|contact| contact.name).collect()
}

#[test]
fn a_link_that_nobody_waits_for_or_that_is_none_makes_no_contact() {
    let mut scene = Scene::of(World::acquainted(321));
    let good = some_link(&mut scene.world);
    scene.says(&link(1, &good));
    scene.says(&introduction(1, Part::Joiner));
    scene.says(&introduction(1, Part::Inviter));
    scene.says(&link(1, &good));
    assert_eq!(scene.doubts(), ["introduction-unknown", "introduction-repeat", "introduction-unasked"]);
    assert_eq!(names(&mut scene), ["Bob"]);
    accept(&mut scene, 1, "Carol");
    scene.says(&link(1, "https://example.org/"));
    scene.says(&link(1, ""));
    scene.says(&link(1, &good.replace("invite", "address")));
    assert_eq!(scene.doubts(), ["introduction-link"; 3]);
    assert_eq!(names(&mut scene), ["Bob"]);
    scene.says(&link(1, &good));
    scene.says(&link(1, &good));
    let twice = scene.doubts();
    // Whether the first one was acted on when the second came, it makes one contact.
    assert!(twice == ["introduction-repeat"] || twice == ["introduction-unknown"], "{twice:?}");
    assert_eq!(names(&mut scene), ["Bob", "Carol"]);
    let kinds: Vec<MessageKind> = scene.history().iter().map(|view| view.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind != MessageKind::Text).count(), 1, "{kinds:?}");
}

#[test]
fn whoever_introduces_us_to_ourselves_achieves_nothing() {
    let mut scene = Scene::of(World::acquainted(322));
    scene.says(&introduction(1, Part::Inviter));
    scene.says(&introduction(2, Part::Joiner));
    assert_eq!(scene.doubts(), [""; 0]);
    accept(&mut scene, 1, "One");
    accept(&mut scene, 2, "Two");
    let book = &scene.world.peers[0].engine().book;
    let answers = book.people.values().flat_map(|person| person.messages.values());
    let ours = answers.filter_map(|message| match &message.body {
        crate::core::message::Body::Letter(Content::IntroductionAnswer(answer)) => answer.link.clone(),
        _ => None,
    });
    let ours: Vec<String> = ours.collect();
    scene.says(&link(2, &ours[0]));
    scene.says(&Content::Text("mirror".into()));
    scene.world.run_until("mirror", |world| world.peers[0].heard().iter().any(|text| text == "mirror"));
    assert_eq!(names(&mut scene), ["Bob", "One"]);
    let told = scene.history().into_iter().find(|view| view.kind == MessageKind::Notice).unwrap();
    assert!(
        told.text.starts_with(r#"the introduction to "Two" came to nothing: this profile made"#),
        "{}",
        told.text
    );
    let engine = scene.world.peers[0].engine();
    assert_eq!(engine.counters.labels["invite-own"], 1);
    assert!(engine.introductions().is_empty());
    engine.check_not_promised("Two", None).unwrap();
}

#[test]
fn a_flood_of_introductions_leaves_a_few() {
    let mut scene = Scene::of(World::acquainted(323));
    for number in 0..=255 {
        scene.says(&introduction(number, Part::Inviter));
    }
    let doubts = scene.doubts();
    assert_eq!(doubts.len(), 256 - INTRODUCTIONS_OF_CONTACT_MAX);
    assert!(doubts.iter().all(|label| label == "introductions-full"));
    assert_eq!(scene.history().len(), INTRODUCTIONS_OF_CONTACT_MAX + 1);
    let engine = scene.world.peers[0].engine();
    assert_eq!(engine.introductions().len(), INTRODUCTIONS_OF_CONTACT_MAX);
    let records = engine.store().load().unwrap();
    let kept = records.iter().filter(|(key, _)| key.kind == RecordKind::Introduction).count();
    assert_eq!(kept, INTRODUCTIONS_OF_CONTACT_MAX);
    // Nor can an old one be brought up again.
    let hour_ms = 3_600_000;
    let (now_ms, day) = (scene.world.now.as_millis(), 24 * hour_ms);
    scene.letter(&introduction(1, Part::Inviter), now_ms - 15 * day, crate::core::Disappearing::OFF);
    assert_eq!(scene.doubts(), [""; 0]);
    assert_eq!(scene.world.peers[0].engine().counters.labels["introduction-over"], 1);
}

#[test]
fn answers_that_are_none_or_come_twice_change_nothing() {
    let mut scene = Scene::of(three(324));
    let (now, peer) = (scene.world.now, &mut scene.world.peers[0]);
    let engine = peer.engine.as_mut().unwrap();
    engine.introduce(now, "Bob", "Carol", &IntroduceOptions::default(), &mut peer.rng).unwrap();
    let known = engine.book.introductions.values().next().unwrap().clone();
    let good = some_link(&mut scene.world);
    scene.says(&answer([9; 16], true, Some(&good)));
    scene.says(&answer(known.tag, true, None));
    scene.says(&answer(known.tag, true, Some("sotto:invite:aaaa")));
    // It is no link of ours to wait for, whoever passes it on.
    scene.says(&Content::IntroductionLink(IntroductionLink { tag: known.tag, link: good.clone() }));
    scene.says(&answer(known.tag, true, Some(&good)));
    scene.says(&answer(known.tag, true, Some(&good)));
    assert_eq!(
        scene.doubts(),
        [
            "introduction-unknown",
            "introduction-link",
            "introduction-link",
            "introduction-unknown",
            "introduction-repeat"
        ]
    );
    let agrees = |scene: &mut Scene| {
        let book = &scene.world.peers[0].engine().book;
        let made = book.introductions.values().next().and_then(|known| known.made().cloned());
        made.map(|made| (made.inviter.agrees, made.joiner.agrees, made.link.clone()))
    };
    assert_eq!(agrees(&mut scene), Some((true, false, Some(good.clone()))));
    // Of an introduction between two others, he could know the name from one of them.
    let mut foreign = known.clone();
    (foreign.id, foreign.tag) = (ContactId::from_bytes([1; 16]), [1; 16]);
    if let Matter::Made(made) = &mut foreign.matter {
        made.inviter.contact = ContactId::from_bytes([7; 16]);
    }
    scene.world.peers[0].engine().book.introductions.insert(foreign.id, foreign.clone());
    scene.says(&answer(foreign.tag, true, Some(&good)));
    scene.says(&answer(foreign.tag, false, None));
    scene.says(&answer(known.tag, false, None));
    scene.says(&answer(known.tag, true, Some(&good)));
    assert_eq!(scene.doubts(), ["introduction-unknown"; 3]);
    let book = &scene.world.peers[0].engine().book;
    assert!(book.introductions.values().eq([&foreign]), "a no ends it, also after a yes");
}
