//! `portlore doctor`: whether `live` can capture here, and how closed it can be while it does.

use std::path::PathBuf;

use nix::sys::statvfs::{FsFlags, statvfs};
use portlore::privilege::{self, powers};
use portlore::report::pages::doctor::{self, Check};
use portlore::source::live::Options;
use portlore::source::{Live, devices};

use super::Errors;
use super::live::EVIDENCE;
use super::output::Output;

/// Live capture is not possible.
const CANNOT: u8 = 1;

pub fn run() -> Result<u8, Errors> {
    let mut checks = vec![library()];
    checks.extend(capabilities());
    let capture = ring();
    let can = capture.good;
    checks.push(capture);
    checks.extend(doors());
    checks.push(interfaces());
    Output::open(None, &[])?.write(|out, style| doctor::write(out, &checks, style))?;
    Ok(if can { 0 } else { CANNOT })
}

fn library() -> Check {
    let finding =
        devices::library().unwrap_or_else(|| "part of the program, version unknown".to_owned());
    Check { subject: "libpcap", good: true, finding, remedy: None }
}

fn capabilities() -> Vec<Check> {
    let check = |power: privilege::Power| {
        let held = if power.held { "held" } else { "not held" };
        let finding = format!("{held}: {}", power.purpose);
        let remedy = if power.name == "CAP_NET_RAW" { remedy } else { remedy_for_names };
        Check { subject: power.name, good: power.held, finding, remedy: (!power.held).then(remedy) }
    };
    powers().into_iter().map(check).collect()
}

/// How this very binary gets what it needs.
fn remedy() -> String {
    let (binary, takes_setcap) = binary();
    if takes_setcap {
        return format!("Run with sudo, or once: sudo setcap cap_net_raw=ep {binary}");
    }
    format!(
        "Run `sudo {binary} live …` (its file system is mounted nosuid, where setcap does nothing)."
    )
}

/// The same for all that it has a use for.
fn remedy_for_names() -> String {
    let (binary, takes_setcap) = binary();
    if takes_setcap {
        let powers = "cap_net_raw,cap_sys_ptrace,cap_dac_read_search";
        return format!(
            "To see whose sockets those of other users are, too: sudo setcap {powers}=ep {binary}"
        );
    }
    remedy()
}

/// How a shell names this very binary, and whether it can be given capabilities.
fn binary() -> (String, bool) {
    let binary = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("portlore"));
    let ignores_setcap =
        statvfs(&binary).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOSUID));
    let shown = binary.display().to_string();
    let quoted = if shown.contains(char::is_whitespace) { format!("'{shown}'") } else { shown };
    (quoted, !ignores_setcap)
}

/// Opens an interface as `live` does; nothing is captured.
fn ring() -> Check {
    const BUFFER: u32 = 64 << 20;
    let names: Vec<String> =
        devices::list().unwrap_or_default().into_iter().map(|device| device.name).collect();
    let name = names.iter().find(|name| name.starts_with("lo")).or(names.first());
    let options = |name: &String| Options {
        interfaces: vec![name.clone()],
        promiscuous: false,
        snap_len: EVIDENCE,
        buffer_bytes: BUFFER,
        filter: None,
    };
    let opened = match name {
        Some(name) => Live::open(&options(name), |_: &str| {})
            .map(|_| format!("{name} opens with a buffer of {} MiB", BUFFER >> 20)),
        None => Err("there is no interface to open".to_owned()),
    };
    let good = opened.is_ok();
    let finding =
        opened.unwrap_or_else(|reason| reason.split(';').next().unwrap_or_default().to_owned());
    Check { subject: "capture", good, finding, remedy: (!good).then(remedy) }
}

fn doors() -> impl Iterator<Item = Check> {
    privilege::try_out().into_iter().map(|(subject, tried)| {
        let good = tried.as_ref().is_ok_and(|finding| finding.contains("can be"));
        let remedy =
            "A kernel with Landlock (5.13 or later, `lsm=…,landlock`) and seccomp closes more doors; live captures without, too.";
        Check { subject, good, finding: tried.unwrap_or_else(|reason| reason), remedy: (!good).then(|| remedy.to_owned()) }
    })
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
                "{}, up: {}",
                list.len(),
                if up.is_empty() { "none".to_owned() } else { up.join(" ") }
            );
            Check { subject: "interfaces", good: !up.is_empty(), finding, remedy: None }
        }
        Err(reason) => Check { subject: "interfaces", good: false, finding: reason, remedy: None },
    }
}
