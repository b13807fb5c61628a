//! Calling from an address of one's own.

use std::net::SocketAddr;
use std::sync::Arc;

use sotto_protocol::frame::Frame;
use sotto_transport::dial::{BoxFuture, BoxStream, Dialer};
use sotto_transport::link::{Link, LinkConnector, LinkError, LinkTimes};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{World, next_frame, soon};

/// A loopback address to call from.
#[derive(Clone, Copy)]
pub struct Place {
    pub address: &'static str,
    /// Bytes that the system takes for the caller before the caller reads, if not as many as it likes.
    pub incoming_bytes_max: Option<u32>,
}

impl Place {
    pub const fn at(address: &'static str) -> Self {
        Self { address, incoming_bytes_max: None }
    }

    pub async fn call(&self, address: &str) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.address.parse().unwrap(), 0))?;
        if let Some(bytes) = self.incoming_bytes_max {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.connect(address.parse().unwrap()).await
    }

    /// A link to the node without a key.
    pub async fn link(self, world: &World) -> Result<Link, LinkError> {
        let connector = LinkConnector::anonymous(Arc::new(self), LinkTimes::default());
        soon(connector.connect(&world.mix.node(), &world.address())).await
    }

    /// A link to the node with a session of that class.
    pub async fn session(self, world: &World, class: u8) -> Link {
        let mut link = self.link(world).await.unwrap();
        link.send(&Frame::SessionOpen { class, resume: None }).await.unwrap();
        let opened = next_frame(&mut link).await.unwrap();
        assert!(matches!(opened, Frame::SessionOpened { .. }), "{opened:?}");
        link
    }
}

impl Dialer for Place {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, std::io::Result<BoxStream>> {
        Box::pin(async move { Ok(Box::new(self.call(address).await?) as BoxStream) })
    }
}
