//! What the process that parses packets may not do, tried in that process, and what becomes of a run
//! where the system does not offer the sandbox.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::net::{Net, signal};
use crate::privilege::public_folder;
use crate::run::{outcome, portlore, told};

const CAPTURE: &str = "fixtures/redis-3002.pcap";

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

#[test]
fn the_sandbox_test_tries_each_call_in_a_parser_and_none_is_allowed() {
    let (status, stdout, stderr) = outcome(&["doctor", "--sandbox-test"]);
    assert_eq!((status, &stderr[..]), (0, ""), "{stdout}");
    for call in ["socket of each", "clone: CLONE_NEWUSER", "clone3", "mprotect", "shmat", "execve"]
    {
        let line = stdout.lines().find(|line| line.starts_with(call)).unwrap_or_default();
        assert!(line.contains("refused"), "{call}: {stdout}");
    }
    assert!(stdout.ends_with(" calls tried, none allowed\n"), "{stdout}");
    if is_root() {
        let process = "runs as user 65534, with no capabilities and an empty root folder";
        assert!(stdout.contains(process), "{stdout}");
    }
}

#[test]
fn the_documentation_has_the_table_of_the_sandbox_test() {
    let (_, stdout, _) = outcome(&["doctor", "--sandbox-test"]);
    let answers: Vec<(&str, &str)> =
        stdout.lines().filter_map(|line| line.split_once(" refused  ")).collect();
    let documented = fs::read_to_string("docs/sandbox.md").unwrap();
    let table = documented.split_once("| call | root |").unwrap().1;
    let rows: Vec<(&str, &str)> = table
        .lines()
        .skip(2)
        .map(|row| row.trim_matches(['|', ' ']).split_once(" | ").unwrap())
        .collect();
    let count = format!("of the {} calls", rows.len());
    assert!(documented.replace('\n', " ").contains(&count), "{count}");
    // What only one architecture has is documented for the other one, too.
    for (call, answer) in answers {
        let expected = format!("{answer} | {answer} | {answer}");
        assert!(rows.contains(&(call.trim(), &expected)), "{call}: {answer}");
    }
}

#[test]
fn the_sandbox_test_finds_out_a_parser_that_is_not_sandboxed() {
    let (status, stdout, _) = outcome(&["doctor", "--sandbox-test", "--no-sandbox"]);
    assert_eq!(status, 1, "{stdout}");
    // Whatever the kernel refuses to everybody: these it does not.
    for call in ["socket of family", "fork", "execve", "mmap: executable", "memfd_create", "stat"] {
        let line = stdout.lines().find(|line| line.starts_with(call)).unwrap_or_default();
        assert!(line.contains("ALLOWED"), "{call}: {stdout}");
    }
}

#[test]
fn the_sandbox_of_a_user_is_as_tight_as_that_of_root_and_of_sudo() {
    if !is_root() {
        return eprintln!("skipped: only root can become others");
    }
    // The folder of the binary may be closed to others.
    let folder = public_folder();
    let binary = folder.path().join("portlore");
    fs::copy(env!("CARGO_BIN_EXE_portlore"), &binary).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |prepare: &dyn Fn(&mut Command)| {
        let mut command = Command::new(&binary);
        prepare(command.args(["doctor", "--sandbox-test"]).env_remove("SUDO_UID"));
        told(&command.output().unwrap())
    };
    let as_user = |command: &mut Command| {
        command.uid(1234).gid(1234);
    };
    let sudo = run(&|command| {
        command.env("SUDO_UID", "1234").env("SUDO_GID", "1234");
    });
    let user = run(&as_user);
    let set = Command::new("setcap").arg("cap_net_raw=ep").arg(&binary).status();
    let has_capability = set.is_ok_and(|status| status.success());
    let capable = run(&as_user);
    for (who, (status, stdout, stderr)) in [("sudo", sudo), ("user", user), ("setcap", capable)] {
        assert_eq!((status, &stderr[..]), (0, ""), "{who} ({has_capability}): {stdout}");
        assert!(stdout.contains("runs as user 1234, with no capabilities"), "{who}: {stdout}");
        assert!(stdout.ends_with(" calls tried, none allowed\n"), "{who}: {stdout}");
        assert_eq!(stdout.contains("an empty root folder"), who == "sudo", "{who}: {stdout}");
    }
}

#[test]
fn where_descriptors_run_out_packets_are_parsed_in_the_whole_sandbox_or_not_at_all() {
    let binary = env!("CARGO_BIN_EXE_portlore");
    let mut statuses = HashSet::new();
    for limit in 5..=12 {
        let script = format!("ulimit -n {limit}; exec {binary} replay {CAPTURE}");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .envs(portlore(&[]).get_envs().filter_map(|(k, v)| Some((k, v?))));
        let (status, stdout, stderr) = told(&shell.output().unwrap());
        statuses.insert(status);
        assert!(!stderr.contains("warning"), "{limit}: {stderr}");
        match status {
            0 => assert!(stdout.contains("redis"), "{limit}: {stdout}"),
            _ => assert!(stderr.contains("open files"), "{limit}: {status} {stderr}"),
        }
    }
    assert_eq!(statuses, HashSet::from([0, 2]));
}

