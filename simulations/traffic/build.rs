//! Makes the version that rows of results carry: that of the package and a fingerprint of the model's source, so that rows of
//! two states of one version are not taken for the same.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// FNV-1a of 64 bits (Fowler, Noll, Vo): it has to tell states of a source apart, and nobody tries to deceive it.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

fn main() -> io::Result<()> {
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files)?;
    files.sort();
    let mut hash = OFFSET;
    for file in &files {
        // Names with `/` on every system.
        for part in file.strip_prefix(&root).unwrap_or(file) {
            add(&mut hash, part.to_string_lossy().as_bytes());
        }
        add(&mut hash, &fs::read(file)?);
    }
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=SOTTO_TRAFFIC_VERSION={version}+{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff));
    Ok(())
}

/// All files of Rust in a directory and below.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Adds bytes, and behind them a byte that ends them.
fn add(hash: &mut u64, bytes: &[u8]) {
    for byte in bytes.iter().chain(&[0]) {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    }
}
