//! The gateway as its users run it: the `countersign serve` process with a configuration file of the test.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::signer::{ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Word};
use crate::wire::{Connection, Response, SAFETY_NET};

/// A configuration file: named sections of TOML text, headers included.
#[derive(Clone)]
pub struct Config {
    sections: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    descriptors: Option<usize>,
}

impl Config {
    /// One listener for both dialects, an admin listener, one key, and a trusted cluster of this node.
    pub fn new(node: &str) -> Self {
        let listener = format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\ndomains = [\"{DOMAIN}\"]\ndialects = [\"aws\", \"wos\"]\n"
        );
        let credentials = format!(
            "[credentials]\nstore = \"inline\"\n[[credentials.key]]\naccess_key_id = \"{ACCESS_KEY_ID}\"\n\
             secret_access_key = \"{SECRET_ACCESS_KEY}\"\nprincipal = \"alice\"\n"
        );
        let cluster = format!(
            "[[cluster]]\nname = \"main\"\ndialect = \"aws\"\nnodes = [\"{node}\"]\nforward = \"trusted\"\n"
        );
        Self {
            sections: Vec::new(),
            environment: Vec::new(),
            descriptors: None,
        }
        .section("server", "[server]\nthreads = 1\ngrace_period = \"1s\"\n")
        .section("log", "[log]\nlevel = \"info\"\nformat = \"text\"\n")
        .section("listener", &listener)
        .section("admin", "[admin]\naddress = \"127.0.0.1:0\"\n")
        .section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n")
        .section("credentials", &credentials)
        .section("cluster", &cluster)
    }

    /// Replaces the text of a section, or appends it under a new name. Empty text removes the section.
    pub fn section(mut self, name: &str, toml: &str) -> Self {
        match self.sections.iter_mut().find(|(other, _)| other == name) {
            Some((_, text)) => toml.clone_into(text),
            None => self.sections.push((name.into(), toml.into())),
        }
        self
    }

    /// Adds lines to the end of a section, and so to its last table.
    pub fn line(mut self, name: &str, toml: &str) -> Self {
        let section = self.sections.iter_mut().find(|(other, _)| other == name);
        let (_, text) = section.unwrap_or_else(|| panic!("no section {name}"));
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(toml);
        text.push('\n');
        self
    }

    /// Sets an environment variable of the process.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Limits the file descriptors of the process.
    pub fn descriptors(mut self, most: usize) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// The text of one section.
    pub fn text_of(&self, name: &str) -> &str {
        let section = self.sections.iter().find(|(other, _)| other == name);
        &section.unwrap_or_else(|| panic!("no section {name}")).1
    }

    pub fn text(&self) -> String {
        self.sections
            .iter()
            .map(|(_, text)| format!("{text}\n"))
            .collect()
    }
}

#[derive(Default)]
struct Log {
    text: Mutex<String>,
    changed: Condvar,
}

/// A running `countersign serve`. The process is killed when this is dropped.
pub struct Gateway {
    child: Child,
    directory: TempDir,
    listeners: Vec<String>,
    admin: Option<String>,
    log: Arc<Log>,
    /// Standard error, until it is read.
    unread: Option<ChildStderr>,
    collector: Option<JoinHandle<()>>,
    end: Sender<()>,
    ended: Receiver<()>,
}

impl Gateway {
    /// Starts with the default configuration in front of a node.
    pub fn in_front_of(node: &str) -> Self {
        Self::start(&Config::new(node))
    }

    /// Starts, and waits until every listener has logged its address.
    pub fn start(config: &Config) -> Self {
        Self::try_start(config)
            .unwrap_or_else(|(status, log)| panic!("the gateway ended, {status}:\n{log}"))
    }

    /// Starts, or returns the exit status and the standard error of a process that ended before it was ready.
    pub fn try_start(config: &Config) -> Result<Self, (ExitStatus, String)> {
        let mut gateway = Self::spawn(config);
        gateway.read_log();
        gateway.await_ready(config)
    }

    /// Starts, and reads nothing of its standard error before [`Gateway::read_log`].
    pub fn start_unread(config: &Config) -> Self {
        let ready = Self::spawn(config).await_ready(config);
        ready.unwrap_or_else(|(status, _)| panic!("the gateway ended, {status}"))
    }

    /// Reads standard error from now on.
    pub fn read_log(&mut self) {
        let stderr = self.unread.take().expect("it is read once");
        let (collected, end) = (self.log.clone(), self.end.clone());
        self.collector = Some(thread::spawn(move || {
            collect(stderr, &collected);
            // There is no receiver if the gateway is dropped and not stopped.
            let _ = end.send(());
        }));
    }

