//! `commands.json`.

use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone};
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::{PAYLOAD_TEXT_LEN, SURB_LEN};
use sotto_protocol::mailbox::{Command, RefusalCode, Reply, TtlClass, placement};
use sotto_protocol::sphinx::Surb;

use crate::derivation::Derived;
use crate::vector_file::{CommandVector, CommandsFile, Placement, RefusedText, ReplyVector};
use crate::{SEED, about, first_box, hex};

fn surb() -> Surb {
    let bytes: [u8; SURB_LEN] = std::array::from_fn(|place| u8::try_from(place % 251).unwrap() ^ 0x55);
    Surb::from_bytes(&bytes).unwrap()
}

fn sealed() -> SealedBox {
    SealedBox::from_bytes(&first_box().1).unwrap()
}

fn tombstone() -> Tombstone {
    Tombstone::from_bytes(&first_box().0.tombstone()).unwrap()
}

pub(crate) fn file() -> CommandsFile {
    CommandsFile {
        about: about([
            "Mailbox commands and replies as specified in docs/spec/mailbox.md. Bytes are hexadecimal.",
            "commands, replies: fields and the text that carries them. The reply block is any 396 bytes.",
            "refused_commands, refused_replies: changes to the text at place `of` of the list above, the \
             length that it is then cut or lengthened to, and the label of the refusal.",
            "placements: the order in which mailboxes are taken for a box.",
        ]),
        commands: commands(),
        replies: replies(),
        refused_commands: refused_commands(),
        refused_replies: refused_replies(),
        placements: placements(),
    }
}

fn commands() -> Vec<CommandVector> {
    let vector =
        |name: &str, command: &Command, ttl: Option<TtlClass>, body: Option<Vec<u8>>| CommandVector {
            name: name.to_owned(),
            kind: command.label().to_owned(),
            ttl_s: ttl.map(|class| class.duration().as_secs()),
            surb: body.is_some().then(|| hex(&surb().to_bytes())),
            body: body.map(|bytes| hex(&bytes)),
            text: hex(&command.to_text()),
        };
    let write = |name: &str, ttl| {
        let command = Command::Write { surb: surb(), ttl, sealed: sealed() };
        vector(name, &command, Some(ttl), Some(sealed().to_bytes().to_vec()))
    };
    let (id, tombstone) = (*sealed().id(), tombstone());
    let body = tombstone.to_bytes().to_vec();
    vec![
        vector("drop", &Command::Drop, None, None),
        write("write for a day", TtlClass::Day),
        write("write for a week", TtlClass::Week),
        write("write for a fortnight", TtlClass::Fortnight),
        vector("read", &Command::Read { surb: surb(), id }, None, Some(id.as_bytes().to_vec())),
        vector("tombstone", &Command::Tombstone { surb: surb(), tombstone }, None, Some(body)),
        write("write for five minutes", TtlClass::Minutes5),
        write("write for fifteen minutes", TtlClass::Minutes15),
        write("write for an hour", TtlClass::Hour),
        write("write for four hours", TtlClass::Hours4),
        write("write for twelve hours", TtlClass::Hours12),
        write("write for three days", TtlClass::Days3),
    ]
}

fn replies() -> Vec<ReplyVector> {
    let vector = |kind: &str, reply: Reply, refusal: Option<RefusalCode>, body: Option<&[u8]>| ReplyVector {
        kind: kind.to_owned(),
        refusal: refusal.map(|code| code.label().to_owned()),
        body: body.map(hex),
        text: hex(&reply.to_text()),
    };
    let refused = |code| vector("refused", Reply::Refused(code), Some(code), None);
    let (sealed, tombstone) = (sealed(), tombstone());
    vec![
        vector("stored", Reply::Stored, None, None),
        vector("already-stored", Reply::AlreadyStored, None, None),
        vector("conflict", Reply::Conflict, None, None),
        vector("found", Reply::Found(sealed.clone()), None, Some(&sealed.to_bytes())),
        vector("not-found", Reply::NotFound, None, None),
        vector("tombstoned", Reply::Tombstoned(tombstone.clone()), None, Some(&tombstone.to_bytes())),
        refused(RefusalCode::QuotaFull),
        refused(RefusalCode::BadSignature),
        refused(RefusalCode::StoreFailed),
        refused(RefusalCode::Busy),
    ]
}

fn refused_text(
    name: &str,
    of: usize,
    changes: &[(usize, &[u8])],
    length: usize,
    label: &str,
) -> RefusedText {
    RefusedText {
        name: name.to_owned(),
        of,
        changes: changes.iter().map(|(offset, bytes)| (*offset, hex(bytes))).collect(),
        length,
        label: label.to_owned(),
    }
}

