//! The filter program: `seccomp(2)`, and `Documentation/userspace-api/seccomp_filter.rst` of Linux.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, sock_filter,
};

use super::FilteredProcess;
use super::forbidden::{
    CHANGES, CLONE3, CONNECTING, FORBIDDEN, NAMES, NAMESPACES, OPENING, OWNERS_OF_SIGNALS,
    TERMINAL_INPUT,
};

/// Numbers from here on are calls of x32, a second set of numbers of x86-64 for the same calls.
const X32: u32 = 0x4000_0000;

/// The rules of a filter: a call is refused if all conditions of one of its rules hold, and always if
/// it has no rule.
struct Rules(BTreeMap<i64, Vec<SeccompRule>>);

impl Rules {
    /// Refuses calls whatever their arguments are.
    fn refuse(&mut self, calls: &[i64]) {
        self.0.extend(calls.iter().map(|&call| (call, Vec::new())));
    }

    /// Refuses a call where its arguments, each given by its number, fulfil all conditions.
    fn refuse_if(
        &mut self,
        call: i64,
        conditions: &[(u8, SeccompCmpOp, libc::c_int)],
    ) -> Result<(), BackendError> {
        // The kernel looks at 32 bits of these arguments.
        let conditions = conditions.iter().map(|(argument, operator, value)| {
            let value = u64::from(value.cast_unsigned());
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), value)
        });
        let rule = SeccompRule::new(conditions.collect::<Result<_, _>>()?)?;
        self.0.entry(call).or_default().push(rule);
        Ok(())
    }
}

/// The program for a process. Signals are allowed to the process that calls this.
pub(super) fn program(process: FilteredProcess) -> Result<BpfProgram, BackendError> {
    let mut rules = Rules(BTreeMap::new());
    rules.refuse(FORBIDDEN);
    refuse_processes(&mut rules)?;
    refuse_execution(&mut rules)?;
    let other_family = [(0, SeccompCmpOp::Ne, libc::AF_NETLINK)];
    match process {
        FilteredProcess::Parser { reads_files } => {
            rules.refuse(CONNECTING);
            rules.refuse(&[libc::SYS_socket]);
            refuse_writing(&mut rules)?;
            if !reads_files {
                rules.refuse(NAMES);
            }
        }
        FilteredProcess::ProcessLookup => {
            // `bind` and `connect` only reach what a socket can be opened for.
            rules.refuse_if(libc::SYS_socket, &other_family)?;
            refuse_writing(&mut rules)?;
        }
        FilteredProcess::InterfaceBind => {
            rules.refuse_if(libc::SYS_socket, &other_family)?;
            refuse_writing(&mut rules)?;
            rules.refuse(NAMES);
        }
        FilteredProcess::OutputCommit => {
            rules.refuse(CONNECTING);
            rules.refuse(&[libc::SYS_socket]);
        }
    }
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules.0, SeccompAction::Allow, refused, arch)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(unknown_calls().into_iter().chain(program).collect())
}

/// Instructions before those of the filter: `clone3`, and the calls of x32, which are other numbers
/// for calls that the filter refuses, do not exist.
fn unknown_calls() -> [sock_filter; 4] {
    let instruction = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let jump = libc::BPF_JMP | libc::BPF_K;
    let not_there = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    [
        // The number of the call is the first field of the data.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(jump | libc::BPF_JGE, 1, 0, X32),
        instruction(jump | libc::BPF_JEQ, 0, 1, CLONE3),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, not_there),
    ]
}

