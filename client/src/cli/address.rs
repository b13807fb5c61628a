//! `sotto address`: contact addresses that somebody publishes.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Common, Ended, escape, qr, when};
use crate::core::AddressView;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Make and remove contact addresses: links that you can publish.
///
/// Anybody who has an address can ask to become your contact; `sotto requests` shows who does, and nothing comes of it
/// before you accept. Requests at one address cannot be linked to your other contacts or addresses. Whoever has the address
/// can also fill the places for requests of a week, or take requests away; remove the address then, and make another one.
#[derive(Args, Debug)]
pub(super) struct AddressArgs {
    #[command(subcommand)]
    command: AddressCommand,
}

#[derive(Subcommand, Debug)]
enum AddressCommand {
    /// Make an address.
    Create {
        /// What you want to call it. Nobody else sees the name.
        label: String,
        /// Show it as a QR code too.
        #[arg(long)]
        qr: bool,
    },
    /// List the addresses.
    List,
    /// Remove an address: nobody can ask at it any more.
    Remove {
        /// Which one, as `sotto address list` names it.
        label: String,
    },
}

pub(super) async fn run(common: &Common, args: &AddressArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = match &args.command {
        AddressCommand::Create { label, .. } => {
            connection.call("create-address", json!({ "label": label })).await
        }
        AddressCommand::List => connection.call("addresses", json!({})).await,
        AddressCommand::Remove { label } => {
            connection.call("remove-address", json!({ "label": label })).await
        }
    };
    let is_alone = connection.is_alone();
    connection.close().await;
    let (answer, output) = (outcome?, common.output());
    match &args.command {
        AddressCommand::Create { qr, .. } => {
            let address = answer.get("address").and_then(Value::as_str).unwrap_or_default();
            output.result(&answer, |_| escape::line(address))?;
            if *qr {
                qr::show(output, address)?;
            }
            if is_alone {
                output.note("Its keys are laid out when sotto is connected: run `sotto daemon`.");
            }
        }
        AddressCommand::List => output.result(&answer, list)?,
        AddressCommand::Remove { label } => {
            output.result(&answer, |_| format!("The address {} is removed.", escape::line(label)))?;
        }
    }
    Ok(Ended::Well)
}

fn list(addresses: &Value) -> String {
    let addresses: Vec<AddressView> = serde_json::from_value(addresses.clone()).unwrap_or_default();
    if addresses.is_empty() {
        return "No address. `sotto address create NAME` makes one.".to_owned();
    }
    let row = |view: &AddressView| {
        let published = if view.is_published { "" } else { "  its keys are not laid out yet" };
        let requests = if view.requests == 0 {
            String::new()
        } else {
            format!("  {} requests wait (`sotto requests`)", view.requests)
        };
        let (label, made) = (escape::line(&view.label), when::utc(view.created_ms));
        format!("{label}  made {made}{published}{requests}\n    {}", escape::line(&view.address))
    };
    addresses.iter().map(row).collect::<Vec<_>>().join("\n")
}
