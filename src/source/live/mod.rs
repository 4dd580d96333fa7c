//! Live capture through libpcap, on several interfaces at once.
//!
//! The descriptors are polled together: a blocking read on a quiet interface does not return at its
//! timeout on every system. If an interface goes down or away, the capture waits for it; if it
//! cannot be bound again, the capture continues on the others.

mod absence;
mod binding;
mod default_route;
mod device;
mod link_events;
mod links;
mod networks;
#[cfg(feature = "cli")]
mod rebind;

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::binding::{LinkChange, bind_again};
pub use self::default_route::default_interface;
use self::device::{Device, DeviceRead};
use self::link_events::LinkEvents;
use self::links::Links;
pub use self::networks::{interface_names, networks};
#[cfg(feature = "cli")]
pub use self::rebind::{RebindHelper, serve_rebinding};
pub use super::live_options::LiveOptions;
use super::save::{InterfaceCounts, Plan, Save, SaveFiles, SavedInterface};
use super::{Drops, LinkType, Next, Source, devices};
use crate::similar::did_you_mean;
use crate::{Error, ErrorKind, Result};

/// Milliseconds after which a quiet interface delivers the frames it has, and reports idleness, so
/// that signals and time limits are noticed. Short enough for a screen; a block of the ring that
/// fills up is delivered at once.
const IDLE: u16 = 100;
/// Frames read from one interface before the others are served.
const QUANTUM: u32 = 8192;
/// Time between two checks of the interfaces without a link event; and after one, because events
/// come in bundles.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const CHECK_SOON: Duration = Duration::from_millis(5);

/// Who binds a device again.
#[derive(Default)]
struct Rebinding(#[cfg(feature = "cli")] Option<RebindHelper>);

impl Rebinding {
    fn bind(&mut self, device: BorrowedFd<'_>, name: &str, promiscuous: bool) -> nix::Result<()> {
        #[cfg(feature = "cli")]
        if let Some(helper) = &mut self.0 {
            return helper.bind(device, name, promiscuous);
        }
        bind_again(device, name, promiscuous)
    }
}

/// A live capture: open devices.
pub struct Live<'a> {
    devices: Vec<Device>,
    /// Indices of devices that have frames; the last one is read.
    ready: Vec<usize>,
    /// Index of the device that was read last.
    last: usize,
    /// Number of a device that could not be read, and the reason.
    failed: Option<(usize, String)>,
    /// Frames that may still be read from the device before the others are served.
    quantum: u32,
    number: u64,
    link_events: LinkEvents,
    links: Links,
    rebinding: Rebinding,
    checked_at: Instant,
    /// Whether a link event came since the last check.
    link_changed: bool,
    /// Counters of each device, those that went away included.
    counts: Vec<InterfaceCounts>,
    names: Vec<String>,
    save: Option<Save>,
    problems: Vec<String>,
    /// Called with a line for each change of an interface.
    notify: Box<dyn FnMut(&str) + 'a>,
}

impl<'a> Live<'a> {
    /// Opens the devices. Nothing else needs root. `notify` is called with a line when an interface
    /// changes.
    ///
    /// # Errors
    /// An unknown interface (the remedy lists those that exist), a missing right
    /// ([`ErrorKind::Permission`]) or an invalid filter ([`ErrorKind::Filter`]).
    pub fn open(options: &LiveOptions, notify: impl FnMut(&str) + 'a) -> Result<Self> {
        // Subscribed first, so that no later event is missed.
        let link_events = LinkEvents::subscribe();
        let mut links = Links::open();
        let known = devices::list()?;
        let mut opened: Vec<Device> = Vec::with_capacity(options.interfaces.len());
        for name in &options.interfaces {
            if opened.iter().any(|device| device.name == *name) {
                continue;
            }
            if name != "any" && !known.iter().any(|device| device.name == *name) {
                let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
                let available = format!("available: {}", names.join(", "));
                let remedy = did_you_mean(name, names).map_or_else(
                    || available.clone(),
                    |question| format!("{question} {available}"),
                );
                return Err(Error::new(ErrorKind::Input, "no such interface")
                    .with_object(name)
                    .with_remedy(remedy));
            }
            opened.push(Device::open(opened.len(), name, options, &mut links)?);
        }
        Ok(Self {
            counts: vec![InterfaceCounts::default(); opened.len()],
            names: opened.iter().map(|device| device.name.clone()).collect(),
            save: None,
            devices: opened,
            ready: Vec::new(),
            last: 0,
            failed: None,
            quantum: QUANTUM,
            number: 0,
            link_events,
            links,
            rebinding: Rebinding::default(),
            checked_at: Instant::now(),
            link_changed: false,
            problems: Vec::new(),
            notify: Box::new(notify),
        })
    }

