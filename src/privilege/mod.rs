//! Root is for opening the device, nothing else: what parses untrusted bytes runs as an ordinary
//! user, without capabilities, who can write only where output goes, and start nothing.
//!
//! Takes what is still needed, gives the rest up for good. What each system can do is stated by
//! `files` and `calls`.

mod account;
mod calls;
mod capabilities;
mod files;

use std::path::PathBuf;

use nix::unistd::Uid;

pub use self::account::{Account, caller_home, give_to_caller};
pub use self::capabilities::{Power, powers};

/// What is still needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep<'a> {
    /// Who to become where the process is root's; `None` for the user who called sudo, or nobody.
    pub user: Option<Account>,
    /// Folders in which files are written.
    pub write: &'a [PathBuf],
    /// Files and folders that are read again.
    pub read: &'a [PathBuf],
}

/// Gives up everything but what is to be kept, as far as the system can. To be called before
/// threads are started and before the first frame is parsed; files and devices that are open stay
/// so.
///
/// # Errors
/// What could not be given up, in one line.
pub fn give_up(keep: &Keep<'_>) -> Result<(), String> {
    // Each door is closed whatever became of the others. What root may do has to go while the
    // process still may say so.
    let bounds = capabilities::bound();
    let root = if Uid::effective().is_root() {
        keep.user.unwrap_or_else(Account::caller_or_nobody).enter()
    } else {
        Ok(())
    };
    let capabilities = capabilities::clear();
    let files = files::close(keep.write, keep.read).map(drop);
    let calls = calls::forbid();
    bounds.and(root).and(capabilities).and(files).and(calls)
}

/// Gives up all but the right to see whose descriptors and sockets are whose, as far as the process
/// has it: for the clerk, which parses no packets. The file system stays open to it, as to the user
/// that it becomes: Landlock would hide the processes of others.
///
/// # Errors
/// What could not be given up, in one line.
pub fn keep_sight(user: Option<Account>) -> Result<(), String> {
    let bounds = capabilities::bound();
    let held = capabilities::hold_sight();
    let root = if Uid::effective().is_root() {
        user.unwrap_or_else(Account::caller_or_nobody).enter()
    } else {
        Ok(())
    };
    let capabilities = capabilities::keep_sight();
    let calls = calls::forbid();
    bounds.and(held).and(root).and(capabilities).and(calls)
}

/// What [`give_up`] can do on this system, tried on a thread that is thrown away: how far the file
/// system can be closed, and whether calls can be forbidden.
pub fn try_out() -> [(&'static str, Result<String, String>); 2] {
    let tried = |door: fn() -> Result<String, String>| {
        std::thread::spawn(door).join().unwrap_or_else(|_| Err("the trial died".to_owned()))
    };
    [
        ("file system", tried(|| files::close(&[], &[]))),
        (
            "system calls",
            tried(|| {
                calls::forbid()
                    .map(|()| "those that start or trace programs can be forbidden".to_owned())
            }),
        ),
    ]
}
