//! `sotto accept`: takes up an invitation.

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, Wait, escape, stored};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Take up an invitation that somebody handed to you.
///
/// The other side learns of it as soon as your answer has passed the network. Give `-` instead of the
/// link to read it from standard input: arguments are visible to other users of this computer.
#[derive(Args, Debug)]
pub(super) struct AcceptArgs {
    /// What you want to call the person. Nobody else sees the name.
    name: String,
    /// The invitation (`sotto:invite:...`), or `-` to read it from standard input.
    link: String,
    #[command(flatten)]
    wait: Wait,
}

/// More than any invitation has, in bytes.
const LINK_LEN_MAX: usize = 1024;

pub(super) async fn run(common: &Common, args: &AcceptArgs) -> Result<Ended, Failure> {
    let mut connection = common.connect(Reach::Network).await?;
    let link = common.text(&connection, &args.link, LINK_LEN_MAX)?;
    let params = json!({ "name": args.name, "link": link.trim() });
    let accepted = connection.call("accept", params).await;
    let mut outcome = accepted.map(|accepted| (accepted, Ended::Well, "queued"));
    if let Ok((accepted, _, _)) = &outcome
        && (connection.is_alone() || args.wait.wait)
    {
        if connection.is_alone() {
            common.output().note(stored::ALONE_NOTE);
        }
        let accepted = accepted.clone();
        outcome = stored::contact(&mut connection, &args.wait, &args.name).await.map(|ended| {
            let state = if ended == Ended::Well { "stored" } else { "queued" };
            (accepted, ended, state)
        });
    }
    connection.close().await;
    let (mut accepted, ended, state) = outcome?;
    if let Value::Object(accepted) = &mut accepted {
        accepted.insert("state".to_owned(), state.into());
    }
    common.output().result(&accepted, |_| {
        let name = escape::line(&args.name);
        match (ended, state) {
            (Ended::Well, "stored") => format!("{name} can read your answer now. Write: sotto send {name} \"Hello\""),
            (Ended::Well | Ended::Trouble, _) => format!("The daemon sends your answer to {name}. `sotto status` shows how far it is."),
            (Ended::TimedOut, _) => format!(
                "Your answer to {name} is queued and not stored yet. It goes on whenever sotto runs; `sotto status` \
                 says what it waits for."
            ),
        }
    })?;
    Ok(ended)
}