    /// Lets another process bind devices whose interface came back, for a process that can open no
    /// sockets once it has dropped its privileges.
    #[cfg(feature = "cli")]
    pub fn rebind_by(&mut self, helper: RebindHelper) {
        self.rebinding = Rebinding(Some(helper));
    }

    /// Names and link types of the open devices.
    pub fn devices(&self) -> impl Iterator<Item = (&str, LinkType)> {
        self.devices.iter().map(|device| (device.name.as_str(), device.link))
    }

    /// Saves all frames from now on. Call this after dropping privileges: the thread that writes has
    /// no more rights than the others.
    ///
    /// # Errors
    /// The thread that writes cannot be started ([`ErrorKind::System`]).
    pub fn save(&mut self, plan: Plan, files: Box<dyn SaveFiles>) -> Result<()> {
        let interface = |device: &Device| SavedInterface {
            name: device.name.clone(),
            link: device.link,
            snap_len: device.snap_len,
        };
        let interfaces: Vec<_> = self.devices.iter().map(interface).collect();
        self.save = Some(Save::start(plan, files, &interfaces)?);
        Ok(())
    }

    /// Updates the counters.
    fn count(&mut self) {
        let links = self.links.list();
        for device in &mut self.devices {
            self.counts[device.number] =
                InterfaceCounts { frames: device.frames, drops: device.drops(&links) };
        }
    }

    /// Rotates the file when it is due, and ends saving when it has failed.
    fn maintain_save(&mut self) {
        if self.save.as_ref().is_some_and(Save::is_due) {
            self.count();
            if let Some(save) = &mut self.save {
                save.rotate(&self.counts);
            }
        }
        for line in self.save.iter_mut().flat_map(Save::take_news) {
            (self.notify)(&line);
        }
        if let Some(save) = self.save.take_if(|save| !save.is_open()) {
            for problem in save.problems() {
                (self.notify)(&format!("{problem}; capture continues without saving"));
            }
            self.problems.extend_from_slice(save.problems());
        }
    }

    /// Waits at most `patience` milliseconds until a device has a frame.
    fn wait(&mut self, patience: u16) -> Result<()> {
        let devices = self.devices.iter().map(Device::descriptor);
        let mut descriptors: Vec<PollFd<'_>> = devices
            .chain(self.link_events.descriptor())
            .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN))
            .collect();
        match poll(&mut descriptors, PollTimeout::from(patience)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => {
                let reason = format!("waiting for packets failed: {error}");
                return Err(Error::new(ErrorKind::Input, reason));
            }
        }
        let is_ready =
            |descriptor: &PollFd<'_>| descriptor.revents().is_some_and(|events| !events.is_empty());
        self.ready = (0..self.devices.len()).filter(|&at| is_ready(&descriptors[at])).collect();
        if descriptors[self.devices.len()..].iter().any(is_ready) {
            self.link_events.drain();
            self.link_changed = true;
        }
        // The device that was served last comes last.
        self.ready.sort_by_key(|&at| at < self.last);
        self.quantum = QUANTUM;
        Ok(())
    }

    /// Checks all interfaces and reports changes.
    fn check_links(&mut self) {
        (self.checked_at, self.link_changed) = (Instant::now(), false);
        let links = self.links.list();
        let mut lost = Vec::new();
        for (at, device) in self.devices.iter_mut().enumerate() {
            let event = match device.check_link(&links, &mut self.rebinding) {
                None => continue,
                Some(LinkChange::Down) => "is down; waiting for it to come up".to_owned(),
                Some(LinkChange::Up) => "is up again".to_owned(),
                Some(LinkChange::Renamed(name)) => {
                    format!("was renamed to {name}; capture continues")
                }
                Some(LinkChange::Away) => "disappeared; waiting for it to return".to_owned(),
                Some(LinkChange::Back) => "is back; capture continues".to_owned(),
                Some(LinkChange::Lost(reason)) => {
                    lost.push((at, reason));
                    continue;
                }
            };
            (self.notify)(&format!("{} {event}", device.name));
        }
        // From the last to the first, so that the indices of the others stay valid.
        lost.into_iter().rev().for_each(|(at, reason)| self.drop_device(at, &reason));
    }

    /// Removes a device; the capture continues without it.
    fn drop_device(&mut self, at: usize, reason: &str) {
        self.count();
        let device = self.devices.swap_remove(at);
        self.ready.clear();
        let rest = match self.devices.len() {
            0 => "capture ends".to_owned(),
            _ => {
                "capture continues on the other interfaces; restart portlore to capture on it again"
                    .to_owned()
            }
        };
        let problem = format!("{}: {reason}; {rest}", device.name);
        if !self.devices.is_empty() {
            (self.notify)(&problem);
        }
        self.problems.push(problem);
    }
}

