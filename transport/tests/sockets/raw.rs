//! A TLS peer that does what the links never do: other key exchanges, other names, records of any size.
//!
//! The tests of the mix use this file too; each has its own `support::soon`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, ResolvesClientCert};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group, sign::any_eddsa_type};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::limits::FRAME_LEN;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::soon;

/// What the peer offers.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) key_exchange: &'static dyn SupportedKxGroup,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) raw_public_keys: bool,
    pub(crate) own_key: Option<Arc<CertifiedKey>>,
}

impl Default for Offer {
    /// What a client's link offers.
    fn default() -> Self {
        Self {
            key_exchange: kx_group::X25519MLKEM768,
            alpn: vec![b"sotto/1".to_vec()],
            raw_public_keys: true,
            own_key: None,
        }
    }
}

impl Offer {
    fn provider(&self) -> Arc<CryptoProvider> {
        Arc::new(CryptoProvider { kx_groups: vec![self.key_exchange], ..default_provider() })
    }

    /// Shakes hands with whoever listens at `address`.
    pub(crate) async fn connect(&self, address: &str) -> std::io::Result<RawPeer> {
        let own: Arc<dyn ResolvesClientCert> = match &self.own_key {
            Some(key) => Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(key))),
            None => Arc::new(NoKey { raw_public_keys: self.raw_public_keys }),
        };
        let mut config = ClientConfig::builder_with_provider(self.provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyPeer))
            .with_client_cert_resolver(own);
        config.alpn_protocols = self.alpn.clone();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("example.org").unwrap();
        let stream = soon(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream)).await?;
        Ok(RawPeer(stream))
    }

    /// A server's configuration with this offer and `own_key`.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let own = Arc::clone(self.own_key.as_ref().unwrap());
        let mut config = ServerConfig::builder_with_provider(self.provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(Arc::new(AnyPeer))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(own)));
        config.alpn_protocols = self.alpn.clone();
        Arc::new(config)
    }
}

/// A peer after its handshake.
pub(crate) struct RawPeer(pub(crate) TlsStream<TcpStream>);

impl RawPeer {
    /// Sends `bytes` as one record.
    pub(crate) async fn send_record(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    pub(crate) async fn next_frame(&mut self) -> Frame {
        let mut bytes = vec![0; FRAME_LEN];
        soon(self.0.read_exact(&mut bytes)).await.unwrap();
        Frame::decode(&bytes).unwrap()
    }

    /// Expects a refusal under `label`.
    pub(crate) async fn expect_refusal(&mut self, label: &str) {
        match self.next_frame().await {
            Frame::Refused { label: shown, .. } => assert_eq!(shown, label),
            other => panic!("expected a refusal, and got {other:?}"),
        }
    }

    /// Ends its own side of the stream, as a refused peer should.
    pub(crate) async fn hang_up(&mut self) {
        self.0.get_mut().0.shutdown().await.unwrap();
    }

    /// Expects nothing but the end of the stream, without an alert.
    pub(crate) async fn expect_end(&mut self) {
        let error = soon(self.0.read_u8()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("without sending TLS close_notify"), "expected TCP's own end, and got: {text}");
    }
}

/// A key pair that shows `shown` and signs with `signer`: honest if they belong together.
pub(crate) fn key_pair(shown: &NodeId, signer: &NodeSecret) -> Arc<CertifiedKey> {
    const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    const PKCS8: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let spki = [SPKI.as_slice(), shown.as_bytes()].concat();
    let pkcs8 = [PKCS8.as_slice(), signer.to_seed().as_slice()].concat();
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).unwrap();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key))
}

#[derive(Debug)]
struct NoKey {
    raw_public_keys: bool,
}

impl ResolvesClientCert for NoKey {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn only_raw_public_keys(&self) -> bool {
        self.raw_public_keys
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct AnyPeer;

impl ServerCertVerifier for AnyPeer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("unused".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for AnyPeer {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("unused".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
