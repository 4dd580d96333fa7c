//! Live capture through libpcap, on several interfaces at once.
//!
//! The descriptors are polled together: a blocking read on a quiet interface does not come back at its time-out on every system.
//! An interface that goes down is waited for; one that goes away is left, and the capture goes on with the others.

mod device;
mod presence;

use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub(super) use self::device::reason;

use self::device::{Device, Read};
use self::presence::{Presence, presence};
use super::{Drops, LinkType, Next, Source, devices};

/// Milliseconds after which a quiet interface hands over the frames it has, and reports idleness, so that signals and time
/// limits are seen. Soon enough for a screen; a block of the ring that fills up comes at once.
const IDLE: u16 = 100;
/// Frames read from one interface before the others get their turn.
const TURN: u32 = 8192;
/// Time between two looks at whether the interfaces are there.
const LOOK: Duration = Duration::from_secs(1);

/// How to capture.
#[derive(Debug, Clone)]
pub struct Options {
    /// The devices' names; `any` for all of them.
    pub interfaces: Vec<String>,
    /// See frames for other machines too.
    pub promiscuous: bool,
    /// Bytes kept of each frame.
    pub snap_len: u32,
    /// Bytes of the kernel's buffer, for each device.
    pub buffer_bytes: u32,
    /// A BPF expression for the kernel.
    pub filter: Option<String>,
}

/// Open devices.
pub struct Live<'a> {
    devices: Vec<Device>,
    /// Devices that are known to have frames; the last of them is read.
    ready: Vec<usize>,
    /// The one that was read last.
    last: usize,
    /// Why it cannot be read any more.
    failed: Option<String>,
    /// Frames that it may still give in its turn.
    turn: u32,
    number: u64,
    looked: Instant,
    /// What those that went away had lost.
    lost: Drops,
    problems: Vec<String>,
    /// Gets what becomes of the interfaces, a line each.
    say: Box<dyn FnMut(&str) + 'a>,
}

impl<'a> Live<'a> {
    /// Opens the devices. This is all that root is needed for. `say` gets a line when an interface goes or comes.
    ///
    /// # Errors
    /// One line: unknown interface (with those that exist), no permission, broken filter, each with the remedy.
    pub fn open(options: &Options, say: impl FnMut(&str) + 'a) -> Result<Self, String> {
        let known = devices::list()?;
        let mut opened: Vec<Device> = Vec::with_capacity(options.interfaces.len());
        for name in &options.interfaces {
            if opened.iter().any(|device| device.name == *name) {
                continue;
            }
            if name != "any" && !known.iter().any(|device| device.name == *name) {
                let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
                return Err(format!("{name}: no such interface; there are: {}", names.join(", ")));
            }
            opened.push(Device::open(name, options)?);
        }
        Ok(Self {
            devices: opened,
            ready: Vec::new(),
            last: 0,
            failed: None,
            turn: TURN,
            number: 0,
            looked: Instant::now(),
            lost: Drops::default(),
            problems: Vec::new(),
            say: Box::new(say),
        })
    }

    /// Names and link types of the devices.
    pub fn devices(&self) -> impl Iterator<Item = (&str, LinkType)> {
        self.devices.iter().map(|device| (device.name.as_str(), device.link))
    }

    /// Waits at most `patience` milliseconds until a frame can be read somewhere.
    fn wait(&mut self, patience: u16) -> Result<(), String> {
        let mut descriptors: Vec<PollFd<'_>> =
            self.devices.iter().map(|device| PollFd::new(device.descriptor(), PollFlags::POLLIN)).collect();
        match poll(&mut descriptors, PollTimeout::from(patience)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(format!("waiting for frames failed: {error}")),
        }
        let is_ready = |descriptor: &PollFd<'_>| descriptor.revents().is_some_and(|events| !events.is_empty());
        self.ready = (0..descriptors.len()).filter(|&at| is_ready(&descriptors[at])).collect();
        // Whoever had the last turn comes last.
        self.ready.sort_by_key(|&at| at < self.last);
        self.turn = TURN;
        Ok(())
    }

    /// Says which interfaces have gone down or come up since the last look.
    fn look(&mut self) {
        self.looked = Instant::now();
        for device in &mut self.devices {
            let now = presence(&device.name);
            match (device.presence, now) {
                (Presence::Up, Presence::Down) => (self.say)(&format!("{}: is down; waiting until it is up again", device.name)),
                (Presence::Down, Presence::Up) => (self.say)(&format!("{}: is up again", device.name)),
                _ => {}
            }
            device.presence = now;
        }
        if let Some(at) = self.devices.iter().position(|device| device.presence == Presence::Away) {
            self.leave(at, "went away");
        }
    }

    /// Goes on without a device.
    fn leave(&mut self, at: usize, reason: &str) {
        let mut device = self.devices.swap_remove(at);
        self.ready.clear();
        let drops = device.drops();
        self.lost.kernel += drops.kernel;
        self.lost.interface += drops.interface;
        let rest = match self.devices.len() {
            0 => "the capture ends".to_owned(),
            _ => "the capture goes on with the others; to have it back, start anew once it is there".to_owned(),
        };
        let problem = format!("{}: {reason}; {rest}", device.name);
        if !self.devices.is_empty() {
            (self.say)(&problem);
        }
        self.problems.push(problem);
    }
}

impl Source for Live<'_> {
    fn next(&mut self) -> Result<Next<'_>, String> {
        if let Some(reason) = self.failed.take() {
            self.leave(self.last, &reason);
        }
        if self.ready.is_empty() || self.turn == 0 {
            // No system call per frame: what is ready is read until it is empty.
            self.wait(if self.ready.is_empty() { IDLE } else { 0 })?;
            if self.looked.elapsed() >= LOOK {
                self.look();
            }
        }
        if self.devices.is_empty() {
            return Ok(Next::End);
        }
        let Some(&at) = self.ready.last() else { return Ok(Next::Idle) };
        self.last = at;
        self.turn -= 1;
        match self.devices[at].read(self.number + 1) {
            Read::Frame(frame) => {
                self.number += 1;
                return Ok(Next::Frame(frame));
            }
            Read::Empty => {}
            Read::Failed(reason) => self.failed = Some(reason),
        }
        self.ready.pop();
        Ok(Next::Idle)
    }

    fn drops(&mut self) -> Drops {
        self.devices
            .iter_mut()
            .map(Device::drops)
            .fold(self.lost, |sum, drops| Drops { kernel: sum.kernel + drops.kernel, interface: sum.interface + drops.interface })
    }

    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }
}
