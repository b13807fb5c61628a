//! Free TCP ports on loopback.
//!
//! The kernel picks each port; all are held open together so that none is given out twice, and let go
//! just before the nodes start. Another program could take one in that moment: the node that misses its
//! port then says so and the network does not come up.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Finds `count` different free ports on 127.0.0.1.
///
/// # Errors
/// The operating system's error when it has no port to give.
pub(super) fn free_addresses(count: usize) -> io::Result<Vec<SocketAddr>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<_>>()?;
    held.iter().map(TcpListener::local_addr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_differ() {
        let addresses = free_addresses(20).unwrap();
        assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 20);
    }
}
