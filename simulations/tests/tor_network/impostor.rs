//! A node of another network, with an identity of its own, in front of which stands a stolen onion service.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use sotto_simulations::localnet::{Kind, Localnet};
use sotto_transport::clock::Clock;
use sotto_transport::node::control;
use tokio::process::{Child, Command};

use crate::common::WAIT_MAX;
use crate::is_reachable;

/// The file with a node's onion key.
const ONION_KEY: &str = "onion_key";

/// The impostor's process.
#[derive(Debug)]
pub(crate) struct Impostor {
    process: Child,
    dir: PathBuf,
}

impl Impostor {
    /// Makes a node for the network `home`, gives it the onion key of a node of `robbed`, which must not run, and waits
    /// until clients find it.
    pub(crate) async fn start(home: &Localnet, robbed: &Localnet, kind: Kind, name: &str) -> Self {
        let dir = robbed.dir().join(format!("impostor-of-{name}"));
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let arti_config = robbed.plan().tor.as_ref().unwrap().arti_config.display().to_string();
        let dir_text = dir.display().to_string();
        let mut args = vec!["init", "--dir", &dir_text, "--listen", &free, "--announce", &free];
        args.extend(["--onion", "--tor-arti-config", &arti_config]);
        args.extend(match kind {
            Kind::Authority => ["--network-name", "elsewhere"],
            _ => ["--network", home.link()],
        });
        home.programs().run(kind.program(), &args).await.unwrap();
        std::fs::copy(robbed.dir().join(name).join(ONION_KEY), dir.join(ONION_KEY)).unwrap();
        let process = Command::new(home.programs().path(kind.program()))
            .args(["run", "--config"])
            .arg(dir.join(kind.config_file()))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let impostor = Self { process, dir };
        impostor.wait_reachable().await;
        impostor
    }

    async fn wait_reachable(&self) {
        let clock = Clock::system();
        let deadline = clock.now() + WAIT_MAX;
        while !control::status(&self.socket()).await.is_ok_and(|status| is_reachable(&status)) {
            let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(clock.now() < deadline, "the impostor is not reachable: {log}");
            clock.sleep_until(clock.now() + std::time::Duration::from_millis(50)).await;
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("control.sock")
    }

    /// The onion service in front of it.
    pub(crate) async fn onion_address(&self) -> String {
        let status = control::status(&self.socket()).await.unwrap();
        status["onion"]["address"].as_str().unwrap().to_owned()
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) {
        self.process.kill().await.unwrap();
    }
}
