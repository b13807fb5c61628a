//! What the engine shows of itself: plain values for a terminal, a script or a daemon's clients.
//!
//! Views hold text from peers as it came; whoever prints it to a terminal escapes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sotto_protocol::directory::Freshness;

use super::id::{ContactId, MessageId};
use super::letter::Disappearing;
use super::message::{Direction, MessageState};
use super::route::{Route, RoutePlan};
use super::trust::Trust;

/// How far a contact is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContactState {
    /// Invited, or accepted, and nothing known of the other side yet.
    Pending,
    /// Both sides have met.
    Established,
    /// The invitation ran out before anybody took it up.
    Expired,
    /// Somebody else took up the invitation.
    Taken,
    /// The invitation was withdrawn by who made it.
    Revoked,
    /// What lay in the place of the other side's keys cannot be used.
    Spoiled,
    /// It is no person: the user's own notes, which never leave this device.
    Notes,
}

/// One contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContactView {
    /// The name that the user gave it, unique in the profile.
    pub name: String,
    /// How far it is.
    pub state: ContactState,
    /// Whether its key was verified. Says nothing of the notes.
    pub trust: Trust,
    /// Whether its messages are left out where nobody has asked for them.
    pub muted: bool,
    /// Whether nothing is read of it and nothing is written to it.
    pub blocked: bool,
    /// When the invitation runs out, in milliseconds since the Unix epoch; none once established.
    pub expires_ms: Option<u64>,
    /// All messages of the conversation that are kept, notices included.
    pub messages: u64,
    /// Received messages that [`super::Engine::mark_read`] has not covered.
    pub unread: u64,
    /// Messages to it that are not stored on every replica yet.
    pub queued: u64,
    /// The route that serves it at present; of the notes, which no route serves, the profile's.
    pub route: Route,
    /// The routes that are allowed, the wanted one first.
    pub routes: RoutePlan,
    /// Whether these are its own; else they are the profile's.
    pub routes_own: bool,
    /// One line: what `route` protects from, and what not.
    pub protects: String,
}

/// What was removed with a contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeletionView {
    /// The name that it had.
    pub contact: String,
    /// Messages of the conversation, notices included.
    pub messages: u64,
    /// Those among them that were sent and not stored on every replica; what is left of them does not go out any more.
    pub queued: u64,
    /// Whether its invitation, which nobody had answered, is withdrawn.
    pub withdrawn: bool,
}

/// One contact address of this profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AddressView {
    /// The name that the user gave it, unique among addresses.
    pub label: String,
    /// The text to publish.
    pub address: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Whether its keys of this period lie at the mailboxes.
    pub is_published: bool,
    /// Requests that wait for a decision.
    pub requests: u64,
}

/// One request to become a contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestView {
    /// By which it is accepted or rejected.
    pub request: ContactId,
    /// The label of the address that was asked at; none if it was removed meanwhile.
    pub address: Option<String>,
    /// When it was found, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What they wrote; may be empty.
    pub note: String,
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A text.
    Text,
    /// Something that this version does not know; it is kept, and `text` says what it is.
    Unknown,
    /// What this program says of the conversation; nobody has written it.
    Notice,
    /// A text was here that its sender has deleted for both.
    Deleted,
    /// The limits of existence that messages have from here on.
    Defaults,
    /// A reaction of ours on its way. It is shown at the message that it refers to.
    Reaction,
    /// An edit of ours on its way, likewise.
    Edit,
    /// A deletion of ours on its way, likewise.
    Deletion,
    /// A file: what its sender calls it, and its size. How far it is, the list of files tells.
    File,
    /// An answer of ours to a file on its way. It shows at the file.
    FileAnswer,
    /// Somebody is introduced; `text` says who.
    Introduction,
    /// An answer of ours to an introduction, on its way. It is not shown.
    IntroductionAnswer,
    /// The link of an introduction that we have made, on its way, likewise.
    IntroductionLink,
}

/// The reactions to one message.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ReactionsView {
    /// Ours.
    pub own: Option<String>,
    /// The contact's.
    pub theirs: Option<String>,
}

