//! `sotto search`: finds messages by what they say.

use clap::Args;
use serde_json::Value;

use super::history::{Question, SpanArgs, lines};
use super::{Common, Ended, escape, quoting};
use crate::core::limits::SEARCH_LEN_MAX;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Find messages that hold a text, the newest first.
///
/// Upper and lower case are the same, and so are the ways in which a character can be composed; accents count. The text
/// is taken as it is: no character has a meaning of its own. Give `-` to read it from standard input: arguments are
/// visible to other users of this computer. Nothing counts as seen by this, and no network is needed.
#[derive(Args, Debug)]
pub(super) struct SearchArgs {
    /// The text, 256 bytes at most, or `-` to read it from standard input (as it is, its last line feed removed).
    text: String,
    /// Only the conversation with this person.
    #[arg(long, value_name = "NAME")]
    contact: Option<String>,
    #[command(flatten)]
    span: SpanArgs,
}

pub(super) async fn run(common: &Common, args: &SearchArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let text = common.text(&connection, &args.text, SEARCH_LEN_MAX)?;
        let question = Question::new(args.contact.as_deref(), Some(&text), &args.span);
        let page = question.ask(&connection).await?;
        Ok::<_, Failure>((page, question.options(common)))
    }
    .await;
    connection.close().await;
    let (page, options) = outcome?;
    let answer = serde_json::to_value(&page).unwrap_or_default();
    let output = common.output();
    output.result(&answer, |_: &Value| lines(&page, false))?;
    if let Some(next) = page.next {
        let direction = if args.span.is_forwards() { "after" } else { "before" };
        let mut words = vec!["sotto search".to_owned(), format!("--{direction} {next}")];
        words.extend(options);
        words.extend(args.contact.as_deref().map(|contact| quoting::option("contact", contact)));
        // What would not be printed as it is has to come from standard input again.
        let is_plain = escape::line(&args.text) == args.text;
        words.push(quoting::last(if is_plain { &args.text } else { "-" }));
        output.note(&format!("More: {}", escape::line(&words.join(" "))));
    }
    Ok(Ended::Well)
}
