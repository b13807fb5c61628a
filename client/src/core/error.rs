//! Why the engine refused something that a user asked for.

use super::invite::InviteError;
use super::limits::{
    ADDRESSES_MAX, CONTACTS_MAX, DISAPPEARING_MAX_S, EMOJI_LEN_MAX, EXISTS_FOR_MIN_S, FILE_LEN_MAX,
    FILE_NAME_LEN_MAX, FILES_IN_LEN_MAX, INTRODUCTIONS_MAX, INTRODUCTIONS_OF_CONTACT_MAX, NAME_CHARS_MAX,
    OUTBOX_BOXES_MAX,
};
use super::notes::NOTES_NAME;
use crate::store::StoreError;

/// A refusal. Nothing has changed when one is returned.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The invitation cannot be made or taken up.
    #[error(transparent)]
    Invite(#[from] InviteError),
    /// The name is empty, too long or has characters that do not print.
    #[error(
        "a name has 1 to {NAME_CHARS_MAX} characters, none of them a control character, and no space at either end; choose another one"
    )]
    NameInvalid,
    /// The name is in use.
    #[error("there is a contact named {0:?} already; choose another name")]
    NameTaken(String),
    /// The name is that of the notes.
    #[error("\"{NOTES_NAME}\" is what your notes to yourself are called; choose another name")]
    NameReserved,
    /// No contact has this name.
    #[error("there is no contact named {0:?}; `sotto contacts` lists them")]
    ContactUnknown(String),
    /// The contact's invitation ran out.
    #[error("the invitation for {0:?} ran out before it was taken up; invite again")]
    ContactExpired(String),
    /// Somebody else took up the invitation of this contact.
    #[error("somebody else has taken up the invitation that {0:?} stands for; ask for a new one")]
    ContactTaken(String),
    /// The contact's invitation was withdrawn.
    #[error("the invitation that {0:?} stands for was withdrawn; make another one, or ask for one")]
    ContactRevoked(String),
    /// The contact's keys could not be used.
    #[error("the keys that came for {0:?} cannot be used; make another invitation, or ask for one")]
    ContactSpoiled(String),
    /// The contact's identity key is another one than before.
    #[error(
        "the identity key of {0:?} has changed, and nothing is sent before you have verified the new one: compare \
         safety numbers with `sotto verify`, by voice or in person"
    )]
    ContactChanged(String),
    /// The user has blocked the contact.
    #[error("you have blocked {0:?}, and nothing goes there; `sotto contacts unblock {0:?}` ends that")]
    ContactBlocked(String),
    /// What was asked for can be done with a person only.
    #[error(
        "\"{NOTES_NAME}\" are your own notes and no person: `sotto note` adds one, `sotto recv {NOTES_NAME} --all` shows them"
    )]
    NotAPerson,
    /// There are no keys to compare yet.
    #[error(
        "{0:?} has not answered yet, so there are no keys of the other side; try again once you have met"
    )]
    NotMet(String),
    /// Our identity key is being changed.
    #[error(
        "a new identity key for {0:?} is on its way, and the safety number changes with it; compare once `sotto status` shows \
         that nothing waits for {0:?}"
    )]
    IdentityChanging(String),
    /// What was to go along with a request is too long.
    #[error("a note has at most {len_max} bytes, this one has {len}; write the rest once you are contacts")]
    NoteTooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest.
        len_max: usize,
    },
    /// The invitation cannot be withdrawn.
    #[error(
        "there is no invitation for {0:?} that waits to be taken up; `sotto contacts` shows how far each is"
    )]
    InviteNotPending(String),
    /// What was given is no safety number.
    #[error("this is no safety number: {0}; give the 60 digits, or the text of the other side's QR code")]
    SafetyNumber(String),
    /// The label is in use.
    #[error("there is an address named {0:?} already; choose another name for it")]
    AddressTaken(String),
    /// No address has this label.
    #[error("there is no address named {0:?}; `sotto address list` shows them")]
    AddressUnknown(String),
    /// The profile has as many addresses as it can.
    #[error("a profile has at most {ADDRESSES_MAX} addresses; remove one that you do not need")]
    AddressesFull,
    /// No request has this name.
    #[error("no request {0} waits for a decision; `sotto requests` lists them")]
    RequestUnknown(String),
    /// An introduction will give somebody the name.
    #[error(
        "an introduction that you have agreed to is to give somebody the name {0:?}; choose another name, or reject it \
         (`sotto introductions`)"
    )]
    NamePromised(String),
    /// No introduction has this name.
    #[error("no introduction {0} is under way; `sotto introductions` lists them")]
    IntroductionUnknown(String),
    /// The user has agreed already.
    #[error("you have agreed to introduction {0}; `sotto introductions` shows what it waits for")]
    IntroductionAnswered(String),
    /// Nobody is introduced to themselves.
    #[error("an introduction is between two contacts; give two names")]
    IntroductionSelf,
    /// Too many introductions are under way.
    #[error(
        "a profile makes at most {INTRODUCTIONS_MAX} introductions at a time, and {INTRODUCTIONS_OF_CONTACT_MAX} of one \
         contact; wait for answers, or reject one that has become needless (`sotto introductions`)"
    )]
    IntroductionsFull,
    /// The profile has as many contacts as it can.
    #[error("a profile has at most {CONTACTS_MAX} contacts; use another profile")]
    ContactsFull,
    /// The text is longer than a message can be.
    #[error("a text has at most {len_max} bytes, this one has {len}; send it in several messages")]
    TextTooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest.
        len_max: usize,
    },
    /// No message of the conversation has this number.
    #[error("there is no message {0} in this conversation; `sotto history` shows the numbers")]
    MessageUnknown(u64),
    /// The message is not one that the other side has, too.
    #[error("message {0} is a note of this program or was never sent, so the other side does not have it")]
    MessageNotShared(u64),
    /// The message is not one's own, or has no text.
    #[error("message {0} is not one of yours that has a text; only those can be changed or deleted for both")]
    MessageNotOwn(u64),
    /// A reaction is an emoji.
    #[error("a reaction is one emoji of at most {EMOJI_LEN_MAX} bytes; give another one")]
    Emoji,
    /// Limits of existence that cannot be kept to.
    #[error(
        "a message exists for {EXISTS_FOR_MIN_S} s at least, as mailboxes and mixes need time, and for {DISAPPEARING_MAX_S} s \
         at most; give another time, or 0 for no limit"
    )]
    DisappearingRange,
    /// The message offers no file.
    #[error("message {0} is no file; `sotto files` lists them")]
    NoFile(u64),
    /// A file of this length is neither sent nor asked for.
    #[error("a file has 1 to {FILE_LEN_MAX} bytes, this one has {0}; send it in pieces, or another way")]
    FileSize(u64),
    /// The name of a file is too long.
    #[error("the name of a file has at most {FILE_NAME_LEN_MAX} bytes; give a shorter one")]
    FileName,
    /// As many bytes of files are kept as can be.
    #[error(
        "files take {FILES_IN_LEN_MAX} bytes of a profile at most, sent and received ones each; save what you need, then delete \
         messages with files (`sotto files` lists them)"
    )]
    FilesFull,
    /// The file is not at a point at which this can be done.
    #[error("file {seq} is {state}, so this cannot be done; `sotto files` shows how far each is")]
    FileState {
        /// The place of its message.
        seq: u64,
        /// How far it is.
        state: &'static str,
    },
    /// Bytes of a file were handed over out of order, or some are missing.
    #[error("these are not the bytes of the file that come next; begin again with the whole file")]
    FileData,
    /// Too much waits to be sent.
    #[error(
        "the outbox holds at most {OUTBOX_BOXES_MAX} boxes and is full; wait until some are stored (`sotto status` says why they wait)"
    )]
    OutboxFull,
    /// A page of the history has none, or too many messages.
    #[error(
        "a page has 1 to {limit_max} messages, not {limit}; ask for fewer, and go on from the cursor that comes with them"
    )]
    HistoryLimit {
        /// How many were asked for.
        limit: usize,
        /// The most.
        limit_max: usize,
    },
    /// There is nothing to search for, or too much.
    #[error("a text to search for has 1 to {len_max} bytes, this one has {len}; search for a part of it")]
    SearchLength {
        /// Its length in bytes.
        len: usize,
        /// The longest.
        len_max: usize,
    },
    /// The cursor is of another conversation.
    #[error(
        "this cursor is not of the conversation with {0:?}; take one that a page of this conversation gave"
    )]
    CursorForeign(String),
    /// A box could not be sealed.
    #[error("a box could not be sealed: {0}; this is a fault of the program, please report it")]
    Seal(String),
}

