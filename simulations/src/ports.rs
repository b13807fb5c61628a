//! Free TCP ports on one address of this machine, loopback's unless a test has a network of its own.
//!
//! They are drawn at random from below the range that the system hands out by itself (32768 and up on Linux), so
//! that no outgoing connection and no listener on port 0 takes one in the moment between its choice and
//! the node's start. Another local network that starts in the same moment can, with a chance of one in
//! thousands: the node that misses its port then says so and the network does not come up.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

use rand::RngExt;
use sotto_transport::rng::OsRng;

/// Where ports are drawn from.
const PORTS: Range<u16> = 10_000..32_000;
/// Draws for each port before giving up: with half of all ports taken, once in 10^30 times.
const DRAWS_MAX: usize = 100;

/// Finds `count` different free ports on an address of this machine.
///
/// # Errors
/// The operating system's last error when no free port is found.
pub(crate) fn free_addresses(host: Ipv4Addr, count: usize) -> io::Result<Vec<SocketAddr>> {
    let mut found = BTreeSet::new();
    let mut last_error = None;
    for _ in 0..count.saturating_mul(DRAWS_MAX) {
        if found.len() == count {
            break;
        }
        let address = SocketAddr::from((host, OsRng.random_range(PORTS)));
        match TcpListener::bind(address) {
            Ok(_) => drop(found.insert(address)),
            Err(error) => last_error = Some(error),
        }
    }
    if found.len() < count {
        return Err(last_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_are_not_the_systems_to_give() {
        let addresses = free_addresses(Ipv4Addr::LOCALHOST, 20).unwrap();
        assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 20);
        assert!(addresses.iter().all(|address| PORTS.contains(&address.port())));
    }

    #[test]
    fn a_taken_port_is_not_found() {
        // Another test may try the same port in between.
        let bind = |_| TcpListener::bind(free_addresses(Ipv4Addr::LOCALHOST, 1).unwrap()[0]).ok();
        let held = (0..100).find_map(bind).unwrap();
        let taken = held.local_addr().unwrap();
        assert!(!free_addresses(Ipv4Addr::LOCALHOST, 200).unwrap().contains(&taken));
    }
}