fn refused_commands() -> Vec<RefusedText> {
    const FULL: usize = PAYLOAD_TEXT_LEN;
    const DROP: usize = 0;
    const WRITE: usize = 1;
    const READ: usize = 4;
    const TOMBSTONE: usize = 5;
    let byte = |name: &str, of, offset, value: u8, label: &str| {
        refused_text(name, of, &[(offset, &[value])], FULL, label)
    };
    let no_surb = |name: &str, of| refused_text(name, of, &[(4, &[0; SURB_LEN])], FULL, "command-surb");
    vec![
        refused_text("empty", WRITE, &[], 0, "command-length"),
        refused_text("one byte short", WRITE, &[], FULL - 1, "command-length"),
        refused_text("one byte too long", WRITE, &[], FULL + 1, "command-length"),
        byte("version 0", WRITE, 0, 0, "command-version"),
        byte("version 2", READ, 0, 2, "command-version"),
        byte("kind 4, digest", DROP, 1, 4, "unsupported-command"),
        byte("kind 5, tokens", DROP, 1, 5, "unsupported-command"),
        byte("kind 6", WRITE, 1, 6, "command-kind"),
        byte("kind 255", DROP, 1, 255, "command-kind"),
        byte("time to live 0", WRITE, 2, 0, "command-ttl"),
        byte("time to live 10", WRITE, 2, 10, "command-ttl"),
        byte("a read with a time to live", READ, 2, 1, "command-reserved"),
        byte("the reserved byte is 1", WRITE, 3, 1, "command-reserved"),
        byte("the first byte of the token is 1", WRITE, 400, 1, "command-reserved"),
        byte("the last byte of the token is 1", TOMBSTONE, 495, 1, "command-reserved"),
        no_surb("a write without a reply block", WRITE),
        no_surb("a read without a reply block", READ),
        byte("a drop with a reply block", DROP, 4, 1, "command-padding"),
        byte("a byte after the box", WRITE, 1992, 1, "command-padding"),
        byte("a byte after the id", READ, 528, 1, "command-padding"),
        byte("a byte after the tombstone", TOMBSTONE, 592, 1, "command-padding"),
        byte("the last byte of the text is 1", DROP, FULL - 1, 1, "command-padding"),
    ]
}

fn refused_replies() -> Vec<RefusedText> {
    const FULL: usize = PAYLOAD_TEXT_LEN;
    const STORED: usize = 0;
    const FOUND: usize = 3;
    const TOMBSTONED: usize = 5;
    const REFUSED: usize = 6;
    let byte = |name: &str, of, offset, value: u8, label: &str| {
        refused_text(name, of, &[(offset, &[value])], FULL, label)
    };
    vec![
        refused_text("empty", FOUND, &[], 0, "reply-length"),
        refused_text("one byte short", FOUND, &[], FULL - 1, "reply-length"),
        refused_text("one byte too long", FOUND, &[], FULL + 1, "reply-length"),
        byte("version 2", STORED, 0, 2, "reply-version"),
        byte("kind 0", STORED, 1, 0, "reply-kind"),
        byte("kind 8", STORED, 1, 8, "reply-kind"),
        byte("refused with code 0", REFUSED, 2, 0, "reply-code"),
        byte("refused with code 5", REFUSED, 2, 5, "reply-code"),
        byte("stored with a code", STORED, 2, 1, "reply-reserved"),
        byte("the reserved byte is 1", FOUND, 3, 1, "reply-reserved"),
        byte("stored with a body", STORED, 4, 1, "reply-padding"),
        byte("a byte after the box", FOUND, 1500, 1, "reply-padding"),
        byte("a byte after the tombstone", TOMBSTONED, 100, 1, "reply-padding"),
    ]
}

fn placements() -> Vec<Placement> {
    let mailboxes: Vec<NodeId> = (1..=5).map(|place| NodeId::from_bytes([place; 32])).collect();
    let nodes = |nodes: &[NodeId]| nodes.iter().map(|node| hex(node.as_bytes())).collect();
    (0..4)
        .map(|index| {
            let id = BoxId::from_bytes(Derived::new(&SEED, index).id);
            Placement {
                id: hex(id.as_bytes()),
                mailboxes: nodes(&mailboxes),
                order: nodes(&placement(&id, &mailboxes, mailboxes.len())),
            }
        })
        .collect()
}
