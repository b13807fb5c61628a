//! A directory of results: what it is for, and a file for each task.
//!
//! `plan.json` says which plan it belongs to; `rows/0001/000001234.json` is the row of task 1234. A file is written under
//! another name, made durable and renamed, so a process can be killed at any time. Not here: which tasks are to be run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::error::RunError;
use super::{Manifest, VERSION};
use crate::plan::{Bound, Plan, Task};
use crate::random::Seed;
use crate::results::{Results, Row};

/// The layout of the directory.
const FORMAT: u32 = 1;
/// How many rows share a directory: file systems are slow with a million names in one.
const ROWS_PER_DIRECTORY: u64 = 1000;
const MANIFEST: &str = "plan.json";
const ROWS: &str = "rows";
/// The list of tasks, which may be written before the first of them is run.
pub(super) const TASKS: &str = "tasks.txt";
/// How names of unfinished files begin.
const UNFINISHED: &str = ".tmp-";

/// An open directory.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    manifest: Manifest,
}

impl Store {
    /// Opens the directory for a plan; makes it, if it is not there.
    pub(super) fn open(plan: &Plan, dir: &Path) -> Result<Self, RunError> {
        fs::create_dir_all(dir.join(ROWS)).map_err(RunError::files("create", dir))?;
        let manifest = Manifest {
            format: FORMAT,
            hash: plan.hash()?,
            version: VERSION.to_owned(),
            name: plan.name().to_owned(),
            question: plan.question().to_owned(),
            seed: plan.seed().as_u64(),
            points: plan.sweep().points(),
            replications: plan.replications(),
            fail_if: plan.bounds().iter().map(Bound::to_string).collect(),
            plan: plan.text().to_owned(),
            file: plan.file_name(),
            sets: plan.sets().map(str::to_owned).collect(),
        };
        let path = dir.join(MANIFEST);
        let known = if path.exists() { Some(Self::existing(dir)?.manifest) } else { None };
        match known {
            Some(known) if known == manifest => {}
            Some(known) if known.hash != manifest.hash => {
                let what = format!(
                    "holds results of another plan (`{}`); choose another directory with --out, or remove it",
                    known.name
                );
                return Err(RunError::Directory { dir: dir.to_path_buf(), what });
            }
            None => {
                refuse_foreign(dir)?;
                write_whole(&path, &to_json(&manifest, &path)?)?;
            }
            // More replications, another bound, another version of the program: the rows say which they are of.
            Some(_) => write_whole(&path, &to_json(&manifest, &path)?)?,
        }
        Ok(Self { dir: dir.to_path_buf(), manifest })
    }

    /// Opens a directory that has to be there.
    pub(super) fn existing(dir: &Path) -> Result<Self, RunError> {
        let path = dir.join(MANIFEST);
        let text = fs::read(&path).map_err(RunError::files("read", &path))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| RunError::Directory {
            dir: dir.to_path_buf(),
            what: format!(
                "has a {MANIFEST} that this version does not understand ({error}); choose another directory"
            ),
        })?;
        if manifest.format != FORMAT {
            let what = format!("has format {}; this version reads {FORMAT}", manifest.format);
            return Err(RunError::Directory { dir: dir.to_path_buf(), what });
        }
        Ok(Self { dir: dir.to_path_buf(), manifest })
    }

    fn path(&self, task: u64) -> PathBuf {
        let directory = format!("{:04}", task / ROWS_PER_DIRECTORY);
        self.dir.join(ROWS).join(directory).join(format!("{task:09}.json"))
    }

    /// Whether a task has been done, with this configuration, by this version.
    pub(super) fn has(&self, task: &Task, config_hash: &str) -> bool {
        self.read(task.number).is_ok_and(|row| {
            row.is_some_and(|row| {
                row.config_hash == config_hash && row.version == VERSION && row.seed == task.seed.as_u64()
            })
        })
    }

    /// The row of a task, if it is there.
    fn read(&self, task: u64) -> Result<Option<Row>, RunError> {
        let path = self.path(task);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RunError::files("read", &path)(error)),
        };
        match serde_json::from_slice(&text) {
            Ok(row) => Ok(Some(row)),
            Err(_) => Err(RunError::Row { task, what: "is damaged", path }),
        }
    }

    /// Writes the row of a task.
    pub(super) fn write(&self, task: &Task, row: &Row) -> Result<(), RunError> {
        let path = self.path(task.number);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(RunError::files("create", directory))?;
        }
        write_whole(&path, &to_json(row, &path)?)
    }
}

