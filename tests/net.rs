//! Two network namespaces with a veth pair between them, and a capture that runs in one. Needs root
//! and iproute2; says so where they are missing. Nothing sleeps: the program tells its counts on
//! SIGUSR1, and the tests go on when it has seen enough.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::run::portlore;

/// Two namespaces that go away with it.
pub struct Net {
    name: String,
}

impl Net {
    /// `None`, with the reason printed, where namespaces cannot be made.
    pub fn new() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let net = Self { name: format!("pl{}-{number}", std::process::id()) };
        let (a, b) = (net.side('a'), net.side('b'));
        let made =
            [format!("netns add {a}"), format!("netns add {b}"), format!("-n {b} link set lo up")]
                .iter()
                .try_for_each(|step| ip(step))
                .and_then(|()| net.wire());
        made.inspect_err(|reason| eprintln!("skipped: {reason}")).ok().map(|()| net)
    }

    /// A wire from one side to the other.
    pub fn wire(&self) -> Result<(), String> {
        let (a, b) = (self.side('a'), self.side('b'));
        let steps = [
            format!("link add veth0 netns {a} type veth peer name veth0 netns {b}"),
            format!("-n {a} addr add 10.77.0.1/24 dev veth0"),
            format!("-n {b} addr add 10.77.0.2/24 dev veth0"),
            format!("-n {a} link set veth0 up"),
            format!("-n {b} link set veth0 up"),
        ];
        steps.iter().try_for_each(|step| ip(step))
    }

    pub fn side(&self, side: char) -> String {
        format!("{}{side}", self.name)
    }

    /// A shell on side a, where the clients are.
    pub fn client(&self, script: &str) {
        self.shell('a', script);
    }

    pub fn shell(&self, side: char, script: &str) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.side(side), "bash", "-c", script]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A Python script on a side, with arguments, once it has printed `ready`. It runs in
    /// `/usr/share`.
    pub fn python(&self, side: char, script: &str, args: &[&str]) -> Running {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.side(side), "python3", "-c", script]).args(args);
        command.current_dir("/usr/share").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Running(child)
    }

    /// `portlore live` on side b.
    pub fn command(&self, args: &[&str]) -> Command {
        self.program("live", args)
    }

    /// A command of the program on side b, with no signal ignored: whoever runs the tests may ignore
    /// some, as `nohup` does.
    pub fn program(&self, name: &str, args: &[&str]) -> Command {
        let template = portlore(&[]);
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.side('b'), "env", "--default-signal"])
            .arg(template.get_program())
            .arg(name)
            .args(args);
        command.envs(template.get_envs().filter_map(|(k, v)| Some((k, v?)))).env_remove("SUDO_UID");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The same, ready to see what comes: it has said that it captures.
    pub fn capture(&self, args: &[&str]) -> Child {
        let mut child = self.command(args).spawn().unwrap();
        let line = stderr_line(&mut child);
        assert!(line.contains("capturing on"), "{line}");
        child
    }
}

/// A program that is killed on drop.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn ip(step: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(step.split(' '))
        .output()
        .map_err(|error| format!("iproute2 is not there: {error}"))?;
    let reason = || format!("`ip {step}`: {}", String::from_utf8_lossy(&output.stderr).trim());
    output.status.success().then_some(()).ok_or_else(reason)
}

impl Drop for Net {
    fn drop(&mut self) {
        for side in ['a', 'b'] {
            drop(Command::new("ip").args(["netns", "del", &self.side(side)]).output());
        }
    }
}

/// One line, read byte by byte so that nothing behind it is lost.
pub fn stderr_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// Sends a signal.
pub fn signal(child: &Child, name: &str) {
    let sent =
        Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Reads how many segments were read; what is said of interfaces meanwhile is passed over.
pub fn segments(child: &mut Child) -> u64 {
    signal(child, "USR1");
    loop {
        let line = stderr_line(child);
        let told = line
            .split(", ")
            .find_map(|part| part.strip_suffix(" segments"))
            .and_then(|n| n.parse().ok());
        if let Some(told) = told {
            return told;
        }
        assert!(line.contains("veth0 is "), "not the counts: {line}");
    }
}

/// Asks for the counters until so many segments were read.
pub fn wait_for_frames(child: &mut Child, wanted: u64) {
    while segments(child) < wanted {}
}

/// Sends an OSC message to port 8000 and tries a TCP port where nobody listens.
pub const TRAFFIC: &str = "for i in 1 2 3; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/10.77.0.2/8000; done; \
    (exec 3<>/dev/tcp/10.77.0.2/3001) 2>/dev/null; true";
