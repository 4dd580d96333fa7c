//! The interfaces of a section. A section may describe millions of them, so an interface takes 24
//! bytes; what few have is kept aside.

use super::blocks::options;
use super::clock::Clock;
use crate::source::file::buffer::ByteOrder;
use crate::source::{Drops, LinkType};

/// Maximum number of interfaces in a section.
pub(super) const MAX_INTERFACES: usize = 4 << 20;

/// Maximum bytes of all names in a section; interfaces beyond are named by their numbers.
const NAMES: usize = 4 << 20;
/// Maximum bytes of a name.
const NAME: usize = 64;

/// Option codes: `if_name`, `if_tsresol`, `if_tsoffset`.
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;

/// Number of an interface that had no frame.
const UNNUMBERED: u16 = u16::MAX;

/// An interface of the current section.
#[derive(Debug, Clone, Copy)]
pub(super) struct SectionInterface {
    pub(super) snap_len: u32,
    pub(super) link: LinkType,
    /// Number among the interfaces of the file that had frames.
    number: u16,
    offset: i64,
    /// The name: its place among all names, and its length.
    name_at: u32,
    name_len: u8,
    resolution: u8,
}

impl SectionInterface {
    pub(super) const fn clock(&self) -> Clock {
        Clock { resolution: self.resolution, offset: self.offset }
    }

    pub(super) const fn number(&self) -> Option<u32> {
        if self.number == UNNUMBERED { None } else { Some(self.number as u32) }
    }
}

/// The clock that the body of an interface description states.
pub(super) fn clock(order: ByteOrder, body: &[u8]) -> Clock {
    let mut clock = Clock::default();
    for (code, value) in options(order, body.get(8..).unwrap_or_default()) {
        match (code, value.len()) {
            (OPTION_RESOLUTION, 1) => clock.resolution = value[0],
            (OPTION_OFFSET, 8) => clock.offset = order.u64(value, 0) as i64,
            _ => {}
        }
    }
    clock
}

/// The interfaces of the current section, and the drops of all of them.
#[derive(Debug, Default)]
pub(super) struct SectionInterfaces {
    all: Vec<SectionInterface>,
    /// Names, one behind the other.
    names: Vec<u8>,
    /// Drops by interface, as far as there were any.
    drops: Vec<Drops>,
    dropped: Drops,
}

impl SectionInterfaces {
    /// Adds the interface that the body of a description describes, which has at least 8 bytes;
    /// false if there are too many.
    pub(super) fn add(&mut self, order: ByteOrder, body: &[u8]) -> bool {
        if self.all.len() >= MAX_INTERFACES {
            return false;
        }
        let Clock { resolution, offset } = clock(order, body);
        let name = options(order, &body[8..])
            .filter(|(code, _)| *code == OPTION_NAME)
            .last()
            .map_or(&[][..], |(_, name)| &name[..name.len().min(NAME)]);
        let has_room = self.names.len() + name.len() <= NAMES;
        let name = if has_room { name } else { &[] };
        let name_at = self.names.len() as u32;
        self.names.extend_from_slice(name);
        self.all.push(SectionInterface {
            snap_len: order.u32(body, 4),
            link: LinkType(order.u16(body, 0)),
            number: UNNUMBERED,
            offset,
            name_at,
            name_len: name.len() as u8,
            resolution,
        });
        true
    }

    /// An interface by its place in the section.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&SectionInterface> {
        self.all.get(index as usize)
    }

    /// The clocks, in order.
    pub(super) fn clocks(&self) -> impl Iterator<Item = Clock> + '_ {
        self.all.iter().map(SectionInterface::clock)
    }

    /// The name of an interface.
    pub(super) fn name(&self, index: u32) -> String {
        let name = self.get(index).and_then(|interface| {
            let at = interface.name_at as usize;
            self.names.get(at..at + usize::from(interface.name_len))
        });
        match name {
            None | Some([]) => format!("interface {index}"),
            Some(name) => String::from_utf8_lossy(name).into_owned(),
        }
    }

    /// Gives an interface its number among those that had frames.
    pub(super) fn set_number(&mut self, index: u32, number: u32) {
        if let Some(interface) = self.all.get_mut(index as usize) {
            interface.number = u16::try_from(number).unwrap_or(UNNUMBERED);
        }
    }

    /// Changes the drops of an interface, which its statistics repeat and raise.
    pub(super) fn change_drops(&mut self, index: u32, change: impl FnOnce(&mut Drops)) {
        let index = index as usize;
        if index >= self.all.len() {
            return;
        }
        let before = self.drops.get(index).copied().unwrap_or_default();
        let mut now = before;
        change(&mut now);
        if now == before {
            return;
        }
        if self.drops.len() <= index {
            self.drops.resize(index + 1, Drops::default());
        }
        self.drops[index] = now;
        let changed =
            |sum: u64, before: u64, now: u64| sum.saturating_sub(before).saturating_add(now);
        self.dropped = Drops {
            kernel: changed(self.dropped.kernel, before.kernel, now.kernel),
            interface: changed(self.dropped.interface, before.interface, now.interface),
        };
    }

    /// Drops of all interfaces.
    pub(super) const fn drops(&self) -> Drops {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millions_of_interfaces_fit_and_no_more() {
        assert_eq!(size_of::<SectionInterface>(), 24);
        let mut interfaces = SectionInterfaces::default();
        let mut body = vec![1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 64, 0];
        body.extend([b'n'; 64]);
        for _ in 0..MAX_INTERFACES {
            assert!(interfaces.add(ByteOrder::Little, &body));
        }
        assert!(!interfaces.add(ByteOrder::Little, &body));
        assert!(interfaces.names.len() <= NAMES);
        assert_eq!(interfaces.name(0), "n".repeat(64));
        let last = MAX_INTERFACES as u32 - 1;
        assert_eq!(interfaces.name(last), format!("interface {last}"));
        assert_eq!(
            interfaces.get(last).map(|one| (one.link, one.number())),
            Some((LinkType(1), None))
        );
    }

    #[test]
    fn drops_of_all_interfaces_add_up_and_the_last_statistics_of_each_count() {
        let mut interfaces = SectionInterfaces::default();
        for _ in 0..3 {
            interfaces.add(ByteOrder::Little, &[1, 0, 0, 0, 0, 0, 0, 0]);
        }
        for (index, kernel) in [(0, 5), (2, 7), (0, 6), (3, 100)] {
            interfaces.change_drops(index, |drops| drops.kernel = kernel);
        }
        interfaces.change_drops(1, |drops| drops.interface = 2);
        assert_eq!(interfaces.drops(), Drops { kernel: 13, interface: 2 });
    }
}
