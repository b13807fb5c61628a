//! `sotto tor-key`: the key for an onion service that only known clients find.

use clap::Args;
use serde_json::{Value, json};
use sotto_transport::tor::Tor;

use super::{Common, Ended, escape};
use crate::shell::Failure;
use crate::shell::config::Config;

/// Print your key for a node whose onion service admits known clients only.
///
/// Hand the line to the node's operator, who enters it as one of `onion_clients`. The key belongs to this profile and
/// to this one service; asked again, the command prints the same one. It connects to nothing.
#[derive(Args, Debug)]
pub(super) struct TorKeyArgs {
    /// The onion service: its 56 characters with `.onion`, with or without the port.
    onion: String,
}

pub(super) fn run(common: &Common, args: &TorKeyArgs) -> Result<Ended, Failure> {
    let profile = common.profile()?;
    profile.require()?;
    let config = Config::read(&profile)?;
    let key = Tor::make_service_discovery_key(&config.tor, &profile.tor_dir(), &args.onion)?;
    common.output().result(&json!({ "onion": args.onion, "key": key }), |made| {
        made.get("key").and_then(Value::as_str).map(escape::line).unwrap_or_default()
    })?;
    common
        .output()
        .note("Hand this line to the operator of the node, who enters it as one of its `onion_clients`.");
    Ok(Ended::Well)
}