    fn spawn(config: &Config) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("countersign.toml");
        std::fs::write(&file, config.text()).expect("a writable temporary directory");
        let limit = match config.descriptors {
            Some(most) => format!("ulimit -n {most} && "),
            None => String::new(),
        };
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$@\""), "sh"])
            .arg(binary())
            .args(["serve", "--config"])
            .arg(&file)
            .envs(config.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary that cargo built");
        let stderr = child.stderr.take().expect("piped above");
        let (end, ended) = mpsc::channel();
        Self {
            child,
            directory,
            listeners: Vec::new(),
            admin: None,
            log: Arc::default(),
            unread: Some(stderr),
            collector: None,
            end,
            ended,
        }
    }

    fn await_ready(mut self, config: &Config) -> Result<Self, (ExitStatus, String)> {
        let (text, gateway) = (config.text(), &mut self);
        let stdout = gateway.child.stdout.take().expect("piped above");
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|text| line.send(text))
        });
        let listeners = text.matches("[[listener]]").count();
        let admins = text.matches("[admin]").count();
        while gateway.listeners.len() < listeners || usize::from(gateway.admin.is_some()) < admins {
            let Ok(line) = lines.recv_timeout(SAFETY_NET) else {
                return Err(gateway.wait());
            };
            if let Some(address) = line.strip_prefix("listening on ") {
                gateway
                    .listeners
                    .push(address.trim_start_matches("http://").to_owned());
            } else if let Some(address) = line.strip_prefix("admin on ") {
                gateway.admin = Some(address.trim_start_matches("http://").to_owned());
            }
        }
        Ok(self)
    }

    /// The address of the first listener, `127.0.0.1:port` or `unix:/path`.
    pub fn address(&self) -> &str {
        &self.listeners[0]
    }

    pub fn listeners(&self) -> &[String] {
        &self.listeners
    }

    /// The directory of the configuration file, which relative paths in it start from.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A new connection to the first listener.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// One request on a new connection.
    pub fn exchange(&self, request: &Request) -> Response {
        self.connect().exchange(request)
    }

    /// The address of the admin listener.
    pub fn admin(&self) -> &str {
        self.admin.as_ref().expect("a configuration with [admin]")
    }

    pub fn admin_get(&self, path: &str) -> Response {
        Connection::open(self.admin())
            .exchange(&Request::new(Word::Aws, "GET", path).header("Connection", "close"))
    }

    /// Requests the metrics until they contain `line`.
    pub fn await_metric(&self, line: &str) {
        let until = std::time::Instant::now() + SAFETY_NET;
        while !self.admin_get("/metrics").text().contains(line) {
            assert!(
                std::time::Instant::now() < until,
                "no {line:?} in the metrics"
            );
        }
    }

    /// Requests the metrics until they count this many refusals with this code, for any reason.
    pub fn await_refusals(&self, code: &str, count: u64) {
        let (start, until) = (
            format!("countersign_refusals_total{{code=\"{code}\","),
            std::time::Instant::now() + SAFETY_NET,
        );
        let counted = || -> u64 {
            let metrics = self.admin_get("/metrics").text();
            let lines = metrics.lines().filter(|line| line.starts_with(&start));
            let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
            values.sum()
        };
        while counted() != count {
            assert!(
                std::time::Instant::now() < until,
                "not {count} refusals with {code}"
            );
        }
    }

    /// The standard error so far.
    pub fn log(&self) -> String {
        self.log
            .text
            .lock()
            .expect("the collector does not panic")
            .clone()
    }

    /// Waits for a line of standard error that contains `part`, and returns it. The access log line of a request is written
    /// after its response.
    pub fn await_log(&self, part: &str) -> String {
        let text = self.log.text.lock().expect("the collector does not panic");
        let waited = self
            .log
            .changed
            .wait_timeout_while(text, SAFETY_NET, |text| !text.contains(part));
        let (text, timeout) = waited.expect("the collector does not panic");
        assert!(!timeout.timed_out(), "no {part:?} in the log:\n{text}");
        text.lines()
            .find(|line| line.contains(part))
            .unwrap_or_default()
            .to_owned()
    }

    /// The most memory that the process has held so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a running process");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes
            .expect("a line of its own")
            .parse()
            .expect("a number");
        kilobytes * 1024
    }

    /// How many file descriptors the process has open.
    pub fn open_descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("a running process").count()
    }

    /// Sends a signal, as `kill` names it: `TERM`, `INT`, `HUP`.
    pub fn signal(&self, name: &str) {
        kill(name, self.child.id());
    }

    /// Stops by SIGTERM, and returns the exit status and the whole standard error.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for the end of a process after a signal to stop, and returns its exit status and the whole standard error.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        if self.ended.recv_timeout(SAFETY_NET).is_err() {
            self.child.kill().expect("a child of ours");
        }
        let status = self.child.wait().expect("a child of ours");
        if let Some(collector) = self.collector.take() {
            collector.join().expect("the collector does not panic");
        }
        (status, self.log())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of the binary `countersign` that cargo has built for the tests.
pub fn binary() -> PathBuf {
    // Cargo sets a variable with the path. Without cargo, the binary is in the parent of the folder of the test's binary.
    env::var_os("CARGO_BIN_EXE_countersign").map_or_else(
        || {
            let own = env::current_exe().expect("the path of this process");
            let folder = own.parent().and_then(Path::parent);
            folder.expect("a folder of cargo's").join("countersign")
        },
        PathBuf::from,
    )
}

/// Sends a signal to a process that the test has started.
pub fn kill(signal: &str, process: u32) {
    let status = Command::new("kill")
        .args([format!("-{signal}"), process.to_string()])
        .status()
        .expect("the command kill");
    assert!(status.success(), "kill -{signal}");
}

/// Appends standard error to the log line by line, so that no reader sees an incomplete line.
fn collect(stderr: impl Read, log: &Log) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        log.text
            .lock()
            .expect("its readers do not panic")
            .push_str(&String::from_utf8_lossy(&line));
        log.changed.notify_all();
        line.clear();
    }
}
