//! The two TLS configurations, of the side that dials and of the side that listens.

use std::sync::Arc;

use rustls::client::{AlwaysResolvesClientRawPublicKeys, ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CipherSuite, ClientConfig, CommonState, NamedGroup, ProtocolVersion, ServerConfig, SignatureScheme,
};
use sotto_protocol::ident::NodeId;

use super::error::LinkError;
use super::verify::{AnyNode, Pinned};
use super::{ALPN, Peer, keys};

/// What a handshake agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Negotiated {
    /// Always TLS 1.3.
    pub version: ProtocolVersion,
    /// Always X25519MLKEM768.
    pub key_exchange: NamedGroup,
    /// One of TLS 1.3's suites.
    pub suite: CipherSuite,
}

/// The primitives a link may use: one hybrid key exchange, the suites of TLS 1.3.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![kx_group::X25519MLKEM768],
        ..default_provider()
    })
}

fn algorithms(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}

/// For dialing `expected`, showing `own` key or none.
pub(super) fn client_config(
    own: Option<&Arc<CertifiedKey>>,
    expected: NodeId,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(Pinned { expected, algorithms: algorithms(&provider) });
    let own: Arc<dyn ResolvesClientCert> = match own {
        Some(key) => Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(key))),
        None => Arc::new(NoKey),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(own);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// For listening as the holder of `own` key.
pub(super) fn server_config(own: Arc<CertifiedKey>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(AnyNode { algorithms: algorithms(&provider) });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(own)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// A client's lack of a key. It offers raw public keys like a node does and then shows none, so that
/// the first, unencrypted message of a client's handshake looks like a node's.
#[derive(Debug)]
struct NoKey;

impl ResolvesClientCert for NoKey {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn only_raw_public_keys(&self) -> bool {
        true
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// What a finished handshake agreed on, if it is all that a link demands.
///
/// The configurations admit nothing else, except that TLS lets either side leave ALPN out.
pub(super) fn negotiated(connection: &CommonState) -> Result<Negotiated, LinkError> {
    if connection.alpn_protocol() != Some(ALPN) {
        return Err(LinkError::Version);
    }
    let agreed = (
        connection.protocol_version(),
        connection.negotiated_key_exchange_group().map(|group| group.name()),
        connection.negotiated_cipher_suite().map(|suite| suite.suite()),
    );
    match agreed {
        (
            Some(version @ ProtocolVersion::TLSv1_3),
            Some(key_exchange @ NamedGroup::X25519MLKEM768),
            Some(suite),
        ) => Ok(Negotiated { version, key_exchange, suite }),
        other => {
            Err(LinkError::Handshake(format!("expected TLS 1.3 with X25519MLKEM768, and got {other:?}")))
        }
    }
}

/// Whose key the peer of a finished handshake has shown and proven.
pub(super) fn peer(connection: &CommonState) -> Result<Peer, LinkError> {
    match connection.peer_certificates().unwrap_or_default() {
        [] => Ok(Peer::Anonymous),
        [key] => keys::node_of(key.as_ref())
            .map(Peer::Node)
            .ok_or_else(|| LinkError::Handshake("the peer's key is not an Ed25519 key".to_owned())),
        _ => Err(LinkError::Handshake("expected one raw public key, and got a chain".to_owned())),
    }
}