/// Has the system answer calls as if it had never heard of them, in a process of its own: this test
/// binary again, with one ignored test.
fn without(calls: &[i64], command: &mut Command) -> (i32, String, String) {
    let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::trial_without_calls", "--ignored", "--nocapture", "-q"])
        .env("PORTLORE_TEST_CALLS", calls.join(" "))
        .env("PORTLORE_TEST_COMMAND", words.join(" "))
        .env_remove("SUDO_UID")
        .output()
        .unwrap();
    told(&output)
}

#[test]
#[ignore = "gives up system calls and becomes another program: run in a process of its own"]
fn trial_without_calls() {
    let calls = std::env::var("PORTLORE_TEST_CALLS").unwrap();
    let rules: BTreeMap<i64, Vec<_>> =
        calls.split(' ').map(|call| (call.parse().unwrap(), Vec::new())).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, unknown, arch).unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
    let command = std::env::var("PORTLORE_TEST_COMMAND").unwrap();
    let mut words = command.split(' ');
    panic!("{}", Command::new(words.next().unwrap()).args(words).exec());
}

#[test]
fn a_kernel_without_landlock_is_a_warning_of_the_doctor_and_a_note_in_the_report() {
    let calls = [libc::SYS_landlock_create_ruleset];
    let (status, stdout, stderr) = without(&calls, &mut portlore(&["replay", CAPTURE]));
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("NOTE Landlock is missing from this kernel"), "{stdout}");
    assert!(stderr.contains("warning: Landlock is missing from this kernel"), "{stderr}");
    let (_, stdout, _) = without(&calls, &mut portlore(&["doctor"]));
    let line = stdout.lines().find(|line| line.starts_with("file system")).unwrap();
    assert!(line.contains("no") && line.contains("Landlock is missing"), "{stdout}");
    // The filter alone refuses as much.
    let (status, stdout, _) = without(&calls, &mut portlore(&["doctor", "--sandbox-test"]));
    assert_eq!(status, 0, "{stdout}");
}

#[test]
fn root_parses_no_packets_without_a_filter_of_calls_unless_told_to() {
    let calls = [libc::SYS_seccomp];
    // Nobody else is known there, so that root cannot become another user.
    let in_namespace = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.arg("-r").arg(env!("CARGO_BIN_EXE_portlore")).args(args);
        without(&calls, &mut command)
    };
    if !Command::new("unshare").args(["-r", "true"]).status().is_ok_and(|status| status.success()) {
        return eprintln!("skipped: no user namespaces");
    }
    let (status, stdout, stderr) = in_namespace(&["replay", CAPTURE]);
    assert_eq!(status, 2, "{stderr}");
    assert!(!stdout.contains("redis"), "{stdout}");
    assert!(stderr.contains("packets would be parsed as root: "), "{stderr}");
    assert!(stderr.contains("--no-sandbox"), "{stderr}");
    let (status, stdout, stderr) = in_namespace(&["replay", CAPTURE, "--no-sandbox"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("redis") && stdout.contains("NOTE "), "{stdout}");
    // As another user it goes on, and says what is missing.
    let (status, stdout, stderr) = without(&calls, &mut portlore(&["replay", CAPTURE]));
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("NOTE system calls cannot be blocked"), "{stdout}");
}

/// The processes that a process has started.
fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line.split_whitespace().eq(["PPid:", &of.to_string()]))
    })
    .collect()
}

#[test]
fn helper_processes_hold_no_packet_socket_and_nothing_that_was_inherited() {
    let Some(net) = Net::new() else { return };
    // A descriptor that every program gets that is started from here.
    let stray = fs::File::open("/etc/hostname").unwrap();
    let file = public_folder();
    let saved = file.path().join("out/a.pcapng");
    fcntl(stray.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let child = net.capture(&["-i", "veth0", "-w", saved.to_str().unwrap()]);
    fcntl(stray.as_fd(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    // The last column of the table is the number of the socket.
    let table = fs::read_to_string(format!("/proc/{}/net/packet", child.id())).unwrap();
    let packet: Vec<String> = table
        .lines()
        .skip(1)
        .map(|line| format!("socket:[{}]", line.split_whitespace().last().unwrap()))
        .collect();
    let open = |id: u32| -> Vec<String> {
        let links = fs::read_dir(format!("/proc/{id}/fd")).unwrap();
        let target = |entry: std::io::Result<fs::DirEntry>| {
            fs::read_link(entry.unwrap().path()).unwrap().display().to_string()
        };
        links.map(target).collect()
    };
    assert!(open(child.id()).iter().any(|target| packet.contains(target)), "{packet:?}");
    let helpers = children(child.id());
    assert_eq!(helpers.len(), 3);
    for helper in helpers {
        let open = open(helper);
        assert!(!open.iter().any(|target| packet.contains(target)), "{open:?}");
        assert!(!open.contains(&"/etc/hostname".to_owned()), "{open:?}");
    }
    let root_folder = format!("/proc/{}/root", child.id());
    assert_eq!(fs::read_dir(root_folder).unwrap().count(), 0, "the root folder is empty");
    signal(&child, "INT");
    assert_eq!(told(&child.wait_with_output().unwrap()).0, 0);
}