/// Refuses new processes, new namespaces, and signals to other processes.
fn refuse_processes(rules: &mut Rules) -> Result<(), BackendError> {
    // What is not a thread of this process is a new one.
    let no_thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
    rules.refuse_if(libc::SYS_clone, &[(0, no_thread, 0)])?;
    for &namespace in NAMESPACES {
        let has_flag = SeccompCmpOp::MaskedEq(namespace as u64);
        rules.refuse_if(libc::SYS_clone, &[(0, has_flag, namespace)])?;
    }
    let own = std::process::id().cast_signed();
    // musl raises signals by `tkill`, whose number is that of a thread: of the first one here.
    for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_tkill] {
        rules.refuse_if(call, &[(0, SeccompCmpOp::Ne, own)])?;
    }
    // 0 stands for the process itself.
    let others = [(0, SeccompCmpOp::Ne, 0), (0, SeccompCmpOp::Ne, own)];
    rules.refuse_if(libc::SYS_prlimit64, &others)?;
    for &command in OWNERS_OF_SIGNALS {
        rules.refuse_if(libc::SYS_fcntl, &[(1, SeccompCmpOp::Eq, command)])?;
    }
    for &request in TERMINAL_INPUT {
        rules.refuse_if(libc::SYS_ioctl, &[(1, SeccompCmpOp::Eq, request)])?;
    }
    Ok(())
}

/// Refuses memory that can be executed.
fn refuse_execution(rules: &mut Rules) -> Result<(), BackendError> {
    for call in [libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_pkey_mprotect] {
        let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        rules.refuse_if(call, &[(2, executable, libc::PROT_EXEC)])?;
    }
    Ok(())
}

