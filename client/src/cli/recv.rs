//! `sotto recv`: shows messages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::output::{Output, print};
use super::{Common, Ended, escape, name, stored, when};
use crate::core::{Direction, MessageKind, MessageState, MessageView, NOTES_NAME};
use crate::shell::Failure;
use crate::shell::client::{Connection, News, Reach};

/// How long a command that runs alone listens unless told otherwise, in seconds.
const ALONE_FOR_S: u64 = 30;
/// How often to look even if nothing was told.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Show messages that you have not seen yet, or wait for new ones.
///
/// Messages of people whom you have muted are left out unless you name the person or give --muted. A message counts as seen
/// once it was printed. With a daemon running the command shows what has come and ends.
/// Without one it connects and listens for 30 seconds, or as long as --for says.
#[derive(Args, Debug)]
pub(super) struct RecvArgs {
    /// Only messages from this person.
    contact: Option<String>,
    /// Show messages of people whom you have muted, too.
    #[arg(long, conflicts_with_all = ["all"])]
    muted: bool,
    /// Keep on showing messages until interrupted by Ctrl-C. With --json: one object a line.
    #[arg(long, conflicts_with_all = ["all"])]
    follow: bool,
    /// Listen for this many seconds.
    #[arg(long = "for", value_name = "SECONDS", conflicts_with_all = ["all"])]
    for_s: Option<u64>,
    /// End as soon as this many messages were shown; exit code 3 if the time of --for runs out before.
    #[arg(long, value_name = "N", conflicts_with_all = ["all"])]
    count: Option<u64>,
    /// Show the whole conversation with the person, sent messages too, seen or not. Needs no network.
    #[arg(long, requires = "contact")]
    all: bool,
}

pub(super) async fn run(common: &Common, args: &RecvArgs) -> Result<Ended, Failure> {
    let reach = if args.all { Reach::Vault } else { Reach::Network };
    let mut connection = common.connect(reach).await?;
    let outcome = match &args.contact {
        Some(contact) if args.all => history(common.output(), &connection, contact).await,
        _ => receive(common.output(), &mut connection, args).await,
    };
    connection.close().await;
    outcome
}

/// Prints a whole conversation.
async fn history(output: Output, connection: &Connection, contact: &str) -> Result<Ended, Failure> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|message: &MessageView| message.seq);
        let (page, more) =
            take_page(connection.call("messages", json!({ "contact": contact, "after": after })).await?)?;
        let is_last = page.is_empty() || !more;
        all.extend(page);
        if is_last {
            break;
        }
    }
    output.note(&introduction(connection, contact).await?);
    let rows = serde_json::to_value(&all).unwrap_or_default();
    output.result(&rows, |_| all.iter().map(human).collect::<Vec<_>>().join("\n"))?;
    Ok(Ended::Well)
}

