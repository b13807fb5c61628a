//! `sotto disappearing` and `receipts`: how one conversation treats its messages.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Common, Ended, escape, span};
use crate::core::Disappearing;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Show or change when the messages of a conversation disappear.
///
/// The limits go along in each message from here on, both ways; both of you are shown the change. They bind programs, not
/// people: whoever reads a message can write it down.
#[derive(Args, Debug)]
pub(super) struct DisappearingArgs {
    /// Whose conversation.
    contact: String,
    #[command(flatten)]
    limits: LimitArgs,
    /// Messages stay until somebody deletes them.
    #[arg(long, conflicts_with_all = ["read_once", "visible_for", "exists_for"])]
    off: bool,
}

/// Limits of a message's existence.
#[derive(Args, Debug, Default)]
pub(super) struct LimitArgs {
    /// It goes as soon as it was read.
    #[arg(long)]
    read_once: bool,
    /// It goes so long after it was read (90s, 10m, 12h, 7d, 2w).
    #[arg(long, value_name = "TIME", value_parser = span::parse_s)]
    visible_for: Option<u32>,
    /// It goes so long after it was sent, ten minutes at least; mailboxes keep it no longer either.
    #[arg(long, value_name = "TIME", value_parser = span::parse_s)]
    exists_for: Option<u32>,
}

impl LimitArgs {
    /// The limits, if any is given: what is not given is off.
    pub(super) fn limits(&self) -> Option<Disappearing> {
        let is_given = self.read_once || self.visible_for.is_some() || self.exists_for.is_some();
        is_given.then(|| Disappearing {
            read_once: self.read_once,
            visible_for_s: self.visible_for.unwrap_or(0),
            exists_for_s: self.exists_for.unwrap_or(0),
        })
    }
}

/// Show or change which receipts a contact gets.
///
/// Receipts go at random times in packets that would have carried cover, so they do not tell when you looked.
#[derive(Args, Debug)]
pub(super) struct ReceiptsArgs {
    /// Who gets them.
    contact: String,
    /// Whether the contact is told that a message has come.
    #[arg(long, value_name = "ON|OFF")]
    delivered: Option<Switch>,
    /// Whether the contact is told that you have read a message.
    #[arg(long, value_name = "ON|OFF")]
    read: Option<Switch>,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

pub(super) async fn disappearing(common: &Common, args: &DisappearingArgs) -> Result<Ended, Failure> {
    let limits = if args.off { Some(Disappearing::OFF) } else { args.limits.limits() };
    let params = json!({ "contact": args.contact, "limits": limits });
    ask(common, "disappearing", params, |answer| {
        let words = answer.get("in_words").and_then(Value::as_str).unwrap_or_default();
        format!("Messages with {}: {}.", escape::line(&args.contact), escape::line(words))
    })
    .await
}

pub(super) async fn receipts(common: &Common, args: &ReceiptsArgs) -> Result<Ended, Failure> {
    let wish = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
    let params =
        json!({ "contact": args.contact, "delivered": wish(args.delivered), "read": wish(args.read) });
    ask(common, "receipts", params, |answer| {
        let is = |field: &str| match answer.get(field).and_then(Value::as_bool) {
            Some(true) => "is told",
            _ => "is not told",
        };
        let contact = escape::line(&args.contact);
        format!(
            "{contact} {} when a message has come, and {} when you have read it.",
            is("delivered"),
            is("read")
        )
    })
    .await
}

async fn ask(
    common: &Common,
    method: &str,
    params: Value,
    human: impl FnOnce(&Value) -> String,
) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let answer = connection.call(method, params).await;
    connection.close().await;
    common.output().result(&answer?, human)?;
    Ok(Ended::Well)
}
