//! A process that is traced and stopped, and makes calls as it is told.

use std::process::Child;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// The process.
pub(super) struct Tracee {
    process: Pid,
    /// The registers where it stopped, behind the instruction that makes a call.
    stopped: libc::user_regs_struct,
}

impl Tracee {
    /// Waits until the process, which traces itself to this one, stops itself.
    pub(super) fn stopped(process: &Child) -> nix::Result<Self> {
        let process = Pid::from_raw(process.id().cast_signed());
        loop {
            match waitpid(process, None)? {
                WaitStatus::Stopped(_, Signal::SIGSTOP) => break,
                WaitStatus::Stopped(_, signal) => ptrace::cont(process, signal)?,
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return Err(Errno::ECHILD),
                _ => {}
            }
        }
        // It does not go on if this process is killed.
        ptrace::setoptions(process, Options::PTRACE_O_EXITKILL)?;
        Ok(Self { process, stopped: ptrace::getregs(process)? })
    }

    /// The process id.
    pub(super) fn id(&self) -> i32 {
        self.process.as_raw()
    }

    /// Has the process make a call, and returns what the call returns: a negative number of an error,
    /// or a result.
    pub(super) fn call(&self, number: i64, arguments: [u64; 6]) -> nix::Result<i64> {
        let mut registers = self.stopped;
        set_call(&mut registers, number, arguments);
        ptrace::setregs(self.process, registers)?;
        loop {
            ptrace::step(self.process, None)?;
            match waitpid(self.process, None)? {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => break,
                // A signal that came before the instruction, such as that of a process that an
                // earlier call has started.
                WaitStatus::Stopped(_, Signal::SIGCHLD) => {}
                // The call was answered with a signal, which is an end without any result.
                _ => return Err(Errno::EINTR),
            }
        }
        Ok(result(&ptrace::getregs(self.process)?))
    }
}

/// `man 2 syscall` has the registers of each architecture. The instruction has two bytes here.
#[cfg(target_arch = "x86_64")]
fn set_call(registers: &mut libc::user_regs_struct, number: i64, arguments: [u64; 6]) {
    registers.rip -= 2;
    registers.rax = number.cast_unsigned();
    // No call is under way that could be made again.
    registers.orig_rax = u64::MAX;
    [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9] =
        arguments;
}

#[cfg(target_arch = "x86_64")]
fn result(registers: &libc::user_regs_struct) -> i64 {
    registers.rax.cast_signed()
}

/// The instruction has four bytes here.
#[cfg(target_arch = "aarch64")]
fn set_call(registers: &mut libc::user_regs_struct, number: i64, arguments: [u64; 6]) {
    registers.pc -= 4;
    registers.regs[8] = number.cast_unsigned();
    registers.regs[..6].copy_from_slice(&arguments);
}

#[cfg(target_arch = "aarch64")]
fn result(registers: &libc::user_regs_struct) -> i64 {
    registers.regs[0].cast_signed()
}
