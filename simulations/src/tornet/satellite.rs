//! C tor processes beside the private network's relays: a client that offers SOCKS5, and a bridge.

use std::net::SocketAddr;
use std::time::Duration;

use sotto_transport::clock::Clock;

use super::error::TornetError;
use super::identity;
use super::network::Tornet;
use super::node::TorNode;
use super::programs::TorPrograms;
use super::torrc::Role;
use crate::ports::free_addresses;
use crate::wait::pause;

/// How long a client or a bridge may take to work.
const READY_WAIT_MAX: Duration = Duration::from_secs(60);

/// A C tor client on the private network, as people run it for other programs.
#[derive(Debug)]
pub struct TorClient {
    process: Satellite,
    socks: SocketAddr,
}

/// A bridge into the private network, without a pluggable transport.
#[derive(Debug)]
pub struct TorBridge {
    process: Satellite,
    line: String,
    or_port: SocketAddr,
}

#[derive(Debug)]
struct Satellite {
    node: TorNode,
    programs: TorPrograms,
    clock: Clock,
}

impl Tornet {
    /// Starts a client and waits until it works.
    ///
    /// # Errors
    /// It does not start, or does not work in time.
    pub async fn client(&self, name: &str) -> Result<TorClient, TornetError> {
        let socks = self.free_address()?;
        let node = self.make_satellite(name, None, Role::Client { socks }).await?;
        let mut client = TorClient { process: self.satellite(node), socks };
        client.restart().await?;
        Ok(client)
    }

    /// Starts a bridge and waits until it works.
    ///
    /// # Errors
    /// It does not start, or does not work in time.
    pub async fn bridge(&self, name: &str) -> Result<TorBridge, TornetError> {
        let or_port = self.free_address()?;
        let node = self.make_satellite(name, Some(or_port), Role::Bridge).await?;
        let identity = identity::make(&self.programs, &node).await?;
        let line = format!("{or_port} {}", identity.rsa);
        let mut process = self.satellite(node);
        process.start().await?;
        Ok(TorBridge { process, line, or_port })
    }

    fn satellite(&self, node: TorNode) -> Satellite {
        Satellite { node, programs: self.programs.clone(), clock: self.clock.clone() }
    }

    fn free_address(&self) -> Result<SocketAddr, TornetError> {
        let found = free_addresses(self.plan.address, 1).map(|addresses| addresses.first().copied());
        let found = found.and_then(|first| first.ok_or_else(|| std::io::ErrorKind::AddrNotAvailable.into()));
        found.map_err(TornetError::system("find a free port"))
    }
}

impl TorClient {
    /// Where it offers SOCKS5.
    #[must_use]
    pub fn socks(&self) -> SocketAddr {
        self.socks
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn kill(&mut self) -> Result<(), TornetError> {
        self.process.node.kill().await
    }

    /// Starts it again at the same address and waits until it works.
    ///
    /// # Errors
    /// It does not start, or does not work in time.
    pub async fn restart(&mut self) -> Result<(), TornetError> {
        self.process.start().await
    }
}

impl TorBridge {
    /// The line that people put into their client's configuration.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Where it accepts connections.
    #[must_use]
    pub fn or_port(&self) -> SocketAddr {
        self.or_port
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn kill(&mut self) -> Result<(), TornetError> {
        self.process.node.kill().await
    }
}

impl Satellite {
    async fn start(&mut self) -> Result<(), TornetError> {
        // It ends with this process even if the relays do not: nothing keeps its number.
        self.node.start(&self.programs, false)?;
        let deadline = self.clock.now() + READY_WAIT_MAX;
        while !self.node.is_bootstrapped() {
            self.node.check_alive()?;
            if self.clock.now() > deadline {
                let (name, waited_s) = (self.node.name().to_owned(), READY_WAIT_MAX.as_secs());
                return Err(TornetError::NotReady { name, waited_s, log: self.node.log() });
            }
            pause(&self.clock).await;
        }
        Ok(())
    }
}
