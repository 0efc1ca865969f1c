//! Large stores: two of each engine, filled once by `frontdesk simulate` and kept. What a list takes in the large one
//! over what the same list takes in the small one tells whether it walks an index or the store.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use frontdesk_tests::postgres::Cluster;

use crate::server::{self, Server};
use crate::statements::MIGRATIONS;
use crate::table::{Line, table};
use crate::{Stores, desk, looks, machine};

/// The user that first starts make.
const ADMINISTRATOR: &str = "admin@frontdesk.local";
/// What a small machine's operator would give it; the rest are PostgreSQL's own defaults.
pub(crate) const POSTGRES: [&str; 3] = ["shared_buffers=1GB", "effective_cache_size=8GB", "max_wal_size=4GB"];

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        })
    }
}

/// A filled installation.
pub(crate) struct Store {
    program: PathBuf,
    data: PathBuf,
    /// None: in the data directory.
    database: Option<String>,
}

/// Measures every engine and prints its table. Whether every bar is met.
pub(crate) fn measure(settings: &Stores) -> Result<bool, String> {
    let [small, large] = settings.sizes[..] else { return Err("--sizes takes two numbers".into()) };
    if small > large {
        return Err("--sizes: the small one comes first".into());
    }
    std::fs::create_dir_all(&settings.dir).map_err(|error| format!("{}: {error}", settings.dir.display()))?;
    let mut are_met = true;
    for engine in &settings.engines {
        let cluster = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Cluster::open(&settings.dir.join("postgresql"), &POSTGRES)),
        };
        let stores = [small, large].map(|contents| Store::filled(settings, *engine, cluster.as_ref(), contents));
        let [small_store, large_store] = stores;
        let (small_store, large_store) = (small_store?, large_store?);
        println!("{engine}; {}", machine());
        println!();
        let mut lines = looks::compare(&small_store, &large_store, settings.sizes.as_slice())?;
        lines.extend(desk::work(settings, &small_store, cluster.as_ref())?);
        println!("{}", table(&lines));
        are_met &= !lines.iter().any(Line::is_missed);
    }
    Ok(are_met)
}

impl Store {
    /// The store with this many contents: of an earlier run, if its schema is that of today.
    fn filled(settings: &Stores, engine: Engine, cluster: Option<&Cluster>, contents: u64) -> Result<Store, String> {
        let mut schema = DefaultHasher::new();
        MIGRATIONS.hash(&mut schema);
        let name = format!("{engine}_{contents}_{:08x}", schema.finish() as u32);
        let data = settings.dir.join(&name);
        let mark = data.join("filled");
        let is_filled = mark.exists();
        if !is_filled {
            crate::fresh(&data)?;
        }
        let database = cluster.map(|cluster| cluster.kept_database(&name, is_filled));
        let store = Store { program: settings.server.clone(), data, database };
        if !is_filled {
            eprintln!("bench: filling {name}");
            match (cluster, &store.database) {
                (Some(cluster), Some(database)) => {
                    // The same past in both engines, and in a third of the time that it takes to live through it again.
                    Store::filled(settings, Engine::Sqlite, None, contents)?.move_to(&store, &settings.dir)?;
                    // What PostgreSQL does by itself within minutes.
                    cluster.sql(database, "VACUUM ANALYZE");
                }
                _ => run(store.command("simulate").args(["--fill", &contents.to_string()]))?,
            }
            std::fs::write(&mark, "").map_err(|error| format!("{}: {error}", mark.display()))?;
        }
        Ok(store)
    }

    /// Backs it up and restores it as `other`, as an operator moves to another engine.
    fn move_to(&self, other: &Store, dir: &Path) -> Result<(), String> {
        let file = dir.join("moving.backup");
        let _ = std::fs::remove_file(&file);
        run(self.command("backup").arg(&file))?;
        remove(&other.data)?;
        run(other.command("restore").arg(&file))?;
        let key = "secret.key";
        std::fs::copy(self.data.join(key), other.data.join(key)).map_err(|error| format!("{key}: {error}"))?;
        std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// A copy that may be written to; it replaces an older one.
    pub(crate) fn copy(&self, settings: &Stores, cluster: Option<&Cluster>) -> Result<Store, String> {
        let data = settings.dir.join("copy");
        crate::fresh(&data)?;
        let status = Command::new("cp").arg("-a").arg(self.data.join(".")).arg(&data).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            return Err(format!("cp: {status:?}"));
        }
        // Else the disk would still be writing the copy while its answers are measured.
        run(Command::new("sync").arg("--file-system").arg(&data))?;
        let database = match (cluster, &self.database) {
            (Some(cluster), Some(database)) => Some(cluster.copy_database(database, "bench_copy")),
            _ => None,
        };
        Ok(Store { program: self.program.clone(), data, database })
    }

    /// Starts its server.
    pub(crate) fn serve(&self) -> Result<Server, String> {
        server::start_with(self.command("serve"))
    }

    /// A new access token of a user.
    pub(crate) fn token(&self, email: &str) -> Result<String, String> {
        let mut create = Command::new(&self.program);
        create.args(["token", "create", "--user", email, "--label", "bench"]).arg("--data").arg(&self.data);
        let output = create.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("frontdesk token create: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A new access token of the administrator.
    pub(crate) fn administrator(&self) -> Result<String, String> {
        self.token(ADMINISTRATOR)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).arg("--data").arg(&self.data);
        if let Some(database) = &self.database {
            command.args(["--database-url", database]);
        }
        command
    }
}

/// Runs a command of the product; what it says of itself is not shown.
fn run(command: &mut Command) -> Result<(), String> {
    let status = command.stdout(std::process::Stdio::null()).status();
    match status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        true => Ok(()),
        false => Err(format!("{command:?}: {status:?}")),
    }
}

/// Removes a directory, if it is there.
pub(crate) fn remove(dir: &Path) -> Result<(), String> {
    std::fs::remove_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))
}
