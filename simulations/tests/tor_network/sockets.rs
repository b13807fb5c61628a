//! Whom a process has TCP connections to, from Linux's tables.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

/// The state of a connection that works.
const ESTABLISHED: &str = "01";

/// The peers of a process's established IPv4 connections.
pub(crate) fn peers(pid: u32) -> BTreeSet<SocketAddr> {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let own: BTreeSet<String> = fds
        .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?;
            Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    table.lines().skip(1).filter_map(|line| peer(line, &own)).collect()
}

/// The peer of one line of the table, if the connection works and is one of `own`, by inode.
fn peer(line: &str, own: &BTreeSet<String>) -> Option<SocketAddr> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if fields[3] != ESTABLISHED || !own.contains(fields[9]) {
        return None;
    }
    let (address, port) = fields[2].split_once(':').unwrap();
    // The address is printed as a number of the machine's byte order, the port as a plain number.
    let address = Ipv4Addr::from(u32::from_str_radix(address, 16).unwrap().to_ne_bytes());
    Some(SocketAddr::from((address, u16::from_str_radix(port, 16).unwrap())))
}

#[test]
fn a_peer_is_found_by_its_inode() {
    let line =
        "   1: 0100007F:9C40 0100007F:13EC 01 00000000:00000000 00:00000000 00000000     0        0 4711 1";
    let own = |inode: &str| BTreeSet::from([inode.to_owned()]);
    if cfg!(target_endian = "little") {
        assert_eq!(peer(line, &own("4711")), Some("127.0.0.1:5100".parse().unwrap()));
    }
    assert_eq!(peer(line, &own("4712")), None);
    assert_eq!(peer(&line.replace(" 01 ", " 06 "), &own("4711")), None);
}
