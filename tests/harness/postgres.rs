//! A private PostgreSQL for the whole test process, made of Debian's package. A missing one fails the suite.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::processes;

const USER: &str = "frontdesk";
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A running cluster.
pub struct Cluster {
    port: u16,
    binaries: PathBuf,
    databases: AtomicU32,
    _process: Mutex<Child>,
}

/// The cluster that all stories share. It does not wait for the disk: no story cuts the power.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&["fsync=off", "full_page_writes=off"]))
}

impl Cluster {
    /// Starts a cluster with these settings (`name=value`) beside the defaults.
    pub fn start(settings: &[&str]) -> Cluster {
        Cluster::open(&processes::folder("postgresql"), settings)
    }

    /// Starts the cluster that is kept in a folder; makes it first, if there is none.
    pub fn open(folder: &Path, settings: &[&str]) -> Cluster {
        let binaries = binaries();
        let user = unprivileged();
        std::fs::create_dir_all(folder).expect("the cluster's directory");
        let folder = folder.canonicalize().expect("the cluster's directory");
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("the cluster's directory");
        }
        let data = folder.join("data");
        if !data.exists() {
            let mut init = processes::as_user(user);
            init.arg(binaries.join("initdb"));
            init.args([
                "--username",
                USER,
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-sync",
            ]);
            processes::run(init.arg("--pgdata").arg(&data).current_dir(&folder));
        }

        let port = processes::free_port();
        let mut postgres = Command::new(binaries.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&folder).arg("-p").arg(port.to_string()).current_dir(&folder);
        for setting in ["listen_addresses=127.0.0.1", "max_connections=300"].iter().chain(settings) {
            postgres.arg("-c").arg(setting);
        }
        let mut process = processes::spawn_bound_as(user, &postgres, "QUIT").expect("postgres");
        let log = crate::server::collect(process.stderr.take().expect("a pipe"));
        let cluster = Cluster { port, binaries, databases: AtomicU32::new(0), _process: Mutex::new(process) };
        let started = Instant::now();
        while !cluster.answers() {
            assert!(started.elapsed() < START_DEADLINE, "PostgreSQL does not start:\n{}", log.text());
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    }

    /// A new, empty database's address.
    pub fn database(&self) -> String {
        let name = format!("story_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.create(&name, "template1")
    }

    /// The address of the database of this name: as it is, or new and empty.
    pub fn kept_database(&self, name: &str, as_it_is: bool) -> String {
        if as_it_is { self.address(name) } else { self.create(name, "template1") }
    }

    /// Copies a database that nobody is connected to; returns the address of the copy.
    pub fn copy_database(&self, url: &str, name: &str) -> String {
        self.create(name, url.rsplit('/').next().expect("a database name"))
    }

    /// Makes a database like another; it replaces an older one of its name.
    fn create(&self, name: &str, like: &str) -> String {
        processes::run(self.client("dropdb").args(["--maintenance-db", "postgres", "--if-exists", name]));
        processes::run(self.client("createdb").args(["--maintenance-db", "postgres", "--template", like, name]));
        self.address(name)
    }

    fn address(&self, name: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL in a database and returns what it answers, unaligned and without headers.
    pub fn sql(&self, url: &str, sql: &str) -> String {
        let quiet = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"];
        processes::run(Command::new(self.binaries.join("psql")).args(quiet).args(["--dbname", url, "--command", sql]))
    }

    /// Makes a database unreachable, or reachable again. Sessions that are open on it end.
    pub fn set_reachable(&self, url: &str, reachable: bool) {
        let name = url.rsplit('/').next().expect("a database name");
        let maintenance = format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port);
        self.sql(&maintenance, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {reachable}"));
        if !reachable {
            let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            self.sql(&maintenance, &end);
        }
    }

    fn answers(&self) -> bool {
        self.client("pg_isready").arg("--quiet").status().is_ok_and(|status| status.success())
    }

    fn client(&self, program: &str) -> Command {
        let mut client = Command::new(self.binaries.join(program));
        client.args(["--host", "127.0.0.1", "--username", USER, "--port", &self.port.to_string()]);
        client
    }
}

/// Debian keeps the programs of every version in a folder of their own.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("install PostgreSQL (Debian's package postgresql)");
    let found = versions.flatten().map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    let version = |bin: &PathBuf| -> u32 {
        let number = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse().ok());
        number.unwrap_or(0)
    };
    found.max_by_key(version).expect("install PostgreSQL (Debian's package postgresql)")
}

/// PostgreSQL refuses to run as root, so it runs as the user that its package made; none when we are not root.
fn unprivileged() -> Option<processes::User> {
    let own = std::fs::metadata("/proc/self").expect("/proc").uid();
    if own != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let fields = users.lines().find_map(|line| line.strip_prefix("postgres:")).expect("the user postgres");
    let mut numbers = fields.split(':').skip(1).map(|field| field.parse().expect("an id"));
    Some((numbers.next().expect("a user id"), numbers.next().expect("a group id")))
}
