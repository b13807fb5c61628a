//! Byte streams to and from other hosts, behind two traits, and TCP as the first of their kinds. Onion services are
//! the other: see [`tor`](crate::tor).
//!
//! A [`Link`](crate::link::Link) is built on top of whatever stream comes from here; what the bytes mean, and
//! who is at the other end, is decided there. No address of a caller is handed out, only a [`Caller`], by which
//! those from one place can be counted: what is not handed out is not logged.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::caller::{Caller, CallerKey};

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// A stream of any kind.
pub type BoxStream = Box<dyn Stream>;

/// How long TCP may take to connect.
pub const TCP_CONNECT_MAX: Duration = Duration::from_secs(10);

/// Reaches other hosts.
pub trait Dialer: Send + Sync + 'static {
    /// Opens a stream to `address`, which is `host:port` as a descriptor states it, within a time that suits the
    /// kind of stream.
    ///
    /// # Errors
    ///
    /// When nobody answers there, or `address` is of a form that this dialer does not know.
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<BoxStream>>;
}

/// Is reached by other hosts.
pub trait Listener: Send + 'static {
    /// Waits for the next caller, and says whence it calls. Cancelled, it loses no caller.
    ///
    /// # Errors
    ///
    /// When this caller could not be accepted; a later one may be.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Caller)>>;
}

impl Listener for Box<dyn Listener> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Caller)>> {
        self.as_mut().accept()
    }
}

/// Dials by TCP, without Nagle's delay.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDialer;

impl Dialer for TcpDialer {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            if names_onion(address) {
                let text = "the address of an onion service is not looked up in DNS";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            let connecting = TcpStream::connect(address);
            let stream = tokio::time::timeout(TCP_CONNECT_MAX, connecting).await.map_err(|_| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {} s", TCP_CONNECT_MAX.as_secs()),
                )
            })??;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

/// Whether the host is below `.onion`, which no resolver is to be asked for (RFC 7686, section 2): whoever answers
/// would learn which service is meant.
fn names_onion(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.strip_suffix('.').unwrap_or(host);
    host.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("onion"))
}

/// Listens on a TCP port.
#[derive(Debug)]
pub struct TcpListener {
    listener: tokio::net::TcpListener,
    callers: CallerKey,
}

impl TcpListener {
    /// Listens on `address`, an `ip:port`; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// When the address is malformed, in use or not this host's.
    pub async fn bind(address: &str) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        Ok(Self { listener, callers: CallerKey::default() })
    }

    /// Where it listens, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Caller)>> {
        Box::pin(async move {
            let (stream, address) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as BoxStream, self.callers.caller(address.ip())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_resolver_is_asked_for_an_onion_service() {
        for onion in ["abc.onion:1", "ABC.Onion:443", "abc.onion.:80", "www.abc.onion:80", "onion:80"] {
            assert!(names_onion(onion), "{onion}");
        }
        for other in ["example.org:80", "abc.onion.example.org:80", "127.0.0.1:1", "[::1]:80", "myonion:80"] {
            assert!(!names_onion(other), "{other}");
        }
    }

    #[tokio::test]
    async fn the_address_of_an_onion_service_is_refused_by_tcp() {
        let error = TcpDialer.dial("abc.onion:80").await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }
}
