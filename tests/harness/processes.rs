//! Programs that the suites start. None outlives the suite, however that ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};

type Job = Box<dyn FnOnce() + Send>;

/// A user and their group, by number.
pub type User = (u32, u32);

/// Starts a program that the kernel ends with `signal` (such as `KILL`) when this process ends; its output is piped. The
/// kernel watches the thread that started it, so all are started by one that lives as long as the process does.
pub fn spawn_bound(command: &Command, signal: &str) -> std::io::Result<Child> {
    spawn_bound_as(None, command, signal)
}

/// The same, as another user: changing it later would make the kernel forget the signal.
pub fn spawn_bound_as(user: Option<User>, command: &Command, signal: &str) -> std::io::Result<Child> {
    static NURSERY: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    let nursery = NURSERY.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::spawn(move || queue.into_iter().for_each(|job| job()));
        Mutex::new(jobs)
    });
    let mut bound = as_user(user);
    bound.args(["--pdeathsig", signal]).arg(command.get_program()).args(command.get_args());
    copy_environment(command, &mut bound);
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    bound.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (answer, child) = mpsc::channel();
    let job: Job = Box::new(move || {
        let _ = answer.send(bound.spawn());
    });
    nursery.lock().unwrap_or_else(PoisonError::into_inner).send(job).expect("the nursery lives as long as we do");
    child.recv().expect("the nursery answers")
}

/// The beginning of a command that runs as this user, or as our own when there is none; the program comes next.
pub fn as_user(user: Option<User>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((user, group)) = user {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
    }
    command
}

/// Gives a command the changes that another makes to its environment.
fn copy_environment(from: &Command, to: &mut Command) {
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
}

/// The directory of everything that this process writes. A shell that waits for our end removes it.
pub fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<(PathBuf, Mutex<Option<Child>>)> = OnceLock::new();
    let (path, _) = SCRATCH.get_or_init(|| {
        let path = tempfile::Builder::new().prefix("frontdesk-tests-").tempdir().expect("a temporary directory").keep();
        // PostgreSQL runs as another user, who has to pass through.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, open).expect("permissions of the temporary directory");
        let broom = Command::new("sh")
            .args(["-c", "cat >/dev/null; sleep 1; rm -rf -- \"$1\"", "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        // The pipe to its standard input closes when this process ends.
        (path, Mutex::new(Some(broom)))
    });
    path
}

/// A new empty directory in the scratch directory; only this process' user may look inside.
pub fn folder(name: &str) -> PathBuf {
    let prefix = format!("{name}-");
    tempfile::Builder::new().prefix(&prefix).tempdir_in(scratch()).expect("a temporary directory").keep()
}

/// A port that nobody listens on now, below those that the system gives to outgoing connections, so that a server that
/// is restarted finds it free again.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    // Processes begin far apart from each other.
    let next = NEXT.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(7_919)));
    for _ in 0..COUNT {
        let port = (FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// Runs a program to its end and returns its standard output; fails the suite when it fails.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|trouble| panic!("{command:?}: {trouble}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// Sends a signal, such as `TERM`, to a process that this one started.
pub fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    run(Command::new("kill").args(["-s", name, &id]));
}

/// Writes a file and makes sure that only its owner may read it.
pub fn write_private(path: &Path, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create(true).truncate(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("a file");
}
