//! `sotto send`: sends a message.

use std::io::Read;

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::conversation::LimitArgs;
use super::{Common, Ended, Wait, escape, name, stored};
use crate::core::MessageState;
use crate::core::limits::TEXT_LEN_MAX;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Send a message.
///
/// With a daemon running the command ends at once and the daemon does the rest. Without one it stays until the
/// mailboxes have the message. Give `-` to read the text from standard input: arguments are visible to other
/// users of this computer.
#[derive(Args, Debug)]
pub(super) struct SendArgs {
    /// Whom to send it to, as `sotto contacts` names the person.
    contact: String,
    /// The text, or `-` to read it from standard input (as it is, its last line feed removed).
    text: String,
    /// The number of the message that this one answers, as `sotto recv` and `sotto history` show it.
    #[arg(long, value_name = "N")]
    reply_to: Option<u64>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    wait: Wait,
}

pub(super) async fn run(common: &Common, args: &SendArgs) -> Result<Ended, Failure> {
    let mut connection = common.connect(Reach::Network).await?;
    let text = common.text(&connection, &args.text, TEXT_LEN_MAX)?;
    if text.is_empty() {
        connection.close().await;
        return Err(nothing_to_send());
    }
    let outcome = async {
        let params = json!({
            "contact": args.contact,
            "text": text.as_str(),
            "reply_to": args.reply_to,
            "disappearing": args.limits.limits(),
        });
        let mut sent = connection.call("send", params).await?;
        let mut ended = Ended::Well;
        if connection.is_alone() || args.wait.wait {
            if connection.is_alone() {
                common.output().note(stored::ALONE_NOTE);
            }
            let message = sent.get("message").cloned().unwrap_or_default();
            let state;
            (ended, state) = stored::message(&mut connection, &args.wait, &message).await?;
            if let (Value::Object(sent), Some(state)) = (&mut sent, state) {
                sent.insert("state".to_owned(), state.label().into());
            }
        }
        Ok::<_, Failure>((sent, ended))
    }
    .await;
    connection.close().await;
    let (sent, ended) = outcome?;
    common.output().result(&sent, |sent| human(sent, ended, &name::from_json(&args.contact, sent)))?;
    if sent.get("state").and_then(Value::as_str) == Some(MessageState::Conflict.label()) {
        return Err(Failure::new(
            "message-conflict",
            "a mailbox holds something else in this message's place, so it cannot be read: send it again",
        ));
    }
    Ok(ended)
}

/// An empty text is most likely a mistake, of a pipe for example.
pub(super) fn nothing_to_send() -> Failure {
    Failure::new("text-empty", "there is nothing to keep or to send: the text is empty")
}

fn human(sent: &Value, ended: Ended, contact: &str) -> String {
    let route = sent.get("route").and_then(Value::as_str).map(|route| format!(" [{}]", escape::line(route)));
    let contact = format!("{contact}{}", route.unwrap_or_default());
    match (ended, sent.get("state").and_then(Value::as_str)) {
        (_, Some("stored" | "delivered" | "read")) => {
            format!("Stored: the mailboxes have the message for {contact}.")
        }
        (Ended::TimedOut, _) => format!(
            "The message for {contact} is queued and not stored yet. It goes on whenever sotto runs; `sotto status` says \
             what it waits for, `sotto doctor` what does not work."
        ),
        _ => {
            format!("Queued: the daemon sends the message to {contact}. `sotto status` shows how far it is.")
        }
    }
}

/// Reads standard input to its end, without the last line feed.
///
/// # Errors
/// `stdin`, when it cannot be read, is not UTF-8 or is longer than `len_max` bytes.
pub(super) fn read_stdin(len_max: usize) -> Result<Zeroizing<String>, Failure> {
    let failed = |what: String| Failure::new("stdin", format!("cannot use standard input: {what}"));
    // Room for everything from the start: a buffer that grows would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(len_max.saturating_add(2)));
    let limit = u64::try_from(len_max).unwrap_or(u64::MAX).saturating_add(2);
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.len() > len_max {
        return Err(failed(format!("it is longer than {len_max} bytes; send it in several messages")));
    }
    Ok(text)
}
