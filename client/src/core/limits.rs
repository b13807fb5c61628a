//! Every size, count and time that a user, a peer or the network could drive up, in one place.

use std::time::Duration;

use crate::session::SKIPPED_MAX;

/// A text that a user can send, in bytes of UTF-8.
pub const TEXT_LEN_MAX: usize = 64 * 1024;
/// A message of any kind that is accepted from a peer, in bytes: the longest text, with what a letter says beside it.
pub const MESSAGE_LEN_MAX: usize = TEXT_LEN_MAX + 128;
/// A reaction, in bytes of UTF-8: the longest emoji sequences in use have 35, most have 4.
pub const EMOJI_LEN_MAX: usize = 48;
/// Series of letters that are remembered of each side of a conversation: each restored backup begins one.
pub const SERIES_MAX: usize = 4;
/// Ranges of missing letters that a report asks for, for each series.
pub const MISSING_RANGES_MAX: usize = 8;
/// Ranges of letters that a report says are gone.
pub const GONE_RANGES_MAX: usize = 16;
/// Ranges of letters that came although earlier ones are missing. Beyond it the earliest gap is given up.
pub const ARRIVED_RANGES_MAX: usize = 32;
/// How often one letter is sent again because the other side asks for it.
pub const RESENDS_MAX: u8 = 3;
/// The mean time between two moments at which a contact may be sent a report, in payload slots of the cover class.
pub const REPORT_INTERVAL_SLOTS_MEAN: u32 = 32;
/// The shortest existence that a user can give a message, in seconds: mailboxes keep no box for a shorter time than five
/// minutes, and the message has to get there first.
pub const EXISTS_FOR_MIN_S: u32 = 600;
/// The longest limit of existence that a user can give a message, in seconds: a year.
pub const DISAPPEARING_MAX_S: u32 = 366 * 24 * 3600;
/// How long letters wait in a new session for the other side to tell what it has, after the session before was lost.
pub const AWAIT_REPORT_MAX: Duration = Duration::from_secs(600);
/// Messages that end in one commit.
pub const VANISH_BATCH_MAX: usize = 256;
/// How far a sender's clock may be ahead before its time is not believed.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(300);
/// How old a message may be by its sender's clock before its time is not believed: a mailbox keeps it for 14 days, and it
/// may have waited for a session as long.
pub const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(28 * 24 * 3600);
/// A contact's name, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// Contacts in one profile.
pub const CONTACTS_MAX: usize = 1024;
/// Boxes that wait in the outbox: 4,096 of them hold about 5 MiB of text.
pub const OUTBOX_BOXES_MAX: usize = 4096;
/// Boxes of messages that go again because a contact says that it has not received them: a quarter of the outbox.
pub const RESEND_BOXES_MAX: usize = OUTBOX_BOXES_MAX / 4;
/// Tombstones that are kept until the boxes that they replace have run out. Beyond it none is kept, and a reader who comes
/// too late for such a box waits at its place.
pub const TOMBSTONES_MAX: usize = OUTBOX_BOXES_MAX;
/// A message that runs out and would have an envelope whose number in its chain is a multiple of this follows one that does not
/// run out. The first such leads into the chain's stream; the others keep what a reader has to skip below what the
/// ratchet can.
pub const LASTING_EVERY: u32 = SKIPPED_MAX / 2;
/// Hops that delay a packet on its way to a mailbox: all but the mailbox.
pub const FORWARD_DELAYS: u32 = 4;
/// What a packet's way to a mailbox may take beside the delays of its hops: links, queues, Tor.
pub const TRAVEL_SLACK: Duration = Duration::from_secs(20);
/// Packets whose answer is awaited. When the table is full, a slot carries a packet whose answer nobody awaits.
pub const OUTSTANDING_MAX: usize = 2048;
/// Boxes that do not exist and are asked for to fill empty slots.
pub const DECOYS_MAX: usize = 32;
/// Boxes of one stream that are asked for before the first of them has come.
pub const READ_AHEAD_MAX: usize = 32;
/// The same while nothing says how many are to come.
pub const READ_AHEAD_COMING_MAX: usize = 8;
/// Entries that a client takes turns among when they fail.
pub const ENTRIES_KEPT_MAX: usize = 3;
/// Failures in a row after which another entry is chosen.
pub const ENTRY_FAILURES_MAX: u32 = 5;
/// Tor circuits that are not closed: with two mailboxes a box, some thirty contacts written to and read on route `tor`. Beyond it
/// the one used longest ago is closed.
pub const CIRCUITS_MAX: usize = 128;
/// Messages in one page of the history.
pub const HISTORY_PAGE_MAX: usize = 200;
/// The same unless asked otherwise.
pub const HISTORY_PAGE_DEFAULT: usize = 50;
/// A page of the history ends with the message that brings its texts to this length, in bytes.
pub const HISTORY_TEXT_LEN_MAX: usize = 256 * 1024;
/// What one page of the history may cost, in bytes of ASCII text that are searched; other characters and messages
/// count for more. Packets wait meanwhile, and they have 50 ms for everything.
pub const HISTORY_WORK_MAX: u64 = 16 * 1024 * 1024;
/// A text that is searched for, in bytes of UTF-8.
pub const SEARCH_LEN_MAX: usize = 256;
/// Events that wait to be taken. Beyond it the oldest go; what they told is in the store and in the status.
pub const EVENTS_MAX: usize = 4096;