/// Prints unseen messages, for as long as the arguments say.
async fn receive(output: Output, connection: &mut Connection, args: &RecvArgs) -> Result<Ended, Failure> {
    let mut interrupted = signal(SignalKind::interrupt())
        .map_err(|error| Failure::new("signal", format!("cannot listen for Ctrl-C: {error}")))?;
    if connection.is_alone() {
        output.note(stored::ALONE_NOTE);
    }
    let for_s = match (args.for_s, args.follow, args.count) {
        (Some(for_s), _, _) => Some(for_s),
        (None, true, _) | (None, false, Some(_)) => None,
        (None, false, None) => Some(if connection.is_alone() { ALONE_FOR_S } else { 0 }),
    };
    if let (true, Some(for_s)) = (connection.is_alone(), for_s) {
        output.note(&format!("Listening for {for_s} s; Ctrl-C ends it."));
    }
    let ending = async {
        match for_s {
            Some(for_s) => tokio::time::sleep(Duration::from_secs(for_s)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(ending);
    let mut shown = Shown {
        output,
        follows: args.follow,
        count: 0,
        rows: Vec::new(),
        introduced: BTreeSet::new(),
        left_out: 0,
        has_told: false,
    };
    let ended = loop {
        shown.take_unread(connection, args).await?;
        if args.follow {
            shown.tell_left_out();
        }
        if args.count.is_some_and(|count| shown.count >= count) {
            break Ended::Well;
        }
        tokio::select! {
            news = tokio::time::timeout(LOOK_INTERVAL, connection.news()) => {
                if news == Ok(News::Ended) {
                    return Err(Failure::new("daemon-ended", "the daemon ended meanwhile: start it again, then recv"));
                }
            }
            () = &mut ending => {
                // What came in the last moment is not left lying.
                shown.take_unread(connection, args).await?;
                break match args.count {
                    Some(count) if shown.count < count => Ended::TimedOut,
                    _ => Ended::Well,
                };
            }
            _ = interrupted.recv() => break Ended::Well,
        }
    };
    shown.finish(connection).await?;
    shown.tell_left_out();
    Ok(ended)
}

/// What has been printed, or will be as one array.
struct Shown {
    output: Output,
    follows: bool,
    count: u64,
    /// Kept back for one JSON array.
    rows: Vec<MessageView>,
    /// Of whom a message was printed.
    introduced: BTreeSet<String>,
    /// Unread messages of muted contacts that are not shown.
    left_out: u64,
    /// Whether that was told.
    has_told: bool,
}

impl Shown {
    /// Prints what is unread and marks it read; an array is printed at the end, and marked then.
    async fn take_unread(&mut self, connection: &Connection, args: &RecvArgs) -> Result<(), Failure> {
        if self.is_array() {
            (self.rows, self.left_out) = all_unread(connection, args).await?;
            self.rows.truncate(limit(args.count, 0));
            self.count = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
            return Ok(());
        }
        loop {
            let room = limit(args.count, self.count);
            let unread = connection.call("unread", unread_params(args, 0)).await?;
            self.left_out = left_out(&unread);
            let (mut page, more) = take_page(unread)?;
            page.truncate(room);
            if page.is_empty() {
                return Ok(());
            }
            for message in &page {
                self.introduce(connection, &message.contact).await?;
                let row = serde_json::to_value(message).unwrap_or_default();
                self.output.result(&row, |_| human(message))?;
                self.count = self.count.saturating_add(1);
            }
            mark_read(connection, &page).await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Says by which route a conversation goes, before its first message.
    async fn introduce(&mut self, connection: &Connection, contact: &str) -> Result<(), Failure> {
        if !self.output.is_json() && self.introduced.insert(contact.to_owned()) {
            self.output.note(&introduction(connection, contact).await?);
        }
        Ok(())
    }

    /// Says once how many messages are not shown, if there are any.
    fn tell_left_out(&mut self) {
        if self.left_out == 0 || std::mem::replace(&mut self.has_told, true) {
            return;
        }
        self.output.note(&left_out_note(self.left_out));
    }

    /// Prints the array, if that is the form.
    async fn finish(&self, connection: &Connection) -> Result<(), Failure> {
        if self.is_array() {
            let rows = serde_json::to_value(&self.rows).unwrap_or_default();
            print(&escape::json(&rows.to_string()))?;
            mark_read(connection, &self.rows).await?;
        }
        Ok(())
    }

    const fn is_array(&self) -> bool {
        self.output.is_json() && !self.follows
    }
}

/// A conversation's route, and what that protects from.
async fn introduction(connection: &Connection, contact: &str) -> Result<String, Failure> {
    if contact == NOTES_NAME {
        return Ok(format!("{NOTES_NAME}: kept on this device, and never sent"));
    }
    let routes = connection.call("route", json!({ "contact": contact })).await?;
    let field = |name: &str| escape::line(routes.get(name).and_then(Value::as_str).unwrap_or_default());
    let contact = name::from_json(contact, &routes);
    Ok(format!("{contact} [{}]: {}", field("route"), field("protects")))
}

/// Everything unread, in one piece. A message that comes meanwhile moves others into the next page, never out of it.
/// Also how many messages of muted contacts are left out.
async fn all_unread(connection: &Connection, args: &RecvArgs) -> Result<(Vec<MessageView>, u64), Failure> {
    let mut unread: Vec<MessageView> = Vec::new();
    loop {
        let answer = connection.call("unread", unread_params(args, unread.len())).await?;
        let left_out = left_out(&answer);
        let (mut page, more) = take_page(answer)?;
        page.retain(|message| unread.iter().all(|known| known.id != message.id));
        let is_last = page.is_empty() || !more;
        unread.append(&mut page);
        if is_last {
            return Ok((unread, left_out));
        }
    }
}

fn unread_params(args: &RecvArgs, skip: usize) -> Value {
    json!({ "contact": args.contact, "skip": skip, "muted": args.muted })
}

/// How many messages of muted contacts an answer leaves out.
fn left_out(unread: &Value) -> u64 {
    unread.get("muted_left_out").and_then(Value::as_u64).unwrap_or_default()
}

fn left_out_note(left_out: u64) -> String {
    let what = match left_out {
        1 => "1 unread message of a muted contact is".to_owned(),
        count => format!("{count} unread messages of muted contacts are"),
    };
    format!("{what} not shown: `sotto recv --muted` shows everything.")
}

/// How many more messages are wanted.
fn limit(count: Option<u64>, shown: u64) -> usize {
    count.map_or(usize::MAX, |count| usize::try_from(count.saturating_sub(shown)).unwrap_or(usize::MAX))
}

/// Only after printing: a message may be shown twice after a crash, but none goes by unseen.
async fn mark_read(connection: &Connection, messages: &[MessageView]) -> Result<(), Failure> {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for message in messages {
        let seq = last.entry(&message.contact).or_default();
        *seq = message.seq.max(*seq);
    }
    for (contact, seq) in last {
        connection.call("mark-read", json!({ "contact": contact, "seq": seq })).await?;
    }
    Ok(())
}

fn take_page(mut page: Value) -> Result<(Vec<MessageView>, bool), Failure> {
    let more = page.get("more").and_then(Value::as_bool).unwrap_or_default();
    let messages = page.get_mut("messages").map(Value::take).unwrap_or_default();
    let messages = serde_json::from_value(messages)
        .map_err(|error| Failure::new("internal", format!("the messages cannot be read: {error}")))?;
    Ok((messages, more))
}

/// One message in words.
pub(super) fn human(message: &MessageView) -> String {
    let contact = name::of_message(message);
    let text = escape::lines(&message.text, "    ");
    let head = format!("{}  #{}", when::utc(message.at_ms), message.seq);
    let what = match message.kind {
        MessageKind::Text => format!("{}{text}", answered(message)),
        MessageKind::File => format!("[file {}: {text}]", message.seq),
        MessageKind::Deleted => "[deleted by its sender]".to_owned(),
        MessageKind::Unknown
        | MessageKind::Notice
        | MessageKind::Defaults
        | MessageKind::Reaction
        | MessageKind::Edit
        | MessageKind::FileAnswer
        | MessageKind::Deletion
        | MessageKind::Introduction
        | MessageKind::IntroductionAnswer
        | MessageKind::IntroductionLink => format!("[{text}]"),
    };
    let tail = remarks(message);
    match (message.direction, message.kind) {
        _ if message.state == MessageState::Kept => format!("{head} {NOTES_NAME}: {what}"),
        (_, MessageKind::Notice) => format!("{head} [{contact}: {text}]"),
        (Direction::In, _) => format!("{head} {contact}: {what}{tail}"),
        (Direction::Out, _) => format!("{head} to {contact} ({}): {what}{tail}", message.state.label()),
    }
}

/// To which message it is an answer.
fn answered(message: &MessageView) -> String {
    match (message.is_reply, message.refers_to) {
        (false, _) => String::new(),
        (true, Some(seq)) => format!("(to #{seq}) "),
        (true, None) => "(to a message that is not here) ".to_owned(),
    }
}

/// What is to be known of a message beside its text.
fn remarks(message: &MessageView) -> String {
    let mut remarks = Vec::new();
    if message.edited {
        remarks.push("edited".to_owned());
    }
    let reactions = [(&message.reactions.own, "you"), (&message.reactions.theirs, "they")];
    for (emoji, who) in reactions {
        remarks.extend(emoji.as_ref().map(|emoji| format!("{who}: {}", escape::line(emoji))));
    }
    if let Some(disappearing) = &message.disappearing {
        if disappearing.limits.read_once {
            remarks.push("shown once".to_owned());
        }
        remarks.extend(disappearing.until_ms.map(|until_ms| format!("gone at {}", when::utc(until_ms))));
    }
    if remarks.is_empty() { String::new() } else { format!("  [{}]", remarks.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{ReactionsView, Trust};

    #[test]
    fn hostile_text_and_names_do_not_reach_the_terminal() {
        let message = MessageView {
            trust: Trust::Unverified,
            is_reply: true,
            edited: true,
            reactions: ReactionsView { own: None, theirs: Some("\u{1b}[1m\u{202e}".to_owned()) },
            ..MessageView::example("Bob\u{202e}", "\x1b]0;owned\x07\r\u{7f}first\nsecond\u{9b}2J")
        };
        insta::assert_snapshot!(human(&message), @r"
        1970-01-01 00:00:00Z  #1 Bob<U+202E> (unverified): (to a message that is not here) <U+001B>]0;owned<U+0007><U+000D><U+007F>first
            second<U+009B>2J  [edited; they: <U+001B>[1m<U+202E>]
        ");
    }

    #[test]
    fn a_muted_contact_and_a_note_are_told_from_others() {
        let message = MessageView { muted: true, ..MessageView::example("Bob (muted)", "psst") };
        assert_eq!(human(&message), "1970-01-01 00:00:00Z  #1 Bob (muted) (verified) (muted): psst");
        let (direction, state) = (Direction::Out, MessageState::Stored);
        let own = MessageView { muted: false, direction, state, ..message };
        assert_eq!(human(&own), "1970-01-01 00:00:00Z  #1 to Bob (muted) (verified) (stored): psst");
        let note = MessageView { contact: "notes".to_owned(), state: MessageState::Kept, ..own };
        assert_eq!(human(&note), "1970-01-01 00:00:00Z  #1 notes: psst");
        assert!(left_out_note(1).starts_with("1 unread message of a muted contact is not shown"));
        assert!(left_out_note(2).starts_with("2 unread messages of muted contacts are not shown"));
    }

    #[test]
    fn no_more_messages_than_wanted_are_taken() {
        assert_eq!(limit(None, 7), usize::MAX);
        assert_eq!(limit(Some(3), 1), 2);
        assert_eq!(limit(Some(3), 9), 0);
    }
}
