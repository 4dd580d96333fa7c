//! The calls that filters refuse. `man 2 syscalls` describes them.

/// Calls that no process of this program needs once it has started. Numbers from 424 on are the same
/// on all architectures (`include/uapi/asm-generic/unistd.h` in Linux), and not every version of the
/// C library's headers has names for them.
pub(super) const FORBIDDEN: &[i64] = &[
    // Processes: new ones, looking into others, signals.
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    424, // pidfd_send_signal
    434, // pidfd_open
    438, // pidfd_getfd
    440, // process_madvise
    448, // process_mrelease
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_personality,
    // Memory that other processes share, or that can be executed.
    libc::SYS_memfd_create,
    447, // memfd_secret
    libc::SYS_remap_file_pages,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_semtimedop,
    libc::SYS_msgget,
    libc::SYS_msgctl,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_userfaultfd,
    // Parts of the kernel with a large surface.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    425, // io_uring_setup
    426, // io_uring_enter
    427, // io_uring_register
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_fanotify_init,
    libc::SYS_syslog,
    // Mounts, namespaces, root folders.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    428, // open_tree
    429, // move_mount
    430, // fsopen
    431, // fsconfig
    432, // fsmount
    433, // fspick
    442, // mount_setattr
    467, // open_tree_attr
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    443, // quotactl_fd
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// The number of `clone3`.
pub(super) const CLONE3: u32 = 435;

/// The flags of `clone` that make namespaces. That of time namespaces is for `clone3` only.
pub(super) const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Commands of `fcntl` by which the kernel sends signals to other processes.
pub(super) const OWNERS_OF_SIGNALS: &[libc::c_int] =
    &[libc::F_SETOWN, /* F_SETSIG */ 10, /* F_SETOWN_EX */ 15];

/// Requests of `ioctl` that enter text into a terminal, as if it had been typed, or that set who is
/// sent signals.
pub(super) const TERMINAL_INPUT: &[libc::c_int] = &[
    libc::TIOCSTI as libc::c_int,
    /* TIOCLINUX */ 0x541c,
    /* FIOSETOWN */ 0x8901,
    /* SIOCSPGRP */ 0x8902,
];

/// Calls by which sockets reach others. `accept` is not among them: metrics are served on a socket
/// that was opened before.
pub(super) const CONNECTING: &[i64] =
    &[libc::SYS_socketpair, libc::SYS_connect, libc::SYS_bind, libc::SYS_listen];

/// Calls that open a file, and the number of the argument that has the flags.
pub(super) const OPENING: &[(i64, u8)] = &[
    (libc::SYS_openat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1),
];

/// Calls that change a file, or the entries of a folder. The flags of `openat2` are in memory, where
/// a filter cannot see them.
pub(super) const CHANGES: &[i64] = &[
    437, // openat2
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
    452, // fchmodat2
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    463, // setxattrat
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    466, // removexattrat
    469, // file_setattr
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

/// Calls that name a file, beside those of [`CHANGES`]. `fstat`, which asks for an open descriptor,
/// is not among them; the others could be given a name even with `AT_EMPTY_PATH`.
pub(super) const NAMES: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_chdir,
    libc::SYS_faccessat,
    439, // faccessat2
    libc::SYS_readlinkat,
    libc::SYS_statfs,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    464, // getxattrat
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    465, // listxattrat
    libc::SYS_inotify_add_watch,
    468, // file_getattr
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
];