/// The shortest time for which an invitation can hold.
pub const INVITE_TTL_MIN: Duration = Duration::from_secs(60);
/// The longest time for which an invitation can hold: mailboxes keep no box longer.
pub const INVITE_TTL_MAX: Duration = Duration::from_secs(14 * 24 * 3600);

/// How late a tick may be and still be sent. After a longer pause (a suspended machine) the processes start anew.
pub const TICK_LATENESS_MAX: Duration = Duration::from_secs(5);
/// The pause before the store is tried again after a failure.
pub const STORE_RETRY: Duration = Duration::from_secs(1);
/// The shortest retransmission timeout.
pub const RTO_MIN: Duration = Duration::from_millis(500);
/// The longest retransmission timeout, backed off included.
pub const RTO_MAX: Duration = Duration::from_secs(120);
/// How often the timeout of one box doubles while its packets go unanswered.
pub const BACKOFF_DOUBLINGS_MAX: u32 = 5;
/// The first pause before a box goes again to a mailbox that refused it; it doubles like a timeout.
pub const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// The first retransmission timeout on route `tor`, and the shortest by a circuit that has brought no answer yet: Tor
/// has to fetch a descriptor and build the circuit first.
pub const CIRCUIT_RTO_INITIAL: Duration = Duration::from_secs(10);
/// The shortest retransmission timeout on route `tor`: Tor's own delays vary more than the mixes'.
pub const CIRCUIT_RTO_MIN: Duration = Duration::from_secs(2);
/// The shortest time for which a circuit takes packets.
pub const CIRCUIT_LIFE_MIN: Duration = Duration::from_secs(5 * 60);
/// The longest time for which a circuit takes packets.
pub const CIRCUIT_LIFE_MAX: Duration = Duration::from_secs(15 * 60);
/// For so long boxes of one stream that are found one after the other are read by one circuit. The next one found
/// after it is the last.
pub const CIRCUIT_SHARED_MAX: Duration = Duration::from_secs(60);
/// The pause after the first failure of a circuit to a mailbox; it doubles with each further one.
pub const CIRCUIT_PAUSE_MIN: Duration = Duration::from_secs(2);
/// The longest pause before another circuit is made to a mailbox that cannot be reached.
pub const CIRCUIT_PAUSE_MAX: Duration = Duration::from_secs(120);
/// How long a route may be without a session, or without Tor, before a fallback is taken that the user allows.
pub const FALLBACK_PATIENCE: Duration = Duration::from_secs(60);
/// The end of patience that has passed by more than this came while the machine slept, and is not one: the route had
/// no chance to work meanwhile.
pub const PATIENCE_LATENESS_MAX: Duration = Duration::from_secs(5);
/// How often the engine looks for what is due without anybody asking: steps of key encapsulation, keys to be laid out,
/// skipped keys that are too old.
pub const TEND_INTERVAL: Duration = Duration::from_secs(30);
/// The pause between two looks at a place where a contact, or somebody who asks, may lay out keys.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(10);
/// The same for places of periods that are over.
pub const WATCH_INTERVAL_PAST: Duration = Duration::from_secs(300);
/// The same on route `tor`, where each look is a packet more.
pub const WATCH_INTERVAL_TOR: Duration = Duration::from_secs(1800);
/// Boxes that are read at one such place: whoever can write there could fill it.
pub const WATCH_BOXES_MAX: u64 = 256;
/// Contact addresses of one profile.
pub const ADDRESSES_MAX: usize = 16;
/// Sets of keys of one address that requests are opened with: those of the last periods.
pub const ADDRESS_OFFERS_MAX: usize = 3;
/// Requests that one address remembers, so that a copy of one is not shown again.
pub const ADDRESS_TAGS_MAX: usize = 1024;
/// Requests that wait for a decision. While there are as many, no further ones are read.
pub const REQUESTS_MAX: usize = 64;
/// Places that a request is tried at before it is given up.
pub const ASKING_PLACES_MAX: u64 = 64;
/// What can be written with a request, in bytes of UTF-8.
pub const REQUEST_NOTE_LEN_MAX: usize = 120;
/// The longest file, in bytes.
pub const FILE_LEN_MAX: u64 = 16 * 1024 * 1024;
/// What a sender calls a file, in bytes of UTF-8.
pub const FILE_NAME_LEN_MAX: usize = 255;
/// The longest file that is asked for without the user, in bytes.
pub const FILE_ACCEPTED_LEN_MAX: u64 = 1024 * 1024;
/// Files of one contact that are asked for without the user and are not whole yet.
pub const FILES_COMING_MAX: usize = 16;
/// Received files that are kept, whole or not, in bytes.
pub const FILES_IN_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Copies of sent files that are kept, in bytes.
pub const FILES_OUT_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Ranges of parts that one answer to a file asks for.
pub const WANTED_RANGES_MAX: usize = 64;
/// Ranges of parts of a received file that are missing. A part that would make another one is refused and asked for later.
pub const PART_GAPS_MAX: usize = 256;
/// How often all parts of a file are sent again because the other side asks for them.
pub const PART_RESENDS_MAX: u64 = 3;
/// Parts beyond that: pausing a short file asks again for what is under way.
pub const PART_RESENDS_SLACK: u64 = 256;
/// While fewer boxes of a contact's files than this wait for a slot, so many more are sealed. A text that is written
/// meanwhile waits for twice as many boxes less one, and no more.
pub const PARTS_WAITING_MAX: usize = 4;
/// Boxes of a contact's files that are not stored on every replica. Beyond it no more are sealed: a mailbox is silent.
pub const PARTS_UNSETTLED_MAX: usize = 512;
/// How long no part is sealed because the contact is about to begin a new session.
pub const PARTS_HELD: Duration = Duration::from_secs(90);
/// Blocks of a file that are read for its hash before other things have a turn.
pub const HASHED_BLOCKS_MAX: usize = 4;
/// Records of files that nobody needs any more and that go in one commit.
pub const ORPHANS_BATCH_MAX: usize = 256;
/// Introductions under way that a profile has made, and as many that were made to it.
pub const INTRODUCTIONS_MAX: usize = 64;
/// The same of one contact.
pub const INTRODUCTIONS_OF_CONTACT_MAX: usize = 8;
/// How long an introduction is under way at most, and how long the letters with its link are kept for a contact that does
/// not tell that they came: as long as an invitation can hold.
pub const INTRODUCTION_TTL: Duration = INVITE_TTL_MAX;
/// What can be written with an introduction, in bytes of UTF-8.
pub const INTRODUCTION_NOTE_LEN_MAX: usize = 120;
/// What is read as the link of an introduction, in bytes: a link has 79.
pub const INTRODUCTION_LINK_LEN_MAX: usize = 128;
