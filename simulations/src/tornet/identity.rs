//! The keys by which a Tor network's processes know each other: made by tor's own programs, read from their files.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::error::TornetError;
use super::node::TorNode;
use super::programs::TorPrograms;

/// An authority that is nobody, for a program that only makes keys and yet wants one named.
const NO_AUTHORITY: &str = "x 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff";
/// Months for which an authority's signing key holds.
const MONTHS: &str = "12";

/// Under what names a relay is known.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// Its RSA identity, 40 hexadecimal digits.
    pub(super) rsa: String,
    /// Its Ed25519 identity, in base64.
    pub(super) ed25519: String,
}

/// Makes an authority's long-term key, its signing key and its certificate. Returns the identity by which its
/// votes are known, 40 hexadecimal digits. To be done before [`make`].
pub(super) async fn make_authority(
    programs: &TorPrograms,
    node: &TorNode,
    dir_port: SocketAddr,
) -> Result<String, TornetError> {
    let keys = node.dir().join("keys");
    std::fs::create_dir_all(&keys).map_err(TornetError::system(format!("make {}", keys.display())))?;
    let certificate = keys.join("authority_certificate");
    let mut command = Command::new(&programs.gencert);
    command
        .args([
            "--create-identity-key",
            "--passphrase-fd",
            "0",
            "-m",
            MONTHS,
            "-a",
            &dir_port.to_string(),
            "-i",
        ])
        .arg(keys.join("authority_identity_key"))
        .arg("-s")
        .arg(keys.join("authority_signing_key"))
        .arg("-c")
        .arg(&certificate);
    // The long-term key lies beside the others, so a passphrase protects nothing; the program wants one.
    run(command, node, "-\n").await?;
    field(node, &certificate, "fingerprint")
}

/// Makes the keys of a relay from its torrc.
pub(super) async fn make(programs: &TorPrograms, node: &TorNode) -> Result<Identity, TornetError> {
    let mut command = Command::new(&programs.tor);
    command.args(["--quiet", "--list-fingerprint", "--DirAuthority", NO_AUTHORITY]).args(node.args());
    run(command, node, "").await?;
    let read = |file: &str| field(node, &node.dir().join(file), node.name());
    Ok(Identity { rsa: read("fingerprint")?, ed25519: read("fingerprint-ed25519")? })
}

async fn run(mut command: Command, node: &TorNode, stdin: &str) -> Result<(), TornetError> {
    let doing = || format!("make keys for {}", node.name());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(TornetError::system(doing()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read its input may be gone already; its status tells.
        let _ = pipe.write_all(stdin.as_bytes()).await;
    }
    let Output { status, stdout, stderr } =
        child.wait_with_output().await.map_err(TornetError::system(doing()))?;
    if status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&[stderr, stdout].concat()).trim().to_owned();
    Err(TornetError::Keys { name: node.name().to_owned(), output })
}

/// The second word of the line that begins with `key`.
fn field(node: &TorNode, file: &Path, key: &str) -> Result<String, TornetError> {
    let text =
        std::fs::read_to_string(file).map_err(TornetError::system(format!("read {}", file.display())))?;
    second_word(&text, key).map(str::to_owned).ok_or_else(|| TornetError::Keys {
        name: node.name().to_owned(),
        output: format!("{} has no line that begins with {key}", file.display()),
    })
}

fn second_word<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(key)).then(|| words.next())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_begins_with_the_whole_word_counts() {
        let text = "dir-key\nfingerprint-old 1\nfingerprint 2 3\n";
        assert_eq!(second_word(text, "fingerprint"), Some("2"));
        assert_eq!(second_word(text, "dir-key"), None);
        assert_eq!(second_word(text, "finger"), None);
    }
}
