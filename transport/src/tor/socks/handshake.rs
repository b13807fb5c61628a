//! The client's side of SOCKS5: RFC 1928 with the user name and password of RFC 1929, and one command, `CONNECT` to a
//! name.
//!
//! The crates that speak SOCKS5 offer "no authentication" beside the password, and a proxy may choose it
//! (`PreferSOCKSNoAuth` of tor): then all streams would silently share circuits. Here the password is all that is
//! offered.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::tor::onion_address::OnionAddress;

const VERSION: u8 = 5;
const USER_PASSWORD: u8 = 2;
const USER_PASSWORD_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const RESERVED: u8 = 0;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const GRANTED: u8 = 0;

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocksError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is no SOCKS5 proxy that takes user names")]
    Unusable,
    /// The reply code of RFC 1928, section 6, or of Tor's proposal 304.
    #[error("{}", reply_text(*.0))]
    Refused(u8),
}

/// Agrees on user name and password as the method.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), SocksError> {
    stream.write_all(&[VERSION, 1, USER_PASSWORD]).await?;
    stream.flush().await?;
    match read_array(stream).await? {
        [VERSION, USER_PASSWORD] => Ok(()),
        _ => Err(SocksError::Unusable),
    }
}

/// After [`greet`]: has the proxy connect to `target`. Then the stream is the service's.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    (user, password): (&str, &str),
    target: &OnionAddress,
) -> Result<(), SocksError> {
    let mut login = vec![USER_PASSWORD_VERSION];
    push_text(&mut login, user)?;
    push_text(&mut login, password)?;
    stream.write_all(&login).await?;
    stream.flush().await?;
    let [_version, status] = read_array(stream).await?;
    if status != GRANTED {
        return Err(SocksError::Unusable);
    }
    let mut request = vec![VERSION, CONNECT, RESERVED, NAME];
    push_text(&mut request, &target.host())?;
    request.extend(target.port().to_be_bytes());
    stream.write_all(&request).await?;
    stream.flush().await?;
    read_reply(stream).await
}

async fn read_reply<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(), SocksError> {
    let [version, code, _reserved, kind] = read_array(stream).await?;
    if version != VERSION {
        return Err(SocksError::Unusable);
    }
    if code != GRANTED {
        return Err(SocksError::Refused(code));
    }
    // The address that the proxy has bound: of no use here, and to be read past.
    let address_len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => {
            let [len] = read_array(stream).await?;
            u64::from(len)
        }
        _ => return Err(SocksError::Unusable),
    };
    const PORT_LEN: u64 = 2;
    let mut bound = stream.take(address_len + PORT_LEN);
    let skipped = tokio::io::copy(&mut bound, &mut tokio::io::sink()).await?;
    if skipped == address_len + PORT_LEN {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }
}

async fn read_array<S: AsyncRead + Unpin, const LEN: usize>(stream: &mut S) -> io::Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn push_text(message: &mut Vec<u8>, text: &str) -> io::Result<()> {
    message.push(u8::try_from(text.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?);
    message.extend(text.as_bytes());
    Ok(())
}

const fn reply_text(code: u8) -> &'static str {
    match code {
        0x01 => "general failure",
        0x02 => "not allowed by its rules",
        0x03 => "network unreachable",
        0x04 => "host unreachable",
        0x05 => "connection refused",
        0x06 => "timed out",
        0x07 => "command not supported",
        0x08 => "kind of address not supported; is it tor?",
        0xf0 => "the onion service's descriptor cannot be found",
        0xf1 => "the onion service's descriptor is invalid",
        0xf2 => "the introduction to the onion service failed",
        0xf3 => "the rendezvous with the onion service failed",
        0xf4 => "the onion service wants its client's key",
        0xf5 => "the onion service does not take this client's key",
        0xf6 => "the onion address is invalid",
        0xf7 => "the introduction to the onion service timed out",
        _ => "an unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;
    use crate::tor::OnionAddress;

    fn target() -> OnionAddress {
        OnionAddress::parse("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80").unwrap()
    }

    /// What the client says to a proxy that answers with `answers`, one after the other, and what it makes of it.
    async fn talk(answers: &[u8]) -> (Vec<u8>, Result<(), SocksError>) {
        let (mut client, mut proxy) = duplex(1024);
        proxy.write_all(answers).await.unwrap();
        let outcome = match greet(&mut client).await {
            Ok(()) => connect(&mut client, ("ab", "cde"), &target()).await,
            Err(error) => Err(error),
        };
        drop(client);
        let mut said = Vec::new();
        proxy.read_to_end(&mut said).await.unwrap();
        (said, outcome)
    }

    #[tokio::test]
    async fn the_bytes_are_those_of_the_rfcs_and_offer_the_password_alone() {
        let answers = [&[5, 2, 1, 0, 5, 0, 0, 1][..], &[0; 6]].concat();
        let (said, outcome) = talk(&answers).await;
        outcome.unwrap();
        let mut expected = vec![5, 1, 2, 1, 2, b'a', b'b', 3, b'c', b'd', b'e', 5, 1, 0, 3, 62];
        expected.extend(target().host().as_bytes());
        expected.extend([0, 80]);
        assert_eq!(said, expected);
    }

    #[tokio::test]
    async fn a_bound_address_of_any_kind_is_read_past() {
        for (kind, len) in [(1, 4 + 2), (4, 16 + 2)] {
            let answers = [&[5, 2, 1, 0, 5, 0, 0, kind][..], &vec![9; len]].concat();
            talk(&answers).await.1.unwrap();
        }
        talk(&[5, 2, 1, 0, 5, 0, 0, 3, 3, 1, 2, 3, 4, 5]).await.1.unwrap();
    }

    #[tokio::test]
    async fn a_proxy_that_would_do_without_the_password_is_not_used() {
        for answers in [&[5, 0][..], &[5, 0xff], &[4, 2], &[5, 2, 1, 1], b"HT"] {
            let (said, outcome) = talk(answers).await;
            assert!(matches!(outcome, Err(SocksError::Unusable)), "{answers:?}");
            assert!(!said.ends_with(&[0, 80]), "no request after {answers:?}");
        }
    }

    #[tokio::test]
    async fn refusals_and_cut_answers_are_told_apart() {
        let refused = talk(&[5, 2, 1, 0, 5, 0xf4, 0, 1, 0, 0, 0, 0, 0, 0]).await.1.unwrap_err();
        assert!(matches!(refused, SocksError::Refused(0xf4)), "{refused}");
    }
}