fn to_json(value: &impl serde::Serialize, path: &Path) -> Result<Vec<u8>, RunError> {
    let mut text = serde_json::to_vec(value).map_err(|error| RunError::files("write", path)(error.into()))?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a file that is there whole or not at all, whenever the process or the machine ends.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), RunError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Two processes may do the same task, on two machines with the same number; neither may write into the other's file. The
    // keys of a hasher are the system's random bits.
    let random = RandomState::new().hash_one(std::process::id());
    let unfinished = directory.join(format!("{UNFINISHED}{}-{random:016x}-{name}", std::process::id()));
    let mut file = File::create(&unfinished).map_err(RunError::files("create", &unfinished))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(RunError::files("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(RunError::files("write", path))?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(RunError::files("write to", directory))
}

/// Refuses a directory that has been in use for something else.
fn refuse_foreign(dir: &Path) -> Result<(), RunError> {
    let entries = fs::read_dir(dir).map_err(RunError::files("read", dir))?;
    for entry in entries {
        let name = entry.map_err(RunError::files("read", dir))?.file_name();
        let name = name.to_string_lossy();
        // Another process may be at the same point.
        let is_own = [ROWS, MANIFEST, TASKS].contains(&name.as_ref());
        if !is_own && !name.starts_with(UNFINISHED) {
            let what = format!("holds {name} and no results of a plan; choose another directory with --out");
            return Err(RunError::Directory { dir: dir.to_path_buf(), what });
        }
    }
    Ok(())
}

/// All rows of stores of one plan.
pub(super) fn merge(stores: &[Store]) -> Result<(Manifest, Results), RunError> {
    let Some((first, others)) = stores.split_first() else {
        return Err(RunError::Directory {
            dir: PathBuf::new(),
            what: "is no directory of results".to_owned(),
        });
    };
    if let Some(other) = others.iter().find(|other| other.manifest.hash != first.manifest.hash) {
        let what = format!("holds results of another plan than {}", first.dir.display());
        return Err(RunError::Directory { dir: other.dir.clone(), what });
    }
    let manifest = &first.manifest;
    if let Some(other) = others.iter().find(|other| other.manifest.version != manifest.version) {
        let what = format!(
            "holds results of version {}, {} of {}; run the older tasks again with one version",
            other.manifest.version,
            first.dir.display(),
            manifest.version
        );
        return Err(RunError::Directory { dir: other.dir.clone(), what });
    }
    let tasks = u64::from(manifest.points) * u64::from(manifest.replications);
    let mut rows: Vec<Row> = Vec::new();
    let mut missing = Vec::new();
    for task in 0..tasks {
        match row_of(stores, task)? {
            Some(row) => rows.push(row),
            None => missing.push(task),
        }
    }
    if let Some(number) = missing.first() {
        let dir = first.dir.clone();
        return Err(RunError::Incomplete { dir, missing: missing.len() as u64, tasks, first: *number });
    }
    // Rows are in the order of tasks, none is missing.
    let mut hashes: BTreeMap<u32, &str> = BTreeMap::new();
    let other = (0..)
        .zip(&rows)
        .find(|(_, row)| *hashes.entry(row.point).or_insert(&row.config_hash) != row.config_hash);
    if let Some((task, _)) = other {
        return Err(RunError::Row {
            task,
            what: "is of another configuration than other replications of its point",
            path: first.path(task),
        });
    }
    rows.sort_by_key(|row| (row.point, row.replication));
    let results = Results { name: manifest.name.clone(), question: manifest.question.clone(), rows };
    Ok((manifest.clone(), results))
}

/// The row of a task, from whichever store has it; where several have it, they have the same.
fn row_of(stores: &[Store], task: u64) -> Result<Option<Row>, RunError> {
    let mut found: Option<Row> = None;
    for store in stores {
        let Some(row) = store.read(task)? else { continue };
        let bad = |what| Err(RunError::Row { task, what, path: store.path(task) });
        let points = u64::from(store.manifest.points).max(1);
        let replication = task / points;
        let seed = Seed::new(store.manifest.seed).replication(replication).as_u64();
        if u64::from(row.point) != task % points
            || u64::from(row.replication) != replication
            || row.seed != seed
        {
            return bad("is of another task");
        }
        if row.version != store.manifest.version {
            return bad("is of another version of the program");
        }
        match &found {
            Some(other) if *other != row => return bad("differs from that in another directory"),
            Some(_) => {}
            None => found = Some(row),
        }
    }
    Ok(found)
}
