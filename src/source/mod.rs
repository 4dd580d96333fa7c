//! Where frames come from: an interface, capture files, standard input.
//!
//! Takes a device or files, gives [`Frame`]s in capture order. Knows nothing of flows or ports.
//! Capture files are read by our own reader, because libpcap refuses files that mix link types.
//!
//! This is the only module that names libpcap. What needs it (live capture, saving a live capture,
//! the list of devices, BPF filters) is behind the feature `pcap`, which is on by default. Without
//! it, capture files are read all the same, and [`Filter`] is a type without values.

mod block;
pub mod devices;
pub mod file;
mod filter;
#[cfg(feature = "pcap")]
pub mod live;
#[cfg(feature = "pcap")]
mod pcap_error;
#[cfg(feature = "pcap")]
pub mod save;

use std::fmt;

pub use block::Block;
pub use file::{Files, Follow};
pub use filter::Filter;
#[cfg(feature = "pcap")]
pub use live::Live;

use crate::Result;
use crate::time::Time;

/// How a frame's first bytes are laid out: a LINKTYPE number of the tcpdump group's registry,
/// <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC's address and control.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// Raw IP as some systems number it in files (`DLT_RAW`).
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP as OpenBSD numbers it.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP in HDLC-like framing, or Cisco's HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// `PPPoE` session packets without Ethernet.
    pub const PPP_ETHER: Self = Self(51);
    /// ATM with IEEE 802.2 (RFC 1483).
    pub const ATM_RFC1483: Self = Self(100);
    /// Raw IP, version in the first nibble.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC.
    pub const C_HDLC: Self = Self(104);
    /// 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// Frame Relay.
    pub const FRELAY: Self = Self(107);
    /// OpenBSD loopback, family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// 802.11 behind Prism's header, or AVS's.
    pub const IEEE802_11_PRISM: Self = Self(119);
    /// 802.11 behind radiotap's header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// 802.11 behind AVS's header.
    pub const IEEE802_11_AVS: Self = Self(163);
    /// PPP with a direction in the place of HDLC's address (`pppd`).
    pub const PPP_PPPD: Self = Self(166);
    /// Per-packet information, then a frame of another link type.
    pub const PPI: Self = Self(192);
    /// PPP behind a direction.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Cisco's HDLC behind a direction.
    pub const C_HDLC_WITH_DIR: Self = Self(205);
    /// Frame Relay behind a direction.
    pub const FRELAY_WITH_DIR: Self = Self(206);
    /// Solaris' IP observability.
    pub const IPNET: Self = Self(226);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// What netfilter logs.
    pub const NFLOG: Self = Self(239);
    /// Apple's packet tap: a header, then a frame of another link type.
    pub const PKTAP: Self = Self(258);
    /// Linux cooked capture, second version.
    pub const LINUX_SLL2: Self = Self(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link type {}", self.0)
    }
}

/// Bytes off the wire.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// 1 for the first frame of the input, as Wireshark counts; with several files, as `mergecap`
    /// would number them.
    pub number: u64,
    /// When it was captured.
    pub time: Time,
    /// How the bytes begin.
    pub link: LinkType,
    /// Where it was captured: the source says what that is called.
    pub interface: u32,
    /// Bytes on the wire; more than `bytes` holds where the capture's snap length cut the frame.
    pub wire_len: u32,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// What a source has next.
#[derive(Debug)]
pub enum Next<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// Nothing at the moment: a quiet interface.
    Idle,
    /// Nothing any more.
    End,
}

/// What a source has filled a block with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Frames.
    Frames,
    /// Nothing at the moment.
    Idle,
    /// Nothing any more.
    End,
}

/// Frames that were lost before they could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// The kernel's buffer was full.
    pub kernel: u64,
    /// The interface or its driver lost them.
    pub interface: u64,
}

/// Fills a block frame by frame.
fn fill_by_frame<S: Source + ?Sized>(source: &mut S, block: &mut Block) -> Result<Filled> {
    let before = block.len();
    let mut end = Filled::Frames;
    while end == Filled::Frames && block.has_room() {
        match source.next()? {
            Next::Frame(frame) => block.push(&frame),
            Next::Idle => end = Filled::Idle,
            Next::End => end = Filled::End,
        }
    }
    Ok(if block.len() > before { Filled::Frames } else { end })
}

/// A stream of frames.
pub trait Source {
    /// The next frame.
    ///
    /// # Errors
    /// Where the source fails for good, in one line: object, reason, remedy.
    fn next(&mut self) -> Result<Next<'_>>;

    /// Fills a block with the next frames, as many as there are and fit. The frames in it count
    /// even where this fails.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    fn read(&mut self, block: &mut Block) -> Result<Filled> {
        fill_by_frame(self, block)
    }

    /// Frames lost so far.
    fn drops(&mut self) -> Drops;

    /// Frames that the system has taken in for this source and that were not read yet, where it
    /// tells.
    fn unread(&mut self) -> Option<u64> {
        None
    }

    /// What was wrong with the input, a line each; empty where all of it was read.
    fn problems(&self) -> Vec<String>;

    /// What is worth knowing of the input although all of it was read, a line each.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// What an interface that frames named is called.
    fn interface(&self, _number: u32) -> String {
        String::new()
    }

    /// Whether it goes on until somebody ends it, so that being ended leaves nothing out.
    fn is_endless(&self) -> bool {
        false
    }

    /// Ends what is still open: no frame will be asked for any more.
    fn finish(&mut self) {}
}
