//! `sotto history`: shows messages of the past, a page at a time.

use clap::Args;
use serde_json::{Value, json};
use sotto_transport::clock::Clock;

use super::when::Moment;
use super::{Common, Ended, escape, quoting, recv, when};
use crate::core::limits::HISTORY_PAGE_MAX;
use crate::core::{Cursor, Direction, HistoryPage, HistoryRow};
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

/// Show messages of the past, sent and received, a page at a time.
///
/// Without a person it shows those of all conversations, by time. Below the page are the commands for the pages before
/// and after it. Nothing counts as seen by this, and no network is needed.
#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    /// Only the conversation with this person.
    contact: Option<String>,
    #[command(flatten)]
    span: SpanArgs,
}

/// Which part of the past is wanted.
#[derive(Args, Debug)]
pub(super) struct SpanArgs {
    /// Go back from this place: what a page before this one has printed.
    #[arg(long, value_name = "CURSOR", conflicts_with = "after")]
    before: Option<Cursor>,
    /// Go forward from this place.
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
    /// Only messages of this time or later: 2026-05-01, 2026-05-01T12:34:56Z (both UTC), or 90m, 24h, 7d for so long ago.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only messages before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only messages that were received (in) or sent (out).
    #[arg(long, value_name = "in|out", value_parser = direction)]
    direction: Option<Direction>,
    /// How many messages at most, 1 to 200.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=HISTORY_PAGE_MAX as u64))]
    limit: u64,
}

impl SpanArgs {
    /// Whether the page is read forwards.
    pub(super) const fn is_forwards(&self) -> bool {
        self.after.is_some()
    }
}

fn direction(text: &str) -> Result<Direction, String> {
    match text {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        _ => Err("expected in or out".to_owned()),
    }
}

/// A question, as often as it takes to get a whole page.
pub(super) struct Question<'a> {
    pub(super) contact: Option<&'a str>,
    pub(super) text: Option<&'a str>,
    span: &'a SpanArgs,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

impl<'a> Question<'a> {
    /// Spans that are told by how long ago they were are those of this moment.
    pub(super) fn new(contact: Option<&'a str>, text: Option<&'a str>, span: &'a SpanArgs) -> Self {
        let now_ms = Clock::system().now().as_millis();
        let at_ms = |moment: &Moment| moment.at_ms(now_ms);
        let (from_ms, to_ms) = (span.since.as_ref().map(at_ms), span.until.as_ref().map(at_ms));
        Self { contact, text, span, from_ms, to_ms }
    }

    /// A whole page, unless there are not as many messages.
    pub(super) async fn ask(&self, connection: &Connection) -> Result<HistoryPage, Failure> {
        let limit = usize::try_from(self.span.limit).unwrap_or(HISTORY_PAGE_MAX);
        let (mut before, mut after) = (self.span.before, self.span.after);
        let mut messages: Vec<HistoryRow> = Vec::new();
        loop {
            let params = json!({
                "contact": self.contact,
                "text": self.text,
                "from_ms": self.from_ms,
                "to_ms": self.to_ms,
                "direction": self.span.direction,
                "before": before,
                "after": after,
                "limit": limit.saturating_sub(messages.len()),
            });
            let page: HistoryPage = serde_json::from_value(connection.call("history", params).await?)
                .map_err(|error| Failure::new("internal", format!("the page cannot be read: {error}")))?;
            messages.extend(page.messages);
            if page.next.is_none() || messages.len() >= limit {
                return Ok(HistoryPage { messages, next: page.next });
            }
            *(if after.is_some() { &mut after } else { &mut before }) = page.next;
        }
    }

    /// The options that a command for another page of the same has.
    pub(super) fn options(&self, common: &Common) -> Vec<String> {
        let mut options = Vec::new();
        if common.profile != "default" {
            options.push(quoting::option("profile", &common.profile));
        }
        for (name, at_ms) in [("since", self.from_ms), ("until", self.to_ms)] {
            options.extend(at_ms.map(|at_ms| format!("--{name} {}", when::utc(at_ms).replace(' ', "T"))));
        }
        if let Some(direction) = self.span.direction {
            let direction = if direction == Direction::In { "in" } else { "out" };
            options.push(quoting::option("direction", direction));
        }
        options.push(format!("--limit {}", self.span.limit));
        options
    }
}

/// The places to go on from, backwards and forwards: at the end that was reached there is none.
fn ends(page: &HistoryPage, span: &SpanArgs) -> (Option<Cursor>, Option<Cursor>) {
    let first = page.messages.first().map(|row| row.cursor);
    match (span.before, span.after) {
        (_, Some(after)) => (Some(first.unwrap_or(after)), page.next),
        (Some(before), None) => (page.next, Some(first.unwrap_or(before))),
        (None, None) => (page.next, None),
    }
}

