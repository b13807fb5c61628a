//! A person's profile leaves its device: into a backup, lost, and back from the backup.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::LocalnetError;
use super::person::{ARGON2_MIB, Person, quoted};

impl Person {
    /// Writes a backup with `sotto backup`, under a passphrase of its own, and returns what the command printed.
    ///
    /// # Errors
    /// What `sotto backup` says.
    pub async fn backup(&self, file: &Path) -> Result<Value, LocalnetError> {
        let passphrase = self.backup_passphrase();
        if !passphrase.exists() {
            let text = format!("the backup of {} is on loopback too", self.name());
            sotto_transport::private::write_new(&passphrase, text.as_bytes())
                .map_err(|error| LocalnetError::Directory(error.to_string()))?;
        }
        self.kept("backup", file).await
    }

    /// Makes a profile from a backup with `sotto restore`, and returns what the command printed.
    ///
    /// # Errors
    /// What `sotto restore` says.
    pub async fn restore(&self, file: &Path) -> Result<Value, LocalnetError> {
        self.kept("restore", file).await
    }

    async fn kept(&self, command: &str, file: &Path) -> Result<Value, LocalnetError> {
        let file = file.display().to_string();
        let passphrase = format!("cat {}", quoted(&self.backup_passphrase()));
        let passphrase = ["--backup-passphrase-command", passphrase.as_str()];
        self.sotto(
            &[&[command, file.as_str()], passphrase.as_slice(), &["--argon2-mib", ARGON2_MIB]].concat(),
        )
        .await
    }

    /// Removes everything that a lost device has: the profile with its vault, keys and settings. Nothing else of the
    /// person's is touched.
    ///
    /// # Errors
    /// [`LocalnetError::Directory`] while the daemon runs, or the system's refusal.
    pub fn lose_profile(&self) -> Result<(), LocalnetError> {
        if self.daemon_pid().is_some() {
            let text = format!("the daemon of {} runs: stop it before its profile is removed", self.name());
            return Err(LocalnetError::Directory(text));
        }
        for place in ["data", "config"] {
            let dir = self.dir().join(place);
            match std::fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(LocalnetError::system(format!("remove {}", dir.display()))(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn backup_passphrase(&self) -> PathBuf {
        self.dir().join("backup-passphrase")
    }
}
