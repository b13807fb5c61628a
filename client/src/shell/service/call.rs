//! The calls and their parameters, parsed: nothing of a wrong form gets any further.

use serde::Deserialize;
use serde_json::Value;

use super::files::{Decision, FileCall};
use super::past::HistoryParams;
use crate::core::{ContactId, Disappearing, MessageId, RoutePlan, RoutePlanError};
use crate::shell::backing_up::BackupParams;
use crate::shell::factors::Given;

/// Why a call is not one.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No such method.
    #[error("there is no method {0:?}")]
    Method(String),
    /// The parameters do not fit.
    #[error("wrong parameters for {method}: {reason}")]
    Params {
        /// The method.
        method: &'static str,
        /// What is wrong.
        reason: serde_json::Error,
    },
}

impl CallError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Method(_) => "method-not-found",
            Self::Params { .. } => "invalid-params",
        }
    }
}

/// Parameters of `invite`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteParams {
    pub(super) name: String,
    pub(super) ttl_s: Option<u64>,
}

/// Parameters of `accept`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptParams {
    pub(super) name: String,
    pub(super) link: String,
    pub(super) note: Option<String>,
}

/// Parameters of calls about one contact.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactParams {
    pub(super) contact: String,
}

/// Parameters of `rename`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameParams {
    pub(super) contact: String,
    pub(super) name: String,
}

/// Parameters of `set-verified`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetVerifiedParams {
    pub(super) contact: String,
    pub(super) verified: bool,
}

/// Parameters of `compare`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareParams {
    pub(super) contact: String,
    pub(super) number: String,
}

/// Parameters of `rekey`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RekeyParams {
    pub(super) contact: String,
    #[serde(default)]
    pub(super) new_identity: bool,
}

/// Parameters of calls about one contact address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressParams {
    pub(super) label: String,
}

/// Parameters of `accept-request`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequestParams {
    pub(super) request: ContactId,
    pub(super) name: String,
}

/// Parameters of `reject-request`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectRequestParams {
    pub(super) request: ContactId,
}

/// Parameters of `introduce`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntroduceParams {
    pub(super) first: String,
    pub(super) second: String,
    pub(super) as_first: Option<String>,
    pub(super) as_second: Option<String>,
    pub(super) note: Option<String>,
}

/// Parameters of `accept-introduction`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptIntroductionParams {
    pub(super) introduction: ContactId,
    pub(super) name: String,
}

/// Parameters of `reject-introduction`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectIntroductionParams {
    pub(super) introduction: ContactId,
}

/// Parameters of `send`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendParams {
    pub(super) contact: String,
    pub(super) text: String,
    pub(super) reply_to: Option<u64>,
    pub(super) disappearing: Option<Disappearing>,
}

/// Parameters of `react`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReactParams {
    pub(super) contact: String,
    pub(super) seq: u64,
    pub(super) emoji: Option<String>,
}

/// Parameters of `edit`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditParams {
    pub(super) contact: String,
    pub(super) seq: u64,
    pub(super) text: String,
}

/// Parameters of `delete`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteParams {
    pub(super) contact: String,
    pub(super) seq: u64,
    #[serde(default)]
    pub(super) here_only: bool,
}

/// Parameters of `disappearing`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisappearingParams {
    pub(super) contact: String,
    pub(super) limits: Option<Disappearing>,
}

/// Parameters of `receipts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsParams {
    pub(super) contact: String,
    pub(super) delivered: Option<bool>,
    pub(super) read: Option<bool>,
}

/// Parameters of `note`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteParams {
    pub(super) text: String,
}

/// Parameters of `messages`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagesParams {
    pub(super) contact: String,
    pub(super) after: Option<u64>,
}

/// Parameters of `message`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageParams {
    pub(super) message: MessageId,
}

/// Parameters of `unread`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadParams {
    pub(super) contact: Option<String>,
    pub(super) skip: Option<usize>,
    pub(super) muted: Option<bool>,
}

