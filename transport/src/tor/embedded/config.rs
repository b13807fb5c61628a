//! From Sotto's table `[tor]` to arti's configuration.

use std::path::Path;

use arti_client::TorClientConfig;
use arti_client::config::pt::TransportConfigBuilder;
use arti_client::config::{BridgeConfigBuilder, CfgPath, TorClientConfigBuilder};

use crate::tor::config::{PluggableTransport, TorConfig, read_arti_config};
use crate::tor::error::{TorError, causes};

/// The configuration for a client that keeps its files below `state_dir`.
///
/// The user's file in arti's format comes first, Sotto's own settings on top.
pub(super) fn client_config(config: &TorConfig, state_dir: &Path) -> Result<TorClientConfig, TorError> {
    let mut builder = match &config.arti_config {
        None => TorClientConfigBuilder::default(),
        Some(path) => {
            let wrong = |reason| TorError::ArtiConfig { path: path.clone(), reason };
            let text = read_arti_config(path)?;
            toml::from_str(&text)
                .map_err(|error| wrong(format!("not as arti wants it: {error}; correct that place")))?
        }
    };
    builder
        .storage()
        .state_dir(CfgPath::new_literal(state_dir.join("state")))
        .cache_dir(CfgPath::new_literal(state_dir.join("cache")));
    if let (Some(path), false) = (&config.arti_config, config.bridges.is_empty())
        && leaves_bridges_aside(path)?
    {
        let reason = "it has `enabled = false` for its bridges, so Tor would be entered without those in [tor]; \
                      remove that setting, or the bridges";
        return Err(TorError::ArtiConfig { path: path.clone(), reason: reason.to_owned() });
    }
    for (number, transport) in (1..).zip(&config.transports) {
        let transport =
            transport_config(transport).map_err(|reason| TorError::Transport { number, reason })?;
        builder.bridges().transports().push(transport);
    }
    for (number, line) in (1..).zip(&config.bridges) {
        let bridge = bridge_config(line).map_err(|reason| TorError::BridgeLine { number, reason })?;
        if let Some(transport) = missing_transport(config, &bridge) {
            return Err(TorError::TransportMissing { number, transport });
        }
        builder.bridges().bridges().push(bridge);
    }
    builder.build().map_err(|error| match &config.arti_config {
        Some(path) => {
            let reason = format!("arti does not take it: {}; correct that setting", causes(&error));
            TorError::ArtiConfig { path: path.clone(), reason }
        }
        None => TorError::Start(causes(&error)),
    })
}

/// Whether the file in arti's format turns bridges off, all of them.
fn leaves_bridges_aside(path: &Path) -> Result<bool, TorError> {
    let table: toml::Table = read_arti_config(path)?.parse().unwrap_or_default();
    let enabled = table.get("bridges").and_then(|bridges| bridges.get("enabled"));
    Ok(enabled.and_then(toml::Value::as_bool) == Some(false))
}

/// Arti's own errors quote from the line, so they are not passed on.
fn bridge_config(line: &str) -> Result<BridgeConfigBuilder, &'static str> {
    let bridge: BridgeConfigBuilder = line.parse().map_err(
        |_| "expected `address:port fingerprint`, with the transport's name in front and its settings behind if it has one",
    )?;
    bridge.build().map_err(|_| "the line is not complete; does it have a fingerprint of 40 characters?")?;
    Ok(bridge)
}

/// The transport that `bridge` needs and nothing provides. A file in arti's format may provide more, and arti looks
/// at that itself.
fn missing_transport(config: &TorConfig, bridge: &BridgeConfigBuilder) -> Option<String> {
    let needed = bridge.get_transport().filter(|needed| !needed.is_empty() && *needed != "-")?;
    let mut provided = config.transports.iter().flat_map(|transport| &transport.protocols);
    let is_provided = config.arti_config.is_some() || provided.any(|protocol| protocol == needed);
    (!is_provided).then(|| needed.to_owned())
}

/// Whether bridges are reached by transports, which take longer to connect.
pub(super) fn is_disguised(config: &TorConfig) -> bool {
    let of_arti = || -> Option<bool> {
        let table: toml::Table = read_arti_config(config.arti_config.as_ref()?).ok()?.parse().ok()?;
        Some(table.get("bridges")?.get("transports")?.as_array().is_some_and(|list| !list.is_empty()))
    };
    !config.transports.is_empty() || of_arti().unwrap_or_default()
}

fn transport_config(transport: &PluggableTransport) -> Result<TransportConfigBuilder, String> {
    let mut protocols = Vec::new();
    for protocol in &transport.protocols {
        let name = protocol
            .parse()
            .map_err(|_| format!("{protocol:?} is not the name of a transport; names are like obfs4"))?;
        protocols.push(name);
    }
    let mut builder = TransportConfigBuilder::default();
    builder
        .protocols(protocols)
        .path(CfgPath::new_literal(&transport.path))
        .arguments(transport.arguments.clone());
    Ok(builder)
}
