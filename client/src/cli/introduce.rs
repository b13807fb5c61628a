//! `sotto introduce`: two contacts are asked whether they want to meet.

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, escape};
use crate::core::limits::INTRODUCTION_NOTE_LEN_MAX;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Introduce two of your contacts to one another.
///
/// Each is told what the other one is called, and decides. Nothing else comes of it unless both agree; then the first one's
/// program makes an invitation, which goes through you to the second. You learn what each answers, and that they are in
/// contact. `sotto introductions` shows what an introduction waits for.
#[derive(Args, Debug)]
pub(super) struct IntroduceArgs {
    /// One of the two, who makes the invitation.
    first: String,
    /// The other one.
    second: String,
    /// What the second is told that the first is called. Left out, the name that you have given the first.
    #[arg(long, value_name = "NAME")]
    as_a: Option<String>,
    /// What the first is told that the second is called. Left out, the name that you have given the second.
    #[arg(long, value_name = "NAME")]
    as_b: Option<String>,
    /// What both are told with it, 120 bytes at most; `-` reads it from standard input.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub(super) async fn run(common: &Common, args: &IntroduceArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let note = args.note.as_deref().map(|note| common.text(&connection, note, INTRODUCTION_NOTE_LEN_MAX));
    let outcome = match note.transpose() {
        Ok(note) => {
            let params = json!({
                "first": args.first,
                "second": args.second,
                "as_first": args.as_a,
                "as_second": args.as_b,
                "note": note.as_ref().map(|note| note.as_str()),
            });
            connection.call("introduce", params).await
        }
        Err(failure) => Err(failure),
    };
    connection.close().await;
    common.output().result(&outcome?, human)?;
    Ok(Ended::Well)
}

fn human(made: &Value) -> String {
    let field = |name: &str| escape::line(made.get(name).and_then(Value::as_str).unwrap_or_default());
    let told = |who: &str, other: &str| format!("{} is asked about meeting {:?}.", field(who), field(other));
    format!(
        "{}\n{}\nThe questions go as soon as sotto is connected. `sotto introductions` shows who has not answered.",
        told("first", "as_second"),
        told("second", "as_first")
    )
}