/// Parameters of `mark-read`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkReadParams {
    pub(super) contact: String,
    pub(super) seq: u64,
}

/// Parameters of `route`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteParams {
    pub(super) contact: Option<String>,
}

/// Parameters of `set-route`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRouteParams {
    pub(super) contact: Option<String>,
    pub(super) routes: Option<RoutePlan>,
}

/// Parameters of `doctor`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoctorParams {
    pub(super) run: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// One call, parsed.
pub enum Call {
    /// `status {}`: the state of everything.
    Status,
    /// `network {}`: what the network costs, what was used of it, and which delays to expect.
    Network,
    /// `contacts {}`: `[contact]`.
    Contacts,
    /// `rename {contact, name}`: the contact after the change.
    Rename(RenameParams),
    /// `mute {contact}`: the same.
    Mute(ContactParams),
    /// `unmute {contact}`: the same.
    Unmute(ContactParams),
    /// `block {contact}`: the same.
    Block(ContactParams),
    /// `unblock {contact}`: the same.
    Unblock(ContactParams),
    /// `delete-contact {contact}`: `{contact, messages, queued, withdrawn}`, what was removed.
    DeleteContact(ContactParams),
    /// `invite {name, ttl_s?}`: `{contact, link, expires_ms}`.
    Invite(InviteParams),
    /// `accept {name, link, note?}`: `{contact, contact_id}`. The link is an invitation, or a contact address; a note goes
    /// along with a request at an address.
    Accept(AcceptParams),
    /// `revoke {contact}`: `{}`, the invitation for this contact withdrawn.
    Revoke(ContactParams),
    /// `verify {contact}`: `{contact, trust, digits, groups, qr}`.
    Verify(ContactParams),
    /// `set-verified {contact, verified}`: as `verify`, after the change.
    SetVerified(SetVerifiedParams),
    /// `compare {contact, number}`: as `verify`, after the comparison, and `matches`.
    Compare(CompareParams),
    /// `rekey {contact, new_identity?}`: `{}`, and the session is made anew.
    Rekey(RekeyParams),
    /// `addresses {}`: `[address]`.
    Addresses,
    /// `create-address {label}`: `{label, address}`.
    CreateAddress(AddressParams),
    /// `remove-address {label}`: `{}`.
    RemoveAddress(AddressParams),
    /// `requests {}`: `[request]`.
    Requests,
    /// `accept-request {request, name}`: `{contact}`.
    AcceptRequest(AcceptRequestParams),
    /// `reject-request {request}`: `{}`.
    RejectRequest(RejectRequestParams),
    /// `introduce {first, second, as_first?, as_second?, note?}`: `{introduction, first, second, as_first, as_second}`.
    Introduce(IntroduceParams),
    /// `introductions {}`: `[introduction]`.
    Introductions,
    /// `accept-introduction {introduction, name}`: `{name, is_contact}`.
    AcceptIntroduction(AcceptIntroductionParams),
    /// `reject-introduction {introduction}`: `{}`.
    RejectIntroduction(RejectIntroductionParams),
    /// `send {contact, text, reply_to?, disappearing?}`: `{message, contact, state, route}`.
    Send(SendParams),
    /// `react {contact, seq, emoji?}`: as `send`. Without an emoji the reaction is taken back.
    React(ReactParams),
    /// `edit {contact, seq, text}`: as `send`.
    Edit(EditParams),
    /// `delete {contact, seq, here_only?}`: as `send`, or `{}` if it is deleted here only.
    Delete(DeleteParams),
    /// `disappearing {contact, limits?}`: `{contact, limits}`, after the change if one is given.
    Disappearing(DisappearingParams),
    /// `receipts {contact, delivered?, read?}`: `{contact, delivered, read}`, after the change if one is given.
    Receipts(ReceiptsParams),
    /// `note {text}`: `{message, contact, state}`.
    Note(NoteParams),
    /// `messages {contact, after?}`: `{messages: [message], more}`, oldest first, both directions.
    Messages(MessagesParams),
    /// `message {message}`: one message, or null.
    Message(MessageParams),
    /// `history {contact?, text?, from_ms?, to_ms?, direction?, before?, after?, limit?}`: `{messages, next}`, a page of
    /// one conversation or of all, backwards from the newest message or from `before`, or forwards from `after`.
    History(HistoryParams),
    /// `unread {contact?, skip?, muted?}`: `{messages: [message], more, muted_left_out}`, received and not marked read, by
    /// contact and age, without the first `skip`.
    Unread(UnreadParams),
    /// `mark-read {contact, seq}`: `{}`.
    MarkRead(MarkReadParams),
    /// `route {contact?}`: the routes of the profile and its contacts, or of one contact.
    Route(RouteParams),
    /// `set-route {contact?, routes?}`: as `route`, after the change.
    SetRoute(SetRouteParams),
    /// `tor {}`: how far Tor is, or null.
    Tor,
    /// `doctor {run?}`: `{run, done, ok, checks, tor}`.
    Doctor(DoctorParams),
    /// `backup {file, passphrase, argon2_mib, argon2_passes, argon2_lanes}`: `{file, bytes, records}`, when the file is
    /// durable.
    Backup(BackupParams),
    /// The calls about files.
    File(FileCall),
    /// `lock {}`: `{locked}`, when the vault is closed.
    Lock,
    /// `unlock {passphrase?, key_file?, words?, token?, token_pin?}`: `{locked}`.
    Unlock(Given),
}

