//! Making a private Tor network: directories, keys, ports and configuration for every relay, before any runs.

use std::net::SocketAddr;
use std::path::Path;

use tokio::task::JoinSet;

use super::arti;
use super::error::TornetError;
use super::identity::{self, Identity};
use super::network::Tornet;
use super::node::TorNode;
use super::seed::{self, write};
use super::torrc::{Role, Torrc};
use crate::ports::free_addresses;

/// The relay that is also the authority.
const AUTHORITY: &str = "auth";

/// A relay that has its keys.
struct Member {
    node: TorNode,
    or_port: SocketAddr,
    identity: Identity,
    /// The identity by which its votes are known, of the authority.
    v3_identity: Option<String>,
}

impl Tornet {
    /// Makes everything anew. The first consensus is due `interval_s` after this returns.
    pub(super) async fn found(&mut self, interval_s: u64) -> Result<(), TornetError> {
        self.nodes.clear();
        remove(&self.dir)?;
        std::fs::create_dir_all(&self.dir)
            .map_err(TornetError::system(format!("make the directory {}", self.dir.display())))?;
        let no_port = || TornetError::system("find free ports")(std::io::ErrorKind::AddrNotAvailable.into());
        let mut ports = free_addresses(self.plan.address, self.plan.relays + 2)
            .map_err(TornetError::system("find free ports"))?;
        let dir_port = ports.pop().ok_or_else(no_port)?;
        let members = self.make_members(&ports, dir_port).await?;

        let authority = members.iter().find_map(|member| Some((member, member.v3_identity.as_deref()?)));
        let (authority, v3_identity) = authority.ok_or_else(no_port)?;
        self.authority_line = format!(
            "DirAuthority {AUTHORITY} orport={} no-v2 v3ident={v3_identity} {dir_port} {}\n",
            authority.or_port.port(),
            authority.identity.rsa
        );
        write(&self.arti_config(), &arti::config(&authority.identity, v3_identity, authority.or_port))?;
        // Votes are due a fixed time before a multiple of the interval since midnight, shifted by the offset: with
        // this one the interval begins just when the processes do.
        let offset_s = self.clock.now().as_secs() % interval_s;
        for Member { node, or_port, v3_identity, .. } in &members {
            let role = role(v3_identity.is_some(), dir_port, interval_s, offset_s);
            configure(node, Some(*or_port), self.owner(), role, &self.authority_line)?;
        }
        self.or_ports = members.iter().map(|member| member.or_port).collect();
        self.nodes = members.into_iter().map(|member| member.node).collect();
        Ok(())
    }

    /// Makes every relay's keys, all at once, the authority first in the result.
    async fn make_members(
        &self,
        ports: &[SocketAddr],
        dir_port: SocketAddr,
    ) -> Result<Vec<Member>, TornetError> {
        let now = self.clock.now();
        let mut making = JoinSet::new();
        for (index, or_port) in ports.iter().copied().enumerate() {
            let is_authority = index == 0;
            let name = if is_authority { AUTHORITY.to_owned() } else { format!("relay{index}") };
            let node = TorNode::new(&self.dir, &name)?;
            seed::write_bandwidth(node.dir(), now)?;
            if is_authority {
                seed::write_shared_random(node.dir(), now)?;
            }
            // tor makes keys as its configuration says, so there has to be one already; the votes' times come later.
            let role = role(is_authority, dir_port, 10, 0);
            configure(&node, Some(or_port), None, role, "")?;
            let programs = self.programs.clone();
            making.spawn(async move {
                let v3_identity = match is_authority {
                    true => Some(identity::make_authority(&programs, &node, dir_port).await?),
                    false => None,
                };
                let identity = identity::make(&programs, &node).await?;
                Ok::<_, TornetError>((index, Member { node, or_port, identity, v3_identity }))
            });
        }
        let mut members = Vec::new();
        while let Some(made) = making.join_next().await {
            let made =
                made.map_err(|error| TornetError::system("make keys")(std::io::Error::other(error)))?;
            members.push(made?);
        }
        members.sort_by_key(|(index, _)| *index);
        Ok(members.into_iter().map(|(_, member)| member).collect())
    }

    /// Makes the keys and the directory of a process beside the network's relays.
    pub(super) async fn make_satellite(
        &self,
        name: &str,
        or_port: Option<SocketAddr>,
        role: Role,
    ) -> Result<TorNode, TornetError> {
        remove(&self.dir.join(name))?;
        let node = TorNode::new(&self.dir, name)?;
        configure(&node, or_port, self.owner(), role, &self.authority_line)?;
        Ok(node)
    }

    /// The process with which those of this network end.
    fn owner(&self) -> Option<u32> {
        (!self.plan.detached).then(std::process::id)
    }
}

const fn role(is_authority: bool, dir_port: SocketAddr, first_interval_s: u64, offset_s: u64) -> Role {
    if is_authority { Role::Authority { dir_port, first_interval_s, offset_s } } else { Role::Relay }
}

/// Writes a process's torrc.
fn configure(
    node: &TorNode,
    or_port: Option<SocketAddr>,
    owner: Option<u32>,
    role: Role,
    authority_line: &str,
) -> Result<(), TornetError> {
    let torrc = Torrc { name: node.name(), dir: node.dir(), or_port, owner, role };
    write(&node.torrc(), &(torrc.text() + authority_line))
}

/// Removes what an earlier attempt has left.
fn remove(dir: &Path) -> Result<(), TornetError> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(TornetError::system(format!("remove {}", dir.display()))(error))
        }
        _ => Ok(()),
    }
}
