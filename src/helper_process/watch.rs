//! Waiting for changes of a helper process.

use std::process::Child;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::Life;

/// Waits on this thread, and calls `change` with each change, until the process has ended; it is then no zombie.
#[expect(clippy::needless_pass_by_value, reason = "nobody else is to wait for it")]
pub fn watch(process: Child, mut change: impl FnMut(Life)) {
    let id = Pid::from_raw(process.id().cast_signed());
    loop {
        let life = match waitpid(id, Some(WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED)) {
            Err(Errno::EINTR) => continue,
            Ok(WaitStatus::Stopped(..)) => Life::Stopped,
            Ok(WaitStatus::Continued(_)) => Life::Running,
            Ok(_) | Err(_) => Life::Ended,
        };
        change(life);
        if life == Life::Ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn a_process_that_stops_goes_on_and_dies_is_told_and_no_zombie() {
        let process = Command::new("sleep").arg("1000").spawn().unwrap();
        let id = process.id().to_string();
        let (tell, told) = channel();
        let watching = thread::spawn(move || watch(process, |life| tell.send(life).unwrap()));
        let expected = [("STOP", Life::Stopped), ("CONT", Life::Running), ("KILL", Life::Ended)];
        for (signal, life) in expected {
            assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
            assert_eq!(told.recv().unwrap(), life);
        }
        watching.join().unwrap();
        assert!(!Command::new("kill").args(["-s", "0", &id]).status().unwrap().success());
    }
}