impl Source for Live<'_> {
    fn next(&mut self) -> Result<Next<'_>> {
        if let Some((number, reason)) = self.failed.take() {
            // A change that excuses the failure may not have been noticed yet.
            self.check_links();
            if let Some(at) = self
                .devices
                .iter()
                .position(|device| device.number == number && device.is_by_its_name)
            {
                self.drop_device(at, &reason);
            }
        }
        if self
            .save
            .as_ref()
            .is_some_and(|save| save.is_due() || save.has_news() || !save.is_open())
        {
            self.maintain_save();
        }
        if self.ready.is_empty() || self.quantum == 0 {
            // No system call per frame: a ready device is read until it is empty.
            self.wait(if self.ready.is_empty() { IDLE } else { 0 })?;
            if self.checked_at.elapsed()
                >= if self.link_changed { CHECK_SOON } else { CHECK_INTERVAL }
            {
                self.check_links();
            }
        }
        if self.devices.is_empty() {
            return Ok(Next::End);
        }
        let Some(&at) = self.ready.last() else {
            self.save.iter_mut().for_each(Save::idle);
            return Ok(Next::Idle);
        };
        self.last = at;
        self.quantum -= 1;
        let number = self.devices[at].number;
        match self.devices[at].read(self.number + 1) {
            DeviceRead::Frame(frame) => {
                self.number += 1;
                if let Some(save) = &mut self.save {
                    save.frame(&frame);
                }
                return Ok(Next::Frame(frame));
            }
            DeviceRead::Empty => {}
            DeviceRead::Failed(reason) => self.failed = Some((number, reason)),
        }
        self.ready.pop();
        Ok(Next::Idle)
    }

    fn drops(&mut self) -> Drops {
        self.count();
        let sum = |sum: Drops, counts: &InterfaceCounts| Drops {
            kernel: sum.kernel + counts.drops.kernel,
            interface: sum.interface + counts.drops.interface,
        };
        self.counts.iter().fold(Drops::default(), sum)
    }

    fn unread(&mut self) -> Option<u64> {
        self.devices.iter_mut().map(Device::unread).sum()
    }

    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }

    fn notices(&self) -> Vec<String> {
        let notice = |device: &Device| device.absences.notice(&device.name);
        self.devices.iter().filter_map(notice).collect()
    }

    fn interface(&self, number: u32) -> String {
        self.names.get(number as usize).cloned().unwrap_or_default()
    }

    fn finish(&mut self) {
        self.count();
        let away = self.devices.iter().filter(|device| !device.is_there);
        self.problems
            .extend(away.map(|device| format!("{}: disappeared and did not return", device.name)));
        if let Some(mut save) = self.save.take() {
            save.finish(&self.counts);
            self.problems.extend_from_slice(save.problems());
        }
    }
}