impl Call {
    /// Parses a method and its parameters.
    ///
    /// # Errors
    /// [`CallError`] for an unknown method and for parameters that do not fit.
    pub fn parse(method: &str, params: &Value) -> Result<Self, CallError> {
        fn fit<'a, T: Deserialize<'a>>(method: &'static str, params: &'a Value) -> Result<T, CallError> {
            T::deserialize(params).map_err(|reason| CallError::Params { method, reason })
        }
        Ok(match method {
            "status" => fit("status", params).map(|NoParams {}| Self::Status)?,
            "network" => fit("network", params).map(|NoParams {}| Self::Network)?,
            "contacts" => fit("contacts", params).map(|NoParams {}| Self::Contacts)?,
            "rename" => Self::Rename(fit("rename", params)?),
            "mute" => Self::Mute(fit("mute", params)?),
            "unmute" => Self::Unmute(fit("unmute", params)?),
            "block" => Self::Block(fit("block", params)?),
            "unblock" => Self::Unblock(fit("unblock", params)?),
            "delete-contact" => Self::DeleteContact(fit("delete-contact", params)?),
            "invite" => Self::Invite(fit("invite", params)?),
            "accept" => Self::Accept(fit("accept", params)?),
            "revoke" => Self::Revoke(fit("revoke", params)?),
            "verify" => Self::Verify(fit("verify", params)?),
            "set-verified" => Self::SetVerified(fit("set-verified", params)?),
            "compare" => Self::Compare(fit("compare", params)?),
            "rekey" => Self::Rekey(fit("rekey", params)?),
            "addresses" => fit("addresses", params).map(|NoParams {}| Self::Addresses)?,
            "create-address" => Self::CreateAddress(fit("create-address", params)?),
            "remove-address" => Self::RemoveAddress(fit("remove-address", params)?),
            "requests" => fit("requests", params).map(|NoParams {}| Self::Requests)?,
            "accept-request" => Self::AcceptRequest(fit("accept-request", params)?),
            "reject-request" => Self::RejectRequest(fit("reject-request", params)?),
            "introduce" => Self::Introduce(fit("introduce", params)?),
            "introductions" => fit("introductions", params).map(|NoParams {}| Self::Introductions)?,
            "accept-introduction" => Self::AcceptIntroduction(fit("accept-introduction", params)?),
            "reject-introduction" => Self::RejectIntroduction(fit("reject-introduction", params)?),
            "send" => Self::Send(fit("send", params)?),
            "react" => Self::React(fit("react", params)?),
            "edit" => Self::Edit(fit("edit", params)?),
            "delete" => Self::Delete(fit("delete", params)?),
            "disappearing" => Self::Disappearing(fit("disappearing", params)?),
            "receipts" => Self::Receipts(fit("receipts", params)?),
            "note" => Self::Note(fit("note", params)?),
            "messages" => Self::Messages(fit("messages", params)?),
            "history" => Self::History(fit("history", params)?),
            "message" => Self::Message(fit("message", params)?),
            "unread" => Self::Unread(fit("unread", params)?),
            "mark-read" => Self::MarkRead(fit("mark-read", params)?),
            "route" => Self::Route(fit("route", params)?),
            "set-route" => Self::SetRoute(fit("set-route", params)?),
            "tor" => fit("tor", params).map(|NoParams {}| Self::Tor)?,
            "doctor" => Self::Doctor(fit("doctor", params)?),
            "backup" => Self::Backup(fit("backup", params)?),
            "files" => Self::File(FileCall::List(fit("files", params)?)),
            "file" => Self::File(FileCall::One(fit("file", params)?)),
            "file-begin" => Self::File(FileCall::Begin(fit("file-begin", params)?)),
            "file-data" => Self::File(FileCall::Data(fit("file-data", params)?)),
            "file-offer" => Self::File(FileCall::Offer(fit("file-offer", params)?)),
            "file-read" => Self::File(FileCall::Read(fit("file-read", params)?)),
            "file-accept" => Self::File(FileCall::Decide(Decision::Accept, fit("file-accept", params)?)),
            "file-decline" => Self::File(FileCall::Decide(Decision::Decline, fit("file-decline", params)?)),
            "file-pause" => Self::File(FileCall::Decide(Decision::Pause, fit("file-pause", params)?)),
            "file-resume" => Self::File(FileCall::Decide(Decision::Resume, fit("file-resume", params)?)),
            "file-cancel" => Self::File(FileCall::Decide(Decision::Cancel, fit("file-cancel", params)?)),
            "lock" => fit("lock", params).map(|NoParams {}| Self::Lock)?,
            "unlock" => Self::Unlock(fit("unlock", params)?),
            _ => return Err(CallError::Method(method.to_owned())),
        })
    }