/// When a message disappears.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DisappearingView {
    /// The limits that it came with.
    pub limits: Disappearing,
    /// The end of its existence as far as it is certain, in milliseconds since the Unix epoch. Reading can bring it forward.
    pub until_ms: Option<u64>,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MessageView {
    /// Its name within the profile.
    pub id: MessageId,
    /// The contact's name.
    pub contact: String,
    /// Whether the contact's key is verified at present.
    pub trust: Trust,
    /// Whether the user has muted the contact.
    pub muted: bool,
    /// Its place in the conversation as this side saw it: grows by one a message, from 1.
    pub seq: u64,
    /// Whether it was sent or received.
    pub direction: Direction,
    /// What it is.
    pub kind: MessageKind,
    /// The text, as it was written.
    pub text: String,
    /// When it was sent or received here, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How far it is.
    pub state: MessageState,
    /// The `seq` of the message that it answers or refers to, if that is here.
    pub refers_to: Option<u64>,
    /// Whether it is an answer. With `refers_to` absent, to a message that is not here.
    pub is_reply: bool,
    /// Whether its sender has changed the text.
    pub edited: bool,
    /// What both sides think of it.
    pub reactions: ReactionsView,
    /// When it disappears; none if it does not.
    pub disappearing: Option<DisappearingView>,
}

#[cfg(test)]
impl MessageView {
    /// A text that a verified contact of this name has sent, as number 1.
    pub(crate) fn example(contact: &str, text: &str) -> Self {
        Self {
            id: MessageId::from_bytes([1; 16]),
            contact: contact.to_owned(),
            trust: Trust::Verified,
            muted: false,
            seq: 1,
            direction: Direction::In,
            kind: MessageKind::Text,
            text: text.to_owned(),
            at_ms: 0,
            state: MessageState::Received,
            refers_to: None,
            is_reply: false,
            edited: false,
            reactions: ReactionsView::default(),
            disappearing: None,
        }
    }
}

/// Whether there is a consensus and how fresh it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsensusState {
    /// None has come yet.
    Missing,
    /// Not valid yet: this computer's clock is probably slow.
    NotYet,
    /// Valid.
    Fresh,
    /// Run out, and used for the stated grace because no newer one has come.
    Grace,
    /// Run out altogether.
    Expired,
}

impl From<Option<Freshness>> for ConsensusState {
    fn from(freshness: Option<Freshness>) -> Self {
        match freshness {
            None => Self::Missing,
            Some(Freshness::NotYet) => Self::NotYet,
            Some(Freshness::Fresh) => Self::Fresh,
            Some(Freshness::Grace) => Self::Grace,
            Some(Freshness::Expired) => Self::Expired,
        }
    }
}

/// Whether packets can go by a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteState {
    /// There is a session at an entry, or circuits can be made.
    Connected,
    /// It is wanted, and there is no session or no Tor.
    Disconnected,
    /// Neither the profile nor a contact wants it at present.
    NotWanted,
}

/// One route and how it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RouteView {
    /// Which one.
    pub route: Route,
    /// One line: what it protects from, and what not.
    pub protects: String,
    /// Whether packets can go by it.
    pub state: RouteState,
    /// Why they cannot, in words; none while they can and while nobody wants it.
    pub why: Option<String>,
    /// Since when it is in this state, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// The entry, in hexadecimal: the one in use or else the one wanted. None on route `tor`.
    pub entry: Option<String>,
    /// The cover processes, once a consensus names the class.
    pub cover: Option<CoverView>,
    /// The smoothed round trip to a mailbox, in milliseconds, once one was measured.
    pub rtt_ms: Option<u64>,
    /// The retransmission timeout, in milliseconds.
    pub rto_ms: Option<u64>,
    /// Circuits in use; 0 on routes over an entry.
    pub circuits: u64,
}

