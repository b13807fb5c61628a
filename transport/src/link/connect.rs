//! Making links: from a stream that was dialed, and from one that was accepted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use sotto_protocol::ident::{NodeId, NodeSecret};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::error::LinkError;
use super::meter::LinkMeter;
use super::record::Followed;
use super::stream::Link;
use super::{LinkTimes, keys, tls};
use crate::dial::{BoxStream, Dialer};

/// Makes links to nodes. Clones share everything.
#[derive(Clone)]
pub struct LinkConnector {
    dialer: Arc<dyn Dialer>,
    own_key: Option<Arc<CertifiedKey>>,
    times: LinkTimes,
    meter: Option<Arc<LinkMeter>>,
}

impl LinkConnector {
    /// For a node, which shows its identity to those it dials.
    ///
    /// # Errors
    ///
    /// When the TLS library does not take the key.
    pub fn for_node(dialer: Arc<dyn Dialer>, own: &NodeSecret, times: LinkTimes) -> Result<Self, LinkError> {
        Ok(Self { dialer, own_key: Some(own_key(own)?), times, meter: None })
    }

    /// For a client, which shows no key.
    #[must_use]
    pub fn anonymous(dialer: Arc<dyn Dialer>, times: LinkTimes) -> Self {
        Self { dialer, own_key: None, times, meter: None }
    }

    /// The same connector with other times.
    #[must_use]
    pub fn with_times(&self, times: LinkTimes) -> Self {
        Self { times, ..self.clone() }
    }

    /// The same connector, whose links are counted by this meter from here on.
    #[must_use]
    pub fn with_meter(&self, meter: &Arc<LinkMeter>) -> Self {
        Self { meter: Some(Arc::clone(meter)), ..self.clone() }
    }

    /// A link to `node`, and to nobody else, at `address`.
    ///
    /// # Errors
    ///
    /// [`LinkError::Unreachable`], [`LinkError::WrongKey`], or another failure of the handshake.
    pub async fn connect(&self, node: &NodeId, address: &str) -> Result<Link, LinkError> {
        let unreachable = |reason| LinkError::Unreachable { address: address.to_owned(), reason };
        let stream = self.dialer.dial(address).await.map_err(unreachable)?;
        let stream = Followed::new(stream, self.meter.clone());
        let config =
            tls::client_config(self.own_key.as_ref(), *node).map_err(|error| configuration(&error))?;
        // The pinned key says who the peer is. TLS wants a name as well: this one is never sent.
        let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into());
        let handshake = TlsConnector::from(config).connect(name, stream);
        let stream = within(self.times, handshake).await?.map_err(|e| LinkError::from_handshake(&e))?;
        Link::new(stream.into(), self.times)
    }
}

impl fmt::Debug for LinkConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkConnector")
            .field("shows_key", &self.own_key.is_some())
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// Makes links from streams that others opened. Clones share everything.
#[derive(Clone)]
pub struct LinkAcceptor {
    config: Arc<ServerConfig>,
    times: LinkTimes,
}

impl LinkAcceptor {
    /// For the node that holds `own`.
    ///
    /// # Errors
    ///
    /// When the TLS library does not take the key.
    pub fn new(own: &NodeSecret, times: LinkTimes) -> Result<Self, LinkError> {
        Ok(Self { config: tls::server_config(own_key(own)?).map_err(|error| configuration(&error))?, times })
    }

    /// A link on `stream`.
    ///
    /// # Errors
    ///
    /// When the handshake fails or takes too long.
    pub async fn accept(&self, stream: BoxStream) -> Result<Link, LinkError> {
        let handshake = TlsAcceptor::from(Arc::clone(&self.config)).accept(Followed::new(stream, None));
        let stream = within(self.times, handshake).await?.map_err(|e| LinkError::from_handshake(&e))?;
        Link::new(stream.into(), self.times)
    }
}

impl fmt::Debug for LinkAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkAcceptor").field("times", &self.times).finish_non_exhaustive()
    }
}

async fn within<T>(times: LinkTimes, step: impl Future<Output = T>) -> Result<T, LinkError> {
    let limited = tokio::time::timeout(times.handshake_max, step);
    limited.await.map_err(|_| LinkError::HandshakeTimeout(times.handshake_max))
}

fn own_key(own: &NodeSecret) -> Result<Arc<CertifiedKey>, LinkError> {
    keys::certified_key(own).map_err(|error| configuration(&error))
}

fn configuration(error: &rustls::Error) -> LinkError {
    LinkError::Handshake(format!("this side's TLS configuration does not hold together: {error}"))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::dial::TcpDialer;

    #[test]
    fn debug_shows_no_key() {
        let secret = NodeSecret::from_seed(&Zeroizing::new([7; 32]));
        let times = LinkTimes::default();
        let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret, times).unwrap();
        insta::assert_snapshot!(format!("{connector:?}"), @"LinkConnector { shows_key: true, times: LinkTimes { handshake_max: 10s, silence_max: None, stall_max: 30s }, .. }");
        let acceptor = LinkAcceptor::new(&secret, times).unwrap();
        insta::assert_snapshot!(format!("{acceptor:?}"), @"LinkAcceptor { times: LinkTimes { handshake_max: 10s, silence_max: None, stall_max: 30s }, .. }");
    }
}
