//! Reading what tcpdump wrote: the classic pcap file with Linux "cooked" headers, and of each packet as much as tells
//! where it goes.
//!
//! Formats: <https://www.tcpdump.org/manpages/pcap-savefile.5.html>,
//! <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html> and its older sibling.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Marks a file of this byte order with microseconds; the other one has nanoseconds.
const MAGICS: [u32; 2] = [0xa1b2_c3d4, 0xa1b2_3c4d];
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
const LINKTYPE_LINUX_SLL: u32 = 113;
const LINKTYPE_LINUX_SLL2: u32 = 276;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const IPV6_HOP_BY_HOP: u8 = 0;

pub(crate) const PROTOCOL_TCP: u8 = 6;
pub(crate) const PROTOCOL_ICMPV6: u8 = 58;

/// What one packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Packet {
    /// IPv4 or IPv6.
    Ip {
        from: IpAddr,
        to: IpAddr,
        /// Number of the protocol above: 6 TCP, 17 UDP, 58 ICMPv6.
        protocol: u8,
        /// Ports of sender and receiver, if the protocol has any.
        ports: Option<(u16, u16)>,
    },
    /// A question or an answer about the hardware address of this IPv4 address.
    Arp { about: Ipv4Addr },
    /// Neither.
    Other { ethertype: u16 },
}

impl Packet {
    /// Whether it goes to this address and port.
    pub(crate) fn is_to(&self, address: SocketAddr) -> bool {
        matches!(*self, Self::Ip { to, ports: Some((_, port)), .. } if SocketAddr::new(to, port) == address)
    }
}

/// The packets of a capture, each as it was sent or received on an interface. The last may be cut off: the file is
/// still written.
pub(crate) fn read(file: &[u8]) -> Vec<Packet> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert!(MAGICS.contains(&word(0)), "this is no capture of this machine: {:#x}", word(0));
    let link_type = word(20);
    let mut packets = Vec::new();
    let mut at = FILE_HEADER_LEN;
    while at + RECORD_HEADER_LEN <= file.len() {
        let len = usize::try_from(word(at + 8)).unwrap();
        let from = at + RECORD_HEADER_LEN;
        let Some(bytes) = file.get(from..from + len) else { break };
        packets.push(packet(link_type, bytes));
        at = from + len;
    }
    packets
}

fn packet(link_type: u32, bytes: &[u8]) -> Packet {
    let (ethertype, body) = match link_type {
        LINKTYPE_LINUX_SLL2 => (short(bytes, 0), &bytes[20..]),
        LINKTYPE_LINUX_SLL => (short(bytes, 14), &bytes[16..]),
        other => panic!("unknown link type {other}"),
    };
    match ethertype {
        ETHERTYPE_IPV4 => ipv4(body),
        ETHERTYPE_IPV6 => ipv6(body),
        ETHERTYPE_ARP => Packet::Arp { about: address_v4(body, 24) },
        ethertype => Packet::Other { ethertype },
    }
}

fn ipv4(body: &[u8]) -> Packet {
    let header_len = usize::from(body[0] & 0x0f) * 4;
    let protocol = body[9];
    Packet::Ip {
        from: address_v4(body, 12).into(),
        to: address_v4(body, 16).into(),
        protocol,
        ports: ports(protocol, &body[header_len..]),
    }
}

fn ipv6(body: &[u8]) -> Packet {
    let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&body[at..at + 16]).unwrap());
    // Multicast listener reports carry one hop-by-hop header of eight bytes.
    let (protocol, at) = if body[6] == IPV6_HOP_BY_HOP { (body[40], 48) } else { (body[6], 40) };
    Packet::Ip {
        from: address(8).into(),
        to: address(24).into(),
        protocol,
        ports: ports(protocol, &body[at..]),
    }
}

/// TCP and UDP both begin with the ports.
fn ports(protocol: u8, body: &[u8]) -> Option<(u16, u16)> {
    matches!(protocol, PROTOCOL_TCP | 17).then(|| (short(body, 0), short(body, 2)))
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn address_v4(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap())
}

#[test]
fn a_capture_is_read_packet_by_packet() {
    let cooked = |ethertype: u16, body: &[u8]| {
        let header = [&ethertype.to_be_bytes()[..], &[0; 18]].concat();
        let bytes = [&header[..], body].concat();
        let len = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        [&[0; 8][..], &len, &len, &bytes].concat()
    };
    let mut query = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, 9, 9, 9, 9, 9];
    query.extend([0xc0, 1, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    let mut report = vec![0x60, 0, 0, 0, 0, 8, 0, 1];
    report.extend(Ipv6Addr::UNSPECIFIED.octets());
    report.extend("ff02::16".parse::<Ipv6Addr>().unwrap().octets());
    report.extend([58, 0, 5, 2, 0, 0, 1, 0, 143, 0]);
    let mut question = vec![0; 28];
    question[24..28].copy_from_slice(&[10, 77, 0, 2]);
    let mut file = MAGICS[0].to_le_bytes().to_vec();
    file.extend([0; 16]);
    file.extend(LINKTYPE_LINUX_SLL2.to_le_bytes());
    for (ethertype, body) in [(ETHERTYPE_IPV4, &query), (ETHERTYPE_IPV6, &report), (ETHERTYPE_ARP, &question)]
    {
        file.extend(cooked(ethertype, body));
    }
    let expected = [
        Packet::Ip {
            from: Ipv4Addr::new(10, 77, 0, 9).into(),
            to: Ipv4Addr::new(9, 9, 9, 9).into(),
            protocol: 17,
            ports: Some((0xc001, 53)),
        },
        Packet::Ip {
            from: Ipv6Addr::UNSPECIFIED.into(),
            to: "ff02::16".parse().unwrap(),
            protocol: PROTOCOL_ICMPV6,
            ports: None,
        },
        Packet::Arp { about: Ipv4Addr::new(10, 77, 0, 2) },
    ];
    assert_eq!(read(&file), expected);
    assert_eq!(read(&file[..file.len() - 1]), expected[..2]);
    assert!(expected[0].is_to("9.9.9.9:53".parse().unwrap()));
    assert!(!expected[0].is_to("9.9.9.9:54".parse().unwrap()));
}
