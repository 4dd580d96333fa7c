//! Restricts system calls: seccomp, on Linux.
//!
//! Calls that a program that reads packets does not need fail with `EPERM`: starting programs,
//! tracing processes, loading code into the kernel, changing mounts and namespaces, and sockets
//! other than Unix and netlink sockets (drop counters and the state of interfaces are read over
//! netlink). The process that parses and the one that looks up processes may not open files for
//! writing or change files by their path either: Landlock knows nothing of modes, owners, times and
//! attributes, and not every kernel has it. The process that commits outputs may open no socket at
//! all. All other calls stay allowed, because a list of all needed calls breaks with the next libc.

/// What is forbidden beside what no process of this program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forbid {
    /// Changes of the file system, but by descriptors that are open, and sockets but Unix and
    /// netlink sockets: for the process that parses and the one that looks up processes.
    Writing,
    /// Sockets of every kind: for the process that commits outputs, which writes files.
    Sockets,
}

/// Forbids the calls in `FORBIDDEN` and what `more` says, and sets `no_new_privs`, so that no program
/// that this one starts gains privileges.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn forbid(more: Forbid) -> Result<(), String> {
    use std::collections::BTreeMap;

    use seccompiler::{
        SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    let fail = |error: &dyn std::fmt::Display| format!("system calls cannot be blocked: {error}");
    nix::sys::prctl::set_no_new_privs().map_err(|error| fail(&error))?;
    let condition = |argument, operator, value: libc::c_int| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value as u64)
            .map_err(|error| fail(&error))
    };
    let rule = |conditions| SeccompRule::new(conditions).map_err(|error| fail(&error));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FORBIDDEN.iter().map(|&call| (call, Vec::new())).collect();
    match more {
        Forbid::Sockets => {
            rules.insert(libc::SYS_socket, Vec::new());
        }
        Forbid::Writing => {
            let other_family = [libc::AF_NETLINK, libc::AF_UNIX]
                .map(|family| condition(0, SeccompCmpOp::Ne, family))
                .into_iter()
                .collect::<Result<_, _>>()?;
            rules.insert(libc::SYS_socket, vec![rule(other_family)?]);
            rules.extend(CHANGES.iter().map(|&call| (call, Vec::new())));
            for &(call, flags) in OPENING {
                let with = |mask: libc::c_int, value| {
                    rule(vec![condition(flags, SeccompCmpOp::MaskedEq(mask as u64), value)?])
                };
                let writing = [
                    with(libc::O_ACCMODE, libc::O_WRONLY)?,
                    with(libc::O_ACCMODE, libc::O_RDWR)?,
                    // Linux gives a descriptor that can only be controlled.
                    with(libc::O_ACCMODE, libc::O_ACCMODE)?,
                    with(libc::O_CREAT, libc::O_CREAT)?,
                    with(libc::O_TRUNC, libc::O_TRUNC)?,
                ];
                rules.insert(call, writing.into());
            }
        }
    }
    let arch = std::env::consts::ARCH
        .try_into()
        .map_err(|error: seccompiler::BackendError| fail(&error))?;
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)
        .map_err(|error| fail(&error))?;
    let program: seccompiler::BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| fail(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| fail(&error))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const FORBIDDEN: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_acct,
];

/// Calls that open a file, and the number of the argument that has the flags.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const OPENING: &[(i64, u8)] = &[(libc::SYS_openat, 2), (libc::SYS_open, 1)];
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
const OPENING: &[(i64, u8)] = &[(libc::SYS_openat, 2)];

/// Calls that change a file, or the entries of a folder. The flags of `openat2` are in memory, where
/// a filter cannot see them.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const CHANGES: &[i64] = &[
    libc::SYS_openat2,
    libc::SYS_truncate,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];

/// Numbers that not every version of the C library's headers has; new calls have the same number on
/// all architectures (`include/uapi/asm-generic/unistd.h` in Linux).
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const FCHMODAT2: i64 = 452;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const SETXATTRAT: i64 = 463;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const REMOVEXATTRAT: i64 = 466;

/// Other systems and architectures have no seccomp filter; Linux still sets `no_new_privs`.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn forbid(_: Forbid) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_no_new_privs()
        .map_err(|error| format!("no_new_privs cannot be set: {error}"))?;
    Ok(())
}