impl EngineError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Store(error) => error.label(),
            Self::Invite(error) => error.label(),
            Self::NameInvalid => "name-invalid",
            Self::NameTaken(_) => "name-taken",
            Self::NameReserved => "name-reserved",
            Self::ContactUnknown(_) => "contact-unknown",
            Self::ContactExpired(_) => "contact-expired",
            Self::ContactTaken(_) => "contact-taken",
            Self::ContactRevoked(_) => "contact-revoked",
            Self::ContactSpoiled(_) => "contact-spoiled",
            Self::ContactChanged(_) => "contact-changed",
            Self::ContactBlocked(_) => "contact-blocked",
            Self::NotAPerson => "contact-is-notes",
            Self::NotMet(_) => "contact-not-met",
            Self::IdentityChanging(_) => "identity-changing",
            Self::NoteTooLong { .. } => "note-too-long",
            Self::InviteNotPending(_) => "invite-not-pending",
            Self::SafetyNumber(_) => "safety-number",
            Self::AddressTaken(_) => "address-taken",
            Self::AddressUnknown(_) => "address-unknown",
            Self::AddressesFull => "addresses-full",
            Self::RequestUnknown(_) => "request-unknown",
            Self::NamePromised(_) => "name-promised",
            Self::IntroductionUnknown(_) => "introduction-unknown",
            Self::IntroductionAnswered(_) => "introduction-answered",
            Self::IntroductionSelf => "introduction-self",
            Self::IntroductionsFull => "introductions-full",
            Self::ContactsFull => "contacts-full",
            Self::TextTooLong { .. } => "text-too-long",
            Self::MessageUnknown(_) => "message-unknown",
            Self::MessageNotShared(_) => "message-not-shared",
            Self::MessageNotOwn(_) => "message-not-own",
            Self::Emoji => "emoji",
            Self::DisappearingRange => "disappearing-range",
            Self::NoFile(_) => "no-file",
            Self::FileSize(_) => "file-size",
            Self::FileName => "file-name",
            Self::FilesFull => "files-full",
            Self::FileState { .. } => "file-state",
            Self::FileData => "file-data",
            Self::OutboxFull => "outbox-full",
            Self::HistoryLimit { .. } => "history-limit",
            Self::SearchLength { .. } => "search-length",
            Self::CursorForeign(_) => "cursor-foreign",
            Self::Seal(_) => "seal",
        }
    }
}
