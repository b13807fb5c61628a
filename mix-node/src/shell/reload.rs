//! Reading the configuration again while the node runs: what changes at once, and what waits for a restart.
//!
//! A file that is wrong changes nothing. A setting that needs a restart keeps its old value until then, and is told
//! of at each reload, so that nobody takes the file for what is in force.

use std::path::PathBuf;

use serde_json::json;
use sotto_transport::listen::ListenLimits;
use sotto_transport::node::log::{self, LogHandle};
use sotto_transport::node::reload::{ReloadRequest, Reloaded};
use tokio::sync::{mpsc, watch};

use super::asking::Asker;
use super::config::{Limits, NodeConfig};
use super::metrics::MetricsServer;
use super::systemd;

/// What changed settings act on.
pub(crate) struct Reloader {
    pub(crate) path: PathBuf,
    /// What is in force.
    pub(crate) config: NodeConfig,
    pub(crate) log: LogHandle,
    pub(crate) asker: Asker,
    pub(crate) metrics: MetricsServer,
    pub(crate) listen_limits: watch::Sender<ListenLimits>,
}

impl Reloader {
    /// Reloads at each request until nobody can ask any more.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        while let Some(ReloadRequest { reply }) = requests.recv().await {
            systemd::reloading();
            let outcome = self.reload().await;
            systemd::ready();
            // Who asked may have given up; the outcome stands in the log.
            let _told = reply.send(outcome);
        }
    }

    async fn reload(&mut self) -> Reloaded {
        let read =
            NodeConfig::read(&self.path).map_err(|error| (error.label().to_owned(), error.to_string()));
        let file = match read {
            Ok(file) => file,
            Err((label, error)) => {
                tracing::error!(label, "nothing was reloaded: {error}");
                return Err(error);
            }
        };
        let mut changes = Changes::between(&self.config, &file);
        if self.config.log_filter != file.log_filter
            && let Err(error) = self.log.set_filter(file.log_filter.as_deref())
        {
            tracing::error!("nothing was reloaded: {error}");
            return Err(error.to_string());
        }
        self.config.log_filter.clone_from(&file.log_filter);
        let mut failed = Vec::new();
        if self.config.metrics != file.metrics
            && let Err(error) = self.metrics.set_address(file.metrics).await
        {
            changes.applied.retain(|name| *name != "metrics");
            failed.push(json!({ "setting": "metrics", "label": "metrics-listen", "text": error }));
        }
        (self.config.metrics, self.config.metrics_public) = (file.metrics, file.metrics_public);
        let limits = Limits { workers: self.config.limits.workers, ..file.limits };
        if self.config.limits != limits {
            self.asker.set_limits(limits).await;
            self.listen_limits.send_replace(limits.for_listener(self.config.role));
            self.config.limits = limits;
        }
        let mut overridden = Vec::new();
        if log::is_overridden() {
            overridden.extend(changes.applied.extract_if(.., |name| *name == "log_filter"));
        }
        tracing::info!(applied = ?changes.applied, "the configuration was read again");
        if !changes.restart.is_empty() {
            tracing::warn!(settings = ?changes.restart, "these settings have changed and need a restart");
        }
        if !overridden.is_empty() {
            tracing::warn!(settings = ?overridden, "SOTTO_LOG overrides these settings");
        }
        Ok(json!({
            "applied": changes.applied,
            "restart": changes.restart,
            "failed": failed,
            "overridden": overridden,
        }))
    }
}

/// The settings in which two configurations differ.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    /// Those that change while the node runs.
    applied: Vec<&'static str>,
    /// Those that need a restart.
    restart: Vec<&'static str>,
}

impl Changes {
    fn between(old: &NodeConfig, new: &NodeConfig) -> Self {
        // Named one by one, so that a setting that is added is not forgotten here.
        let NodeConfig {
            dir,
            role,
            listen,
            announce,
            network,
            log,
            log_filter,
            metrics,
            metrics_public,
            x25519,
            control,
            onion,
            onion_clients,
            tor,
            limits,
        } = new;
        let Limits {
            held_packets_max,
            sessions_max,
            connections_per_address_max,
            handshakes_per_s_max,
            loopback_exempt,
            workers,
        } = limits;
        let was = &old.limits;
        let mut changes = Self::default();
        for (name, changed) in [
            ("log_filter", *log_filter != old.log_filter),
            ("metrics", *metrics != old.metrics),
            ("metrics_public", *metrics_public != old.metrics_public),
            ("limits.held_packets_max", *held_packets_max != was.held_packets_max),
            ("limits.sessions_max", *sessions_max != was.sessions_max),
            (
                "limits.connections_per_address_max",
                *connections_per_address_max != was.connections_per_address_max,
            ),
            ("limits.handshakes_per_s_max", *handshakes_per_s_max != was.handshakes_per_s_max),
            ("limits.loopback_exempt", *loopback_exempt != was.loopback_exempt),
        ] {
            changes.applied.extend(changed.then_some(name));
        }
        for (name, changed) in [
            ("dir", *dir != old.dir),
            ("role", *role != old.role),
            ("listen", *listen != old.listen),
            ("announce", *announce != old.announce),
            ("network", *network != old.network),
            ("log", *log != old.log),
            ("x25519", *x25519 != old.x25519),
            ("control", *control != old.control),
            ("onion", *onion != old.onion),
            ("onion_clients", *onion_clients != old.onion_clients),
            ("tor", *tor != old.tor),
            ("limits.workers", *workers != was.workers),
        ] {
            changes.restart.extend(changed.then_some(name));
        }
        changes
    }
}
