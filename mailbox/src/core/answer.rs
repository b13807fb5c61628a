//! From a result of the store to the one packet that carries it back.

use sotto_protocol::ledger::Outcome;
use sotto_protocol::mailbox::{RefusalCode, Reply};

use super::queue::Waiting;
use super::{Action, DropReason, Mailbox, Source};
use crate::store::StoreResult;

impl Mailbox {
    /// Answers one command. `result` is absent when the store failed.
    pub(super) fn answer(&mut self, command: Waiting, result: Option<StoreResult>) {
        let failed = result.is_none();
        let reply = reply(command.refused, result);
        *self.answers.entry(label(&reply)).or_default() += 1;
        self.ledger.record(if failed {
            Outcome::Dropped(DropReason::StoreFailed.label())
        } else {
            Outcome::Delivered(command.kind)
        });
        match (command.surb.reply(&reply.to_text()), command.from) {
            (Ok((to, packet)), Source::Node(_)) => self.actions.push_back(Action::Send { to, packet }),
            (Ok((_, packet)), Source::Direct(to)) => self.deliver(to, command.epoch, packet),
            // Its maker garbled the block. The command stands.
            (Err(_), from) => self.unanswerable(from),
        }
    }
}

fn reply(refused: Option<RefusalCode>, result: Option<StoreResult>) -> Reply {
    match (refused, result) {
        (_, None) => Reply::Refused(RefusalCode::StoreFailed),
        (Some(code), Some(_)) => Reply::Refused(code),
        (None, Some(result)) => match result {
            StoreResult::Stored => Reply::Stored,
            StoreResult::AlreadyStored => Reply::AlreadyStored,
            StoreResult::Conflict => Reply::Conflict,
            StoreResult::Found(sealed) => Reply::Found(sealed),
            StoreResult::NotFound => Reply::NotFound,
            StoreResult::Tombstoned(tombstone) => Reply::Tombstoned(tombstone),
            StoreResult::QuotaFull => Reply::Refused(RefusalCode::QuotaFull),
        },
    }
}

const fn label(reply: &Reply) -> &'static str {
    match reply {
        Reply::Stored => "stored",
        Reply::AlreadyStored => "already-stored",
        Reply::Conflict => "conflict",
        Reply::Found(_) => "found",
        Reply::NotFound => "not-found",
        Reply::Tombstoned(_) => "tombstoned",
        Reply::Refused(code) => code.label(),
    }
}