pub(super) async fn run(common: &Common, args: &HistoryArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let question = Question::new(args.contact.as_deref(), None, &args.span);
    let page = question.ask(&connection).await;
    connection.close().await;
    let page = page?;
    let answer = serde_json::to_value(&page).unwrap_or_default();
    let output = common.output();
    output.result(&answer, |_: &Value| lines(&page, !args.span.is_forwards()))?;
    let (older, newer) = ends(&page, &args.span);
    let contact = args.contact.as_deref().map(quoting::last);
    let command = |option: &str, cursor: &Cursor| {
        let mut words = vec!["sotto history".to_owned(), format!("--{option} {cursor}")];
        words.extend(question.options(common));
        words.extend(contact.clone());
        words.join(" ")
    };
    for (what, option, cursor) in [("Older", "before", older), ("Newer", "after", newer)] {
        if let Some(cursor) = cursor {
            output.note(&format!("{what}: {}", escape::line(&command(option, &cursor))));
        }
    }
    Ok(Ended::Well)
}

/// The messages of a page in words, in its order or the other way round.
pub(super) fn lines(page: &HistoryPage, is_turned: bool) -> String {
    if page.messages.is_empty() {
        return "No messages.".to_owned();
    }
    let mut lines: Vec<String> = page.messages.iter().map(|row| recv::human(&row.message)).collect();
    if is_turned {
        lines.reverse();
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::core::{ContactId, MessageView};

    #[derive(Parser)]
    struct Parsed {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        args: HistoryArgs,
    }

    fn row(seq: u64) -> HistoryRow {
        let text = format!("{seq}\u{1b}[2J");
        let message = MessageView { seq, ..MessageView::example("Bob", &text) };
        HistoryRow { cursor: cursor(seq), message }
    }

    fn cursor(seq: u64) -> Cursor {
        format!("0.{}.{seq}", ContactId::from_bytes([7; 16])).parse().unwrap()
    }

    fn span(args: &[&str]) -> SpanArgs {
        Parsed::try_parse_from([&["history"], args].concat()).unwrap().args.span
    }

    #[test]
    fn a_page_that_was_read_backwards_is_shown_forwards() {
        let page = HistoryPage { messages: vec![row(9), row(8)], next: None };
        insta::assert_snapshot!(lines(&page, true), @r"
        1970-01-01 00:00:00Z  #8 Bob (verified): 8<U+001B>[2J
        1970-01-01 00:00:00Z  #9 Bob (verified): 9<U+001B>[2J
        ");
        assert!(lines(&page, false).lines().next().unwrap().contains("9<U+001B>"));
        assert_eq!(lines(&HistoryPage { messages: Vec::new(), next: None }, true), "No messages.");
    }

    #[test]
    fn pages_lead_to_their_neighbours() {
        let (one, nine) = (cursor(1).to_string(), cursor(9).to_string());
        let backwards = HistoryPage { messages: vec![row(5), row(4)], next: Some(cursor(4)) };
        let forwards = HistoryPage { messages: vec![row(4), row(5)], next: Some(cursor(5)) };
        let none = HistoryPage { messages: Vec::new(), next: None };
        assert_eq!(ends(&backwards, &span(&[])), (Some(cursor(4)), None));
        assert_eq!(ends(&backwards, &span(&["--before", &nine])), (Some(cursor(4)), Some(cursor(5))));
        assert_eq!(ends(&forwards, &span(&["--after", &one])), (Some(cursor(4)), Some(cursor(5))));
        assert_eq!(ends(&none, &span(&["--after", &nine])), (Some(cursor(9)), None));
        assert_eq!(ends(&none, &span(&["--before", &one])), (None, Some(cursor(1))));
        assert_eq!(ends(&none, &span(&[])), (None, None));
    }

    #[test]
    fn the_next_command_asks_for_the_same() {
        let args = [
            "history",
            "--profile",
            "work",
            "--since",
            "2026-05-01",
            "--until",
            "2026-05-02T01:02:03Z",
            "--direction",
            "out",
        ];
        let parsed = Parsed::try_parse_from(args).unwrap();
        let options = Question::new(None, None, &parsed.args.span).options(&parsed.common);
        assert_eq!(
            options.join(" "),
            "--profile work --since 2026-05-01T00:00:00Z --until 2026-05-02T01:02:03Z --direction out --limit 50"
        );
        let again: Vec<&str> = options.iter().flat_map(|option| option.split(' ')).collect();
        let again = Parsed::try_parse_from([&["history"], again.as_slice()].concat()).unwrap();
        assert_eq!(Question::new(None, None, &again.args.span).options(&again.common), options);
    }

    #[test]
    fn what_cannot_be_asked_is_wrong_usage() {
        let (one, nine) = (cursor(1).to_string(), cursor(9).to_string());
        for wrong in [
            &["--limit", "0"][..],
            &["--limit", "201"],
            &["--since", "yesterday"],
            &["--direction", "sideways"],
            &["--before", "1.2.3"],
            &["--before", &one, "--after", &nine],
            &["Bob", "Carol"],
        ] {
            assert!(Parsed::try_parse_from([&["history"], wrong].concat()).is_err(), "{wrong:?}");
        }
    }
}
