//! `sotto export`: the user's own messages, as JSON that anything can read.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sotto_transport::private;

use super::output::print;
use super::{Common, Ended, escape};
use crate::core::ContactView;
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

/// Print your messages as one JSON value, for yourself or for another program.
///
/// It is not encrypted, and it cannot be restored from; `sotto backup` makes what can.
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// Only the conversation with this person.
    contact: Option<String>,
    /// Write it to a new file, mode 0600, instead of standard output.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) async fn run(common: &Common, args: &ExportArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let exported = export(&connection, args.contact.as_deref()).await;
    connection.close().await;
    let exported = exported?;
    let Some(file) = &args.file else {
        print(&escape::json(&exported.to_string()))?;
        return Ok(Ended::Well);
    };
    private::write_new(file, format!("{exported}\n").as_bytes())?;
    let count = exported.get("conversations").and_then(Value::as_array).map_or(0, Vec::len);
    common.output().result(&json!({ "file": file, "conversations": count }), |_| {
        format!("{count} conversations are in {}.", escape::line(&file.display().to_string()))
    })?;
    Ok(Ended::Well)
}

async fn export(connection: &Connection, contact: Option<&str>) -> Result<Value, Failure> {
    let views = connection.call("contacts", json!({})).await?;
    let mut views: Vec<ContactView> = serde_json::from_value(views)
        .map_err(|error| Failure::new("internal", format!("the contacts cannot be read: {error}")))?;
    if let Some(contact) = contact {
        // An unknown name is refused as everywhere.
        connection.call("messages", json!({ "contact": contact, "after": u64::MAX })).await?;
        views.retain(|view| view.name == contact);
    }
    let mut conversations = Vec::with_capacity(views.len());
    for view in views {
        let (mut messages, mut after) = (Vec::new(), None::<u64>);
        loop {
            let mut page =
                connection.call("messages", json!({ "contact": view.name, "after": after })).await?;
            let more = page.get("more").and_then(Value::as_bool).unwrap_or_default();
            let Some(Value::Array(rows)) = page.get_mut("messages").map(Value::take) else { break };
            after = rows.last().and_then(|row| row.get("seq")).and_then(Value::as_u64);
            let is_last = rows.is_empty() || !more;
            messages.extend(rows);
            if is_last {
                break;
            }
        }
        conversations.push(json!({
            "contact": view.name,
            "state": view.state,
            "trust": view.trust,
            "messages": messages,
        }));
    }
    Ok(json!({ "format": "sotto-export", "version": 1, "conversations": conversations }))
}
