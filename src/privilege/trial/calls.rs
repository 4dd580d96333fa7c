//! The calls that are tried.

use std::ffi::CStr;

use self::TrialArgument::{OtherProcess, Path, Value};

/// Address families that Linux has, and some more.
pub(super) const FAMILIES: u64 = 64;

/// The paths of arguments, which the process has in its memory.
pub(super) static PATHS: &[u8] = b"/\0/etc/passwd\0/dev/null\0/proc/self/exe\0";

/// An argument of a call.
pub(super) enum TrialArgument {
    Value(i64),
    /// A path of [`PATHS`].
    Path(&'static CStr),
    /// The id of a process that is not the one that makes the call.
    OtherProcess,
}

/// A call that is to be refused.
pub(super) struct TrialCall {
    pub(super) name: &'static str,
    pub(super) number: i64,
    pub(super) arguments: &'static [TrialArgument],
}

/// `AT_FDCWD`: paths that do not begin with `/` would begin in the current folder.
const HERE: TrialArgument = Value(libc::AT_FDCWD as i64);
const NULL: TrialArgument = Value(0);
/// No descriptor, no process, no segment.
const NONE: TrialArgument = Value(-1);
const ROOT: TrialArgument = Path(c"/");
const FILE: TrialArgument = Path(c"/etc/passwd");
const DEVICE: TrialArgument = Path(c"/dev/null");
const PAGE: TrialArgument = Value(4096);

const fn call(name: &'static str, number: i64, arguments: &'static [TrialArgument]) -> TrialCall {
    TrialCall { name, number, arguments }
}

const fn flags(flags: libc::c_int) -> TrialArgument {
    Value(flags as i64)
}

/// Numbers from 424 on have no name in all versions of the C library's headers; they are the same on
/// all architectures (`include/uapi/asm-generic/unistd.h` in Linux).
pub(super) const CALLS: &[TrialCall] = &[
    call(
        "socketpair",
        libc::SYS_socketpair,
        &[flags(libc::AF_UNIX), flags(libc::SOCK_STREAM), NULL, NULL],
    ),
    call("connect", libc::SYS_connect, &[NONE, NULL, NULL]),
    call("bind", libc::SYS_bind, &[NONE, NULL, NULL]),
    call("listen", libc::SYS_listen, &[NONE, NULL]),
    // Files.
    call("openat: read a file", libc::SYS_openat, &[HERE, FILE, flags(libc::O_RDONLY)]),
    call("openat: list the root folder", libc::SYS_openat, &[HERE, ROOT, flags(libc::O_DIRECTORY)]),
    call("openat: write to a device", libc::SYS_openat, &[HERE, DEVICE, flags(libc::O_WRONLY)]),
    call("openat2", 437, &[HERE, FILE, NULL, NULL]),
    call("newfstatat", libc::SYS_newfstatat, &[HERE, FILE, NULL, NULL]),
    call(
        "newfstatat with AT_EMPTY_PATH",
        libc::SYS_newfstatat,
        &[HERE, FILE, NULL, flags(libc::AT_EMPTY_PATH)],
    ),
    call("statx", libc::SYS_statx, &[HERE, FILE, NULL, NULL, NULL]),
    call("faccessat", libc::SYS_faccessat, &[HERE, FILE, NULL]),
    call("readlinkat", libc::SYS_readlinkat, &[HERE, Path(c"/proc/self/exe"), NULL, NULL]),
    call("chdir", libc::SYS_chdir, &[ROOT]),
    call("statfs", libc::SYS_statfs, &[ROOT, NULL]),
    call("getxattr", libc::SYS_getxattr, &[FILE, NULL, NULL, NULL]),
    call("inotify_add_watch", libc::SYS_inotify_add_watch, &[NONE, FILE, NULL]),
    call("mkdirat", libc::SYS_mkdirat, &[HERE, ROOT, NULL]),
    call("mknodat", libc::SYS_mknodat, &[HERE, ROOT, NULL, NULL]),
    call("unlinkat", libc::SYS_unlinkat, &[HERE, NULL, NULL]),
    call("renameat2", libc::SYS_renameat2, &[HERE, NULL, HERE, NULL, NULL]),
    call("linkat", libc::SYS_linkat, &[HERE, NULL, HERE, NULL, NULL]),
    call("symlinkat", libc::SYS_symlinkat, &[NULL, HERE, NULL]),
    call("truncate", libc::SYS_truncate, &[NULL, NULL]),
    call("fchmodat", libc::SYS_fchmodat, &[HERE, NULL, NULL]),
    call("fchownat", libc::SYS_fchownat, &[HERE, NULL, NONE, NONE, NULL]),
    call("utimensat", libc::SYS_utimensat, &[HERE, FILE, NULL, NULL]),
    call("setxattr", libc::SYS_setxattr, &[NULL, NULL, NULL, NULL, NULL]),
    call("name_to_handle_at", libc::SYS_name_to_handle_at, &[HERE, FILE, NULL, NULL, NULL]),
    call("open_by_handle_at", libc::SYS_open_by_handle_at, &[NONE, NULL, NULL]),
    // Processes.
    call("execve", libc::SYS_execve, &[NULL, NULL, NULL]),
    call("execveat", libc::SYS_execveat, &[NONE, NULL, NULL, NULL, NULL]),
    call("clone: a process", libc::SYS_clone, &[flags(libc::CLONE_SIGHAND)]),
    call(
        "clone: CLONE_NEWUSER",
        libc::SYS_clone,
        &[flags(libc::CLONE_NEWUSER | libc::CLONE_THREAD)],
    ),
    call("clone: CLONE_NEWNS", libc::SYS_clone, &[flags(libc::CLONE_NEWNS | libc::CLONE_THREAD)]),
    call("clone: CLONE_NEWNET", libc::SYS_clone, &[flags(libc::CLONE_NEWNET | libc::CLONE_THREAD)]),
    call("clone: CLONE_NEWPID", libc::SYS_clone, &[flags(libc::CLONE_NEWPID | libc::CLONE_THREAD)]),
    call("clone3", 435, &[NULL, NULL]),
    call("unshare", libc::SYS_unshare, &[NULL]),
    call("setns", libc::SYS_setns, &[NONE, NULL]),
    call("ptrace", libc::SYS_ptrace, &[Value(2), NULL, NULL, NULL]),
    call(
        "process_vm_readv",
        libc::SYS_process_vm_readv,
        &[OtherProcess, NULL, NULL, NULL, NULL, Value(1)],
    ),
    call(
        "process_vm_writev",
        libc::SYS_process_vm_writev,
        &[OtherProcess, NULL, NULL, NULL, NULL, Value(1)],
    ),
    call("kcmp", libc::SYS_kcmp, &[NONE, NONE, NULL, NULL, NULL]),
    call("kill: another process", libc::SYS_kill, &[OtherProcess, NULL]),
    call("kill: all processes", libc::SYS_kill, &[NONE, NULL]),
    call("kill: the process group", libc::SYS_kill, &[NULL, NULL]),
    call("tgkill: another process", libc::SYS_tgkill, &[OtherProcess, OtherProcess, NULL]),
    call("tkill", libc::SYS_tkill, &[OtherProcess, NULL]),
    call("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, &[OtherProcess, NULL, NULL]),
    call("pidfd_open", 434, &[OtherProcess, NULL]),
    call("pidfd_send_signal", 424, &[NONE, NULL, NULL, NULL]),
    call("pidfd_getfd", 438, &[NONE, NULL, NULL]),
    call("process_madvise", 440, &[NONE, NULL, NULL, NULL, NULL]),
    call("prlimit64: another process", libc::SYS_prlimit64, &[OtherProcess, NULL, NULL, NULL]),
    call("fcntl: F_SETOWN", libc::SYS_fcntl, &[NULL, flags(libc::F_SETOWN), OtherProcess]),
    call("ioctl: TIOCSTI", libc::SYS_ioctl, &[NULL, Value(libc::TIOCSTI as i64), NULL]),
    // Memory.
    call(
        "mmap: executable",
        libc::SYS_mmap,
        &[
            NULL,
            PAGE,
            flags(libc::PROT_READ | libc::PROT_EXEC),
            flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
            NONE,
            NULL,
        ],
    ),
    call(
        "mmap: writable and executable",
        libc::SYS_mmap,
        &[
            NULL,
            PAGE,
            flags(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC),
            flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
            NONE,
            NULL,
        ],
    ),
    call("mprotect: executable", libc::SYS_mprotect, &[NULL, PAGE, flags(libc::PROT_EXEC)]),
    call(
        "pkey_mprotect: executable",
        libc::SYS_pkey_mprotect,
        &[NULL, PAGE, flags(libc::PROT_EXEC), NONE],
    ),
    call("remap_file_pages", libc::SYS_remap_file_pages, &[NULL, NULL, NULL, NULL, NULL]),
    call("memfd_create", libc::SYS_memfd_create, &[NULL, NULL]),
    call("memfd_secret", 447, &[NULL]),
    call("shmget", libc::SYS_shmget, &[NULL, NULL, NULL]),
    call("shmat: SHM_EXEC", libc::SYS_shmat, &[NONE, NULL, flags(0o100_000)]),
    call("msgget", libc::SYS_msgget, &[Value(1), NULL]),
    call("semget", libc::SYS_semget, &[NULL, NONE, NULL]),
    call("mq_open", libc::SYS_mq_open, &[NULL, NULL, NULL, NULL]),
    call("userfaultfd", libc::SYS_userfaultfd, &[NONE]),
    call("personality", libc::SYS_personality, &[Value(0xffff_ffff)]),
    // The kernel.
    call("bpf", libc::SYS_bpf, &[NONE, NULL, NULL]),
    call("perf_event_open", libc::SYS_perf_event_open, &[NULL, NULL, NONE, NONE, NULL]),
    call("io_uring_setup", 425, &[NULL, NULL]),
    call("keyctl", libc::SYS_keyctl, &[NONE, NULL, NULL, NULL, NULL]),
    call("add_key", libc::SYS_add_key, &[NULL, NULL, NULL, NULL, NULL]),
    call("init_module", libc::SYS_init_module, &[NULL, NULL, NULL]),
    call("finit_module", libc::SYS_finit_module, &[NONE, NULL, NULL]),
    call("kexec_load", libc::SYS_kexec_load, &[NULL, NULL, NULL, NULL]),
    call("mount", libc::SYS_mount, &[NULL, NULL, NULL, NULL, NULL]),
    call("umount2", libc::SYS_umount2, &[NULL, NONE]),
    call("pivot_root", libc::SYS_pivot_root, &[NULL, NULL]),
    call("chroot", libc::SYS_chroot, &[NULL]),
    call("open_tree", 428, &[NONE, NULL, NULL]),
    call("move_mount", 429, &[NONE, NULL, NONE, NULL, NULL]),
    call("fsopen", 430, &[NULL, NULL]),
    call("mount_setattr", 442, &[NONE, NULL, NULL, NULL, NULL]),
    call("quotactl", libc::SYS_quotactl, &[NULL, NULL, NULL, NULL]),
    call("fanotify_init", libc::SYS_fanotify_init, &[NONE, NULL]),
    call("syslog", libc::SYS_syslog, &[NONE, NULL, NULL]),
    call("reboot", libc::SYS_reboot, &[NULL, NULL, NULL, NULL]),
    call("clock_settime", libc::SYS_clock_settime, &[NONE, NULL]),
    call("adjtimex", libc::SYS_adjtimex, &[NULL]),
    call("sethostname", libc::SYS_sethostname, &[NULL, NONE]),
    #[cfg(target_arch = "x86_64")]
    call("open", libc::SYS_open, &[FILE, NULL, NULL]),
    #[cfg(target_arch = "x86_64")]
    call("stat", libc::SYS_stat, &[FILE, NULL]),
    #[cfg(target_arch = "x86_64")]
    call("fork", libc::SYS_fork, &[]),
    #[cfg(target_arch = "x86_64")]
    call("execve by its number in x32", 0x4000_0000 + 520, &[NULL, NULL, NULL]),
];
