//! `sotto verify`: shows and compares safety numbers.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, escape, name, qr};
use crate::core::Trust;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Make sure that nobody stands between you and a contact.
///
/// It shows 60 digits and a QR code. Both of you see the same digits if, and only if, you have each other's keys. Compare
/// them in person or by voice, not by the messages that they are to protect. Then say so with --confirm, or give what the
/// other person reads out with --compare, and sotto compares.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// Whom, as `sotto contacts` names the person.
    contact: String,
    /// The digits are the same: the contact is verified from now on.
    #[arg(long, conflicts_with_all = ["compare", "forget"])]
    confirm: bool,
    /// Compare with these 60 digits, or with the text of the other person's QR code; `-` reads them from standard input. If
    /// they differ the contact is not verified any more.
    #[arg(long, value_name = "DIGITS", conflicts_with = "forget")]
    compare: Option<String>,
    /// Take it back: the contact is not verified any more.
    #[arg(long)]
    forget: bool,
    /// Write the QR code to a new file, whose name ends in .png or .svg.
    #[arg(long, value_name = "FILE", value_parser = qr::picture_path)]
    qr_file: Option<PathBuf>,
}

/// More than a safety number or its code has, in bytes.
const NUMBER_LEN_MAX: usize = 1024;

pub(super) async fn run(common: &Common, args: &VerifyArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        if let Some(given) = &args.compare {
            let number = common.text(&connection, given, NUMBER_LEN_MAX)?;
            let params = json!({ "contact": args.contact, "number": number.trim() });
            return connection.call("compare", params).await;
        }
        if args.confirm || args.forget {
            let params = json!({ "contact": args.contact, "verified": args.confirm });
            return connection.call("set-verified", params).await;
        }
        connection.call("verify", json!({ "contact": args.contact })).await
    }
    .await;
    connection.close().await;
    let shown = outcome?;
    let matches = shown.get("matches").and_then(Value::as_bool);
    let code = shown.get("qr").and_then(Value::as_str).unwrap_or_default();
    if let Some(path) = &args.qr_file {
        qr::write_picture(path, code)?;
    }
    let asked_only = !args.confirm && !args.forget && matches.is_none();
    let output = common.output();
    output.result(&shown, |shown| human(shown, asked_only))?;
    if asked_only && !output.is_json() {
        qr::show(output, code)?;
        output.note(&format!(
            "If {} sees the same digits: sotto verify {} --confirm",
            escape::line(&args.contact),
            escape::line(&args.contact)
        ));
    }
    Ok(if matches == Some(false) { Ended::Trouble } else { Ended::Well })
}

fn human(shown: &Value, asked_only: bool) -> String {
    let contact = shown.get("contact").and_then(Value::as_str).unwrap_or_default();
    let trust = shown.get("trust").and_then(|trust| serde_json::from_value(trust.clone()).ok());
    let named = name::with_trust(contact, trust.unwrap_or(Trust::Unverified));
    if shown.get("matches").and_then(Value::as_bool) == Some(false) {
        return format!(
            "{named}: the numbers DIFFER, and the contact does not count as verified. Either they were not read out right, or somebody stands between you: compare \
             again in person, and do not write anything that matters before."
        );
    }
    if shown.get("matches").is_some() {
        return format!("{named}: the numbers are the same.");
    }
    if !asked_only {
        return named;
    }
    let groups = shown.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
    let groups: Vec<&str> = groups.iter().filter_map(Value::as_str).collect();
    let lines: Vec<String> = groups.chunks(4).map(|line| format!("    {}", line.join(" "))).collect();
    format!("{named}\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_shown_in_groups_and_a_difference_is_not_overlooked() {
        let groups: Vec<String> = (0..12).map(|group| format!("{group:05}")).collect();
        let mut shown = json!({ "contact": "Bob", "trust": "unverified", "groups": groups, "qr": "x" });
        insta::assert_snapshot!(human(&shown, true), @r"
        Bob (unverified)
            00000 00001 00002 00003
            00004 00005 00006 00007
            00008 00009 00010 00011
        ");
        shown["matches"] = false.into();
        assert!(human(&shown, false).contains("DIFFER"));
        shown["matches"] = true.into();
        shown["trust"] = "verified".into();
        assert_eq!(human(&shown, false), "Bob (verified): the numbers are the same.");
    }
}