/// Refuses changes of the file system, but by descriptors that are open for writing.
fn refuse_writing(rules: &mut Rules) -> Result<(), BackendError> {
    rules.refuse(CHANGES);
    for &(call, flags) in OPENING {
        for (mask, value) in [
            (libc::O_ACCMODE, libc::O_WRONLY),
            (libc::O_ACCMODE, libc::O_RDWR),
            // Linux gives a descriptor that can only be controlled.
            (libc::O_ACCMODE, libc::O_ACCMODE),
            (libc::O_CREAT, libc::O_CREAT),
            (libc::O_TRUNC, libc::O_TRUNC),
        ] {
            rules.refuse_if(call, &[(flags, SeccompCmpOp::MaskedEq(mask as u64), value)])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a filter answers to a call: a simulation of the few instructions that filters have.
    fn answer(program: &[sock_filter], call: i64, arguments: [u64; 6]) -> u32 {
        const AUDIT_ARCH: u32 =
            if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
        let mut data = vec![call as u32, AUDIT_ARCH, 0, 0];
        data.extend(arguments.iter().flat_map(|&value| [value as u32, (value >> 32) as u32]));
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at].clone();
            at += 1;
            let met = match u32::from(code) {
                0x20 => {
                    accumulator = data[k as usize / 4];
                    continue;
                }
                0x54 => {
                    accumulator &= k;
                    continue;
                }
                0x05 => {
                    at += k as usize;
                    continue;
                }
                0x06 => return k,
                0x15 => accumulator == k,
                0x25 => accumulator > k,
                0x35 => accumulator >= k,
                other => panic!("{other:#x}"),
            };
            at += usize::from(if met { jt } else { jf });
        }
    }

    const ALLOWED: u32 = 0x7fff_0000;
    const REFUSED: u32 = 0x0005_0000 | libc::EPERM as u32;
    const NOT_THERE: u32 = 0x0005_0000 | libc::ENOSYS as u32;

    const PARSER: FilteredProcess = FilteredProcess::Parser { reads_files: false };
    const FOLLOWER: FilteredProcess = FilteredProcess::Parser { reads_files: true };
    const ALL: [FilteredProcess; 5] = [
        PARSER,
        FOLLOWER,
        FilteredProcess::ProcessLookup,
        FilteredProcess::InterfaceBind,
        FilteredProcess::OutputCommit,
    ];

    fn answers(process: FilteredProcess) -> impl Fn(i64, [u64; 3]) -> u32 {
        let program = program(process).unwrap();
        move |call, [a, b, c]| answer(&program, call, [a, b, c, 0, 0, 0])
    }

    #[test]
    fn threads_can_be_started_and_nothing_else() {
        // The flags of `pthread_create` in glibc and in musl.
        const THREAD: u64 = 0x003d_0f00;
        const THREAD_OF_MUSL: u64 = 0x007d_0f00;
        for process in ALL {
            let answer = answers(process);
            for thread in [THREAD, THREAD_OF_MUSL] {
                assert_eq!(answer(libc::SYS_clone, [thread, 0, 0]), ALLOWED);
            }
            assert_eq!(answer(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0]), REFUSED);
            for &namespace in NAMESPACES {
                assert_eq!(answer(libc::SYS_clone, [THREAD | namespace as u64, 0, 0]), REFUSED);
            }
            assert_eq!(answer(CLONE3.into(), [0; 3]), NOT_THERE);
            assert_eq!(answer(libc::SYS_execve, [0; 3]), REFUSED);
        }
    }

    #[test]
    fn numbers_of_x32_are_unknown_whatever_the_call() {
        for process in ALL {
            let answer = answers(process);
            for call in [libc::SYS_execve, libc::SYS_read, libc::SYS_socket] {
                assert_eq!(answer(call | i64::from(X32), [0; 3]), NOT_THERE);
            }
        }
    }

    #[test]
    fn memory_is_never_executable_and_its_high_bits_do_not_matter() {
        for process in ALL {
            let answer = answers(process);
            for call in [libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_pkey_mprotect] {
                for protection in [4, 5, 7, 4 | 1 << 40] {
                    assert_eq!(answer(call, [0, 4096, protection]), REFUSED);
                }
                assert_eq!(answer(call, [0, 4096, 3]), ALLOWED);
            }
        }
    }

    #[test]
    fn signals_reach_the_process_itself_only() {
        let own = u64::from(std::process::id());
        for process in ALL {
            let answer = answers(process);
            for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_tkill] {
                assert_eq!(answer(call, [own, own, 0]), ALLOWED);
                for other in [0, 1, own + 1, u64::MAX] {
                    assert_eq!(answer(call, [other, other, 0]), REFUSED);
                }
                assert_eq!(answer(call, [own | 1 << 32, 0, 0]), ALLOWED, "32 bits count");
            }
        }
    }

    #[test]
    fn only_helper_processes_open_sockets_and_only_of_netlink() {
        for process in ALL {
            let answer = answers(process);
            for family in 0..64 {
                let is_netlink = family == libc::AF_NETLINK as u64;
                let asks_the_system =
                    [FilteredProcess::ProcessLookup, FilteredProcess::InterfaceBind];
                let may = is_netlink && asks_the_system.contains(&process);
                let expected = if may { ALLOWED } else { REFUSED };
                assert_eq!(answer(libc::SYS_socket, [family, 3, 0]), expected, "{family}");
            }
            assert_eq!(answer(libc::SYS_accept4, [3, 0, 0]), ALLOWED, "metrics");
        }
    }

    #[test]
    fn who_reads_no_files_names_none() {
        let (parser, follower) = (answers(PARSER), answers(FOLLOWER));
        let openat = [libc::AT_FDCWD as u64, 0, libc::O_RDONLY as u64];
        assert_eq!(
            [parser(libc::SYS_openat, openat), follower(libc::SYS_openat, openat)],
            [REFUSED, ALLOWED]
        );
        for (call, flags) in [(libc::SYS_statx, 2), (libc::SYS_newfstatat, 3)] {
            let mut arguments = [3, 0, 0, 0];
            arguments[flags] = libc::AT_EMPTY_PATH as u64;
            let arguments = [arguments[0], arguments[1], arguments[2]];
            assert_eq!([parser(call, arguments), follower(call, arguments)], [REFUSED, ALLOWED]);
        }
        assert_eq!(parser(libc::SYS_fstat, [3, 0, 0]), ALLOWED);
        let openat = [libc::AT_FDCWD as u64, 0, libc::O_WRONLY as u64];
        assert_eq!(follower(libc::SYS_openat, openat), REFUSED);
    }
}
