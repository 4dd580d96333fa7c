//! `portlore doctor`: checks whether `live` can capture here, and how far its process can be
//! restricted during the capture.

use std::path::PathBuf;

use nix::sys::statvfs::{FsFlags, statvfs};
use portlore::privilege::{self, Capability, Enforcement};
use portlore::report::pages::doctor::{self, CallAnswer, Check};
use portlore::source::live::LiveOptions;
use portlore::source::{Live, devices};
use portlore::{Error, ErrorKind};

use super::FAILED;
use super::live::EVIDENCE;
use super::output::Output;

pub fn run() -> portlore::Result<u8> {
    let mut checks = vec![library()];
    checks.extend(capabilities());
    let capture = capture();
    let can_capture = capture.good;
    checks.push(capture);
    checks.extend(restrictions());
    checks.push(interfaces());
    Output::standard().write(|out, style| doctor::write(out, &checks, style))?;
    Ok(if can_capture { 0 } else { FAILED })
}

/// Tries in a sandboxed process what the sandbox has to refuse: exit status 1 where anything is
/// allowed.
pub fn test_sandbox(unsandboxed: bool) -> portlore::Result<u8> {
    let test = privilege::try_calls(unsandboxed)?;
    let answer = |trial: privilege::Trial| CallAnswer {
        call: trial.call,
        refused: trial.refused,
        answer: trial.answer,
    };
    let answers: Vec<CallAnswer> = test.trials.into_iter().map(answer).collect();
    Output::standard()
        .write(|out, style| doctor::write_answers(out, &test.process, &answers, style))?;
    Ok(if answers.iter().all(|answer| answer.refused) { 0 } else { FAILED })
}

fn library() -> Check {
    let finding = devices::library().unwrap_or_else(|| "built in; version unknown".to_owned());
    Check { subject: "libpcap", good: true, finding, remedy: None }
}

fn capabilities() -> Vec<Check> {
    let check = |capability: Capability| {
        let held = if capability.held { "held" } else { "not held" };
        let finding = format!("{held}: {}", capability.purpose);
        let remedy =
            if capability.name == "CAP_NET_RAW" { capture_remedy } else { process_names_remedy };
        Check {
            subject: capability.name,
            good: capability.held,
            finding,
            remedy: (!capability.held).then(remedy),
        }
    };
    privilege::capabilities().into_iter().map(check).collect()
}

/// Whether the system is Linux, which has capabilities and a sandbox.
fn has_capabilities() -> bool {
    !privilege::capabilities().is_empty()
}

/// How this binary gets the right to open an interface.
fn capture_remedy() -> String {
    if !has_capabilities() {
        return "Run with sudo, or let ChmodBPF, which comes with Wireshark, give your group the \
                devices /dev/bpf*."
            .to_owned();
    }
    let (binary, takes_setcap) = binary();
    if takes_setcap {
        return format!(
            "Run with sudo, or grant the right once: sudo setcap cap_net_raw=ep {binary}"
        );
    }
    format!("Run `sudo {binary} live …` (setcap has no effect: the file system is mounted nosuid).")
}

/// How this binary gets all capabilities that it can use.
fn process_names_remedy() -> String {
    let (binary, takes_setcap) = binary();
    if takes_setcap {
        let capabilities = "cap_net_raw,cap_sys_ptrace,cap_dac_read_search";
        return format!(
            "To identify other users' processes as well: sudo setcap {capabilities}=ep {binary}"
        );
    }
    capture_remedy()
}

/// This binary's path, quoted for a shell, and whether `setcap` has an effect on it.
fn binary() -> (String, bool) {
    let binary = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("portlore"));
    let ignores_setcap =
        statvfs(&binary).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOSUID));
    let shown = binary.display().to_string();
    let quoted = if shown.contains(char::is_whitespace) { format!("'{shown}'") } else { shown };
    (quoted, !ignores_setcap)
}

/// Opens an interface as `live` does, and captures nothing.
fn capture() -> Check {
    const BUFFER: u32 = 64 << 20;
    let names: Vec<String> =
        devices::list().unwrap_or_default().into_iter().map(|device| device.name).collect();
    let name = names.iter().find(|name| name.starts_with("lo")).or(names.first());
    let options = |name: &String| LiveOptions {
        interfaces: vec![name.clone()],
        promiscuous: false,
        snap_len: EVIDENCE,
        buffer_bytes: BUFFER,
        filter: None,
    };
    let opened = match name {
        Some(name) => Live::open(&options(name), |_: &str| {})
            .map(|_| format!("{name} opens with a buffer of {} MiB", BUFFER >> 20)),
        None => Err(Error::new(ErrorKind::Input, "no interface found")),
    };
    match opened {
        Ok(finding) => Check { subject: "capture", good: true, finding, remedy: None },
        Err(error) => Check {
            subject: "capture",
            good: false,
            finding: without_remedy(&error),
            remedy: Some(capture_remedy()),
        },
    }
}

/// An error's object and reason. The doctor's own remedy takes the place of the error's.
fn without_remedy(error: &Error) -> String {
    if error.object().is_empty() {
        return error.reason().to_owned();
    }
    format!("{}: {}", error.object(), error.reason())
}

/// How far the process that parses packets can be restricted.
fn restrictions() -> [Check; 3] {
    let probe = privilege::probe();
    let file_system = match probe.file_system {
        Enforcement::Full => Ok("access can be limited to reading what is needed (Landlock)"),
        Enforcement::Partial => {
            Ok("access can be limited in part: this kernel's Landlock is older")
        }
        Enforcement::Unavailable(reason) => Err(reason),
    };
    let system_calls = match probe.system_calls {
        Enforcement::Full | Enforcement::Partial => {
            Ok("new processes, sockets and the like can be blocked (seccomp)")
        }
        Enforcement::Unavailable(reason) => Err(reason),
    };
    let root_folder = if probe.empty_root {
        "hidden from the process that parses packets (not with --follow)"
    } else {
        "visible to the process that parses packets, which cannot open any file in it"
    };
    [
        restriction("file system", file_system),
        restriction("system calls", system_calls),
        restriction("root folder", Ok(root_folder)),
    ]
}

fn restriction(subject: &'static str, found: Result<&str, String>) -> Check {
    const REMEDY: &str = "A kernel with Landlock (5.13 or later, `lsm=…,landlock`) and seccomp gives a tighter sandbox; live capture works without it, but not as root without seccomp.";
    match found {
        Ok(finding) => Check { subject, good: true, finding: finding.to_owned(), remedy: None },
        Err(reason) => {
            let remedy = has_capabilities().then(|| REMEDY.to_owned());
            Check { subject, good: false, finding: reason, remedy }
        }
    }
}

fn interfaces() -> Check {
    match devices::list() {
        Ok(list) => {
            let up: Vec<_> = list
                .iter()
                .filter(|device| device.state.contains(&"up"))
                .map(|device| device.name.as_str())
                .collect();
            let finding = format!(
                "{} found; up: {}",
                list.len(),
                if up.is_empty() { "none".to_owned() } else { up.join(" ") }
            );
            Check { subject: "interfaces", good: !up.is_empty(), finding, remedy: None }
        }
        Err(reason) => {
            Check { subject: "interfaces", good: false, finding: reason.to_string(), remedy: None }
        }
    }
}
