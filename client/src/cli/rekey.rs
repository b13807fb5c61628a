//! `sotto rekey`: makes the session with a contact anew.

use clap::Args;
use serde_json::json;

use super::{Common, Ended, escape};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Make fresh keys with a contact.
///
/// Keys are renewed all the time by themselves; this is for a conversation that has got stuck, or after somebody may have
/// copied your device. Messages wait until the other side has answered, which it does by itself once it is online.
#[derive(Args, Debug)]
pub(super) struct RekeyArgs {
    /// With whom, as `sotto contacts` names the person.
    contact: String,
    /// Change your identity key too, after somebody may have got it. The other person is told, and has to verify you again
    /// before anything is sent to you.
    #[arg(long)]
    new_identity: bool,
}

pub(super) async fn run(common: &Common, args: &RekeyArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let params = json!({ "contact": args.contact, "new_identity": args.new_identity });
    let begun = connection.call("rekey", params).await;
    connection.close().await;
    common.output().result(&begun?, |_| {
        let name = escape::line(&args.contact);
        if args.new_identity {
            format!(
                "A new identity key for {name} is laid out as soon as sotto is connected. Once {name} has answered, {name} has to \
                 verify you again: compare safety numbers then (`sotto status` shows nothing waiting any more)."
            )
        } else {
            format!("Fresh keys for {name} are laid out as soon as sotto is connected; `sotto status` shows what waits.")
        }
    })?;
    Ok(Ended::Well)
}
