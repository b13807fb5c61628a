//! What is in the node's directory, and who has access to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sotto_transport::node::layout;

use crate::shell::check::{Check, Verdict};
use crate::shell::config::NodeConfig;
use crate::shell::node::PROGRAM;

/// What the owner's group and everybody else may do with a file.
const OTHERS_ACCESS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;
/// Bytes of a path to a socket, its end included (`sun_path` in unix(7)).
const SOCKET_PATH_LEN: usize = 108;

/// Looks at the configuration's file, the directory and the keys.
pub(crate) fn check(config: &NodeConfig, path: &Path) -> Vec<Check> {
    vec![
        config_file(path, mode(path)),
        directory(&config.dir, mode(&config.dir)),
        identity(config),
        hop_keys(&layout::hop_keys_dir(&config.dir)),
        control(&config.control_socket()),
    ]
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

fn config_file(path: &Path, mode: Option<u32>) -> Check {
    let name = "config";
    match mode {
        Some(mode) if mode & OTHERS_WRITE != 0 => Check::wrong(
            name,
            Verdict::Fail,
            format!("{} has mode {mode:03o}", path.display()),
            "other users can change what the node does",
            format!("chmod go-w {}", path.display()),
        ),
        _ => Check::ok(name, path.display().to_string(), "every setting is known and in its range"),
    }
}

fn directory(dir: &Path, mode: Option<u32>) -> Check {
    let (name, shown) = ("directory", dir.display());
    match mode {
        None => Check::wrong(
            name,
            Verdict::Fail,
            format!("{shown} cannot be examined"),
            "the node has no directory, or another user owns it",
            format!("run as the user that owns it; `{PROGRAM} init` makes a node"),
        ),
        Some(mode) if mode & OTHERS_ACCESS != 0 => Check::wrong(
            name,
            Verdict::Fail,
            format!("{shown} has mode {mode:03o}"),
            "other users have access to the node's keys",
            format!("chmod 700 {shown}"),
        ),
        Some(mode) => {
            Check::ok(name, format!("{shown} has mode {mode:03o}"), "nobody else has access to the keys")
        }
    }
}

fn identity(config: &NodeConfig) -> Check {
    let name = "identity";
    match layout::read_identity(&config.dir, PROGRAM) {
        Ok(secret) => Check::ok(name, format!("node {}", secret.id()), "the key is there and can be read"),
        Err(error) => Check::wrong(
            name,
            Verdict::Fail,
            error.label().to_owned(),
            error.to_string(),
            "restore `identity.key` from its backup, with mode 600, or make a new node and have it admitted",
        ),
    }
}

fn hop_keys(dir: &Path) -> Check {
    let name = "hop-keys";
    match mode(dir) {
        None => Check::ok(name, "none yet", "the node makes them when it starts"),
        Some(mode) if mode & OTHERS_ACCESS != 0 => Check::wrong(
            name,
            Verdict::Fail,
            format!("{} has mode {mode:03o}", dir.display()),
            "other users have access to the keys of this epoch: the node does not start so",
            format!("chmod 700 {}", dir.display()),
        ),
        Some(_) => {
            let keys = fs::read_dir(dir).map_or(0, |entries| {
                let is_key = |name: &std::ffi::OsStr| name.as_encoded_bytes().ends_with(b".key");
                entries.flatten().filter(|entry| is_key(&entry.file_name())).count()
            });
            Check::ok(
                name,
                format!("{keys} keys"),
                "never back them up: they are to be gone when they are old",
            )
        }
    }
}

fn control(path: &Path) -> Check {
    let (name, len) = ("control", path.as_os_str().len());
    if len >= SOCKET_PATH_LEN {
        return Check::wrong(
            name,
            Verdict::Fail,
            format!("{len} bytes"),
            format!(
                "{} is too long for a socket, which can have {} bytes",
                path.display(),
                SOCKET_PATH_LEN - 1
            ),
            "set `control` to a shorter path",
        );
    }
    Check::ok(name, path.display().to_string(), "`status` and `reload` ask the node there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_by_others_is_a_failure_that_says_which_command_helps() {
        let dir = Path::new("/var/lib/sotto");
        assert_eq!(directory(dir, Some(0o700)).verdict, Verdict::Ok);
        let open = directory(dir, Some(0o750));
        assert_eq!((open.verdict, open.remedy.as_deref()), (Verdict::Fail, Some("chmod 700 /var/lib/sotto")));
        assert_eq!(directory(dir, None).verdict, Verdict::Fail);
        assert_eq!(config_file(dir, Some(0o644)).verdict, Verdict::Ok, "it holds no secret");
        assert_eq!(config_file(dir, Some(0o664)).verdict, Verdict::Fail);
    }

    #[test]
    fn a_socket_has_a_short_path() {
        assert_eq!(control(Path::new("/run/sotto.sock")).verdict, Verdict::Ok);
        let long = format!("/{}", "a".repeat(SOCKET_PATH_LEN - 1));
        assert_eq!(control(Path::new(&long)).verdict, Verdict::Fail);
        assert_eq!(control(Path::new(&long[..SOCKET_PATH_LEN - 1])).verdict, Verdict::Ok);
    }
}