    /// Whether it is answered while the profile is locked.
    pub(in crate::shell) const fn works_locked(&self) -> bool {
        matches!(self, Self::Status | Self::Network | Self::Lock | Self::Unlock(_))
    }

    /// Whether somebody at the keyboard does something, as far as a call tells. What programs ask for by themselves when a
    /// message arrives, or again and again, is none of that.
    pub(in crate::shell) const fn is_by_hand(&self) -> bool {
        if let Self::History(params) = self {
            return params.is_by_hand();
        }
        if let Self::File(call) = self {
            return call.is_by_hand();
        }
        !matches!(
            self,
            Self::Status
                | Self::Network
                | Self::Contacts
                | Self::Messages(_)
                | Self::Message(_)
                | Self::Unread(_)
                | Self::MarkRead(_)
                | Self::Route(_)
                | Self::Tor
                | Self::Doctor(_)
        )
    }

    /// The routes that it gives the profile, if it does.
    ///
    /// # Errors
    /// [`RoutePlanError::Empty`] if it gives none: a profile has no default to go back to.
    pub(in crate::shell) fn profile_plan(&self) -> Result<Option<RoutePlan>, RoutePlanError> {
        match self {
            Self::SetRoute(SetRouteParams { contact: None, routes }) => {
                routes.clone().ok_or(RoutePlanError::Empty).map(Some)
            }
            _ => Ok(None),
        }
    }
}
