//! Commands, replies and placement.

use std::time::Duration;

use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone};
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::{Command, RefusalCode, Reply, TtlClass, placement};
use sotto_protocol::sphinx::Surb;

use crate::vector_file::{CommandVector, CommandsFile, RefusedText, ReplyVector};
use crate::{array, bytes, hex, read};

fn vectors() -> CommandsFile {
    read("commands.json")
}

fn command(vector: &CommandVector) -> Command {
    let surb = || Surb::from_bytes(&bytes(vector.surb.as_ref().unwrap())).unwrap();
    let body = || bytes(vector.body.as_ref().unwrap());
    match vector.kind.as_str() {
        "drop" => Command::Drop,
        "write" => Command::Write {
            surb: surb(),
            ttl: TtlClass::ALL
                .into_iter()
                .find(|class| class.duration() == Duration::from_secs(vector.ttl_s.unwrap()))
                .unwrap(),
            sealed: SealedBox::from_bytes(&body()).unwrap(),
        },
        "read" => Command::Read { surb: surb(), id: BoxId::from_bytes(body().try_into().unwrap()) },
        "tombstone" => {
            Command::Tombstone { surb: surb(), tombstone: Tombstone::from_bytes(&body()).unwrap() }
        }
        other => panic!("{other} is no command"),
    }
}

fn reply(vector: &ReplyVector) -> Reply {
    let body = || bytes(vector.body.as_ref().unwrap());
    match vector.kind.as_str() {
        "stored" => Reply::Stored,
        "already-stored" => Reply::AlreadyStored,
        "conflict" => Reply::Conflict,
        "found" => Reply::Found(SealedBox::from_bytes(&body()).unwrap()),
        "not-found" => Reply::NotFound,
        "tombstoned" => Reply::Tombstoned(Tombstone::from_bytes(&body()).unwrap()),
        "refused" => Reply::Refused(
            [RefusalCode::QuotaFull, RefusalCode::BadSignature, RefusalCode::StoreFailed, RefusalCode::Busy]
                .into_iter()
                .find(|code| Some(code.label()) == vector.refusal.as_deref())
                .unwrap(),
        ),
        other => panic!("{other} is no reply"),
    }
}

fn changed(text: &str, vector: &RefusedText) -> Vec<u8> {
    let mut text = bytes(text);
    for (offset, replacement) in &vector.changes {
        let replacement = bytes(replacement);
        text[*offset..][..replacement.len()].copy_from_slice(&replacement);
    }
    text.resize(vector.length, 0);
    text
}

#[test]
fn commands_have_the_texts_of_the_vectors() {
    let file = vectors();
    assert!(file.commands.len() >= 12);
    for vector in file.commands {
        let command = command(&vector);
        assert_eq!(hex(&command.to_text()), vector.text, "{}", vector.name);
        assert_eq!(Command::parse(&bytes(&vector.text)).unwrap(), command, "{}", vector.name);
    }
}

#[test]
fn replies_have_the_texts_of_the_vectors() {
    let file = vectors();
    assert!(file.replies.len() >= 10);
    for vector in file.replies {
        let reply = reply(&vector);
        assert_eq!(hex(&reply.to_text()), vector.text, "{}", vector.kind);
        assert_eq!(Reply::parse(&bytes(&vector.text)).unwrap(), reply, "{}", vector.kind);
    }
}

#[test]
fn refused_commands_are_refused_with_their_labels() {
    let file = vectors();
    assert!(file.refused_commands.len() >= 15);
    for vector in &file.refused_commands {
        let refusal = Command::parse(&changed(&file.commands[vector.of].text, vector)).unwrap_err();
        assert_eq!(refusal.label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn refused_replies_are_refused_with_their_labels() {
    let file = vectors();
    assert!(file.refused_replies.len() >= 10);
    for vector in &file.refused_replies {
        let refusal = Reply::parse(&changed(&file.replies[vector.of].text, vector)).unwrap_err();
        assert_eq!(refusal.label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn boxes_are_placed_as_the_vectors_say() {
    let file = vectors();
    assert!(file.placements.len() >= 3);
    let node = |digits: &String| NodeId::from_bytes(array(digits));
    for vector in file.placements {
        let mailboxes: Vec<NodeId> = vector.mailboxes.iter().map(node).collect();
        let order: Vec<NodeId> = vector.order.iter().map(node).collect();
        let id = BoxId::from_bytes(array(&vector.id));
        for replicas in 0..=order.len() {
            assert_eq!(placement(&id, &mailboxes, replicas), order[..replicas]);
        }
    }
}