/// One message that is not stored yet and what it is waiting for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaitingView {
    /// Which message; none for keys that are to be exchanged.
    pub message: Option<MessageId>,
    /// The contact's name.
    pub contact: String,
    /// Whether the contact's key is verified at present.
    pub trust: Trust,
    /// How far it is.
    pub state: MessageState,
    /// What it is waiting for, in words.
    pub why: String,
    /// How long it can be expected to wait still, in milliseconds; none where nothing can be said.
    pub expected_ms: Option<u64>,
    /// The route that serves the contact at present.
    pub route: Route,
    /// The routes that are allowed, the wanted one first.
    pub routes: RoutePlan,
    /// One line: what `route` protects from, and what not.
    pub protects: String,
}

/// What every mailbox of it has, and a contact has not confirmed: it has not been connected since, or sends no receipts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UndeliveredView {
    /// The contact's name.
    pub contact: String,
    /// Whether the contact's key is verified at present.
    pub trust: Trust,
    /// How many messages.
    pub messages: u64,
    /// When the oldest of them was written, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Until when mailboxes keep that one at least, in milliseconds since the Unix epoch. If it is fetched later, it is missing
    /// there, asked for and sent again.
    pub kept_until_ms: u64,
    /// When something of the contact came last, in milliseconds since the Unix epoch; none if nothing ever did.
    pub heard_ms: Option<u64>,
    /// How long it takes on average until a contact that is connected has confirmed, in milliseconds.
    pub expected_ms: Option<u64>,
}

/// The cover process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CoverView {
    /// Whether packets leave. False without a session, or without Tor, or without a usable consensus.
    pub running: bool,
    /// Mean time between packets that carry a message, a poll or a decoy, in milliseconds.
    pub payload_interval_ms_mean: u32,
    /// Mean time between loops, in milliseconds. None on route `tor`, which has no loops.
    pub loop_interval_ms_mean: Option<u32>,
    /// Mean time between drops, in milliseconds. None on route `tor`, which has no drops.
    pub drop_interval_ms_mean: Option<u32>,
    /// Whether a tick with nothing to carry is filled with a decoy: always but on route `tor`, where it is a setting.
    pub decoys: bool,
}

/// What has been sent and what came back, since the engine was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Packets that carried a box for a mailbox.
    pub sent_write: u64,
    /// Packets that asked for a box of a contact.
    pub sent_read: u64,
    /// Packets that asked for a random box, because nothing waited.
    pub sent_decoy: u64,
    /// Loops back to this client.
    pub sent_loop: u64,
    /// Drops.
    pub sent_drop: u64,
    /// Loops that came back.
    pub loops_returned: u64,
    /// Loops that did not come back in time.
    pub loops_lost: u64,
    /// Loops that cannot come back, because the session they belonged to is gone.
    pub loops_abandoned: u64,
    /// Boxes that went to a mailbox again after silence.
    pub retransmissions: u64,
    /// Answers of mailboxes, to whatever was asked.
    pub replies: u64,
    /// Answers that came after their timeout and still counted.
    pub replies_late: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Everything that was refused or could not be done, by label.
    pub labels: BTreeMap<String, u64>,
}

/// Everything about the engine's state that is worth a look.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatusView {
    /// The network's name, once a consensus is known.
    pub network: Option<String>,
    /// The epoch of the consensus.
    pub epoch: Option<u64>,
    /// The state of the consensus.
    pub consensus: ConsensusState,
    /// The cover class.
    pub class: String,
    /// The routes of the profile, the wanted one first.
    pub plan: RoutePlan,
    /// Every route and how it stands.
    pub routes: Vec<RouteView>,
    /// Whether the store works.
    pub store_working: bool,
    /// Messages that are not stored yet, oldest first.
    pub waiting: Vec<WaitingView>,
    /// What is stored and not confirmed.
    pub undelivered: Vec<UndeliveredView>,
    /// Boxes in the outbox.
    pub outbox_boxes: u64,
    /// Packets whose answer is awaited.
    pub outstanding: u64,
    /// Counts.
    pub counters: Counters,
}

impl StatusView {
    /// How one route stands.
    #[must_use]
    pub fn route(&self, route: Route) -> Option<&RouteView> {
        self.routes.iter().find(|view| view.route == route)
    }
}
