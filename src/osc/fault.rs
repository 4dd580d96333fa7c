//! Why bytes are no packet, and where.

use crate::sentence::{count, plural};
use std::fmt;

/// Where and why bytes fail to be a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OscFault<'a> {
    /// Offset in the packet of the first byte that is wrong or missing.
    pub at: usize,
    /// What is wrong there.
    pub reason: OscFaultReason,
    /// The address of the message that fails, where it can be read.
    pub address: Option<&'a [u8]>,
    /// The type tags of that message without the comma, where they can be read.
    pub types: Option<&'a [u8]>,
}

/// What is wrong with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OscFaultReason {
    /// The packet has no byte.
    Empty,
    /// It begins with neither `/` nor `#bundle`.
    Beginning,
    /// `#bundle` is not followed by NUL.
    BundleName,
    /// A bundle ends within its time tag.
    BundleTime,
    /// A bundle ends within the size of an element.
    ElementSize,
    /// An element of a bundle is longer than what is left.
    ElementLength {
        /// Bytes that the element is said to have.
        stated: u32,
        /// Bytes that are left.
        left: usize,
    },
    /// Bundles are nested deeper than anybody sends them.
    Depth,
    /// No NUL ends a string.
    Unterminated,
    /// The bytes after a string or blob up to a multiple of four are not zero.
    Padding,
    /// The bytes after a string or blob up to a multiple of four are missing.
    PaddingCut,
    /// A byte that no address may have.
    Character(u8),
    /// A type tag that is not defined.
    Type(u8),
    /// `[` and `]` do not match.
    Brackets,
    /// An argument is longer than what is left.
    Argument {
        /// Its type tag.
        tag: u8,
        /// Bytes that it needs.
        needs: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// Bytes follow an address without type tags: nobody knows their types.
    Untyped(usize),
    /// Bytes follow the last argument.
    Excess(usize),
    /// The capture kept fewer bytes than the packet has.
    Captured {
        /// Bytes that were captured.
        captured: usize,
        /// Bytes that the packet has.
        of: usize,
    },
}

impl fmt::Display for OscFaultReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("the packet is empty"),
            Self::Beginning => f.write_str("begins with neither / nor #bundle"),
            Self::BundleName => f.write_str("no NUL follows #bundle"),
            Self::BundleTime => f.write_str("the bundle ends within its time tag"),
            Self::ElementSize => f.write_str("the bundle ends within the size of an element"),
            Self::ElementLength { stated, left } => {
                write!(
                    f,
                    "an element of the bundle should have {}, but {} left",
                    bytes(stated as usize),
                    remaining(left)
                )
            }
            Self::Depth => f.write_str("bundles are nested too deeply"),
            Self::Unterminated => f.write_str("the string does not end with NUL"),
            Self::Padding => f.write_str("the padding is not zero"),
            Self::PaddingCut => f.write_str("the padding to a multiple of four is missing"),
            Self::Character(byte) => write!(f, "invalid byte 0x{byte:02x} in an address"),
            Self::Type(tag) => write!(f, "undefined type tag {}", Tag(tag)),
            Self::Brackets => f.write_str("[ and ] in the type tags do not match"),
            Self::Argument { tag, needs, left } => {
                write!(
                    f,
                    "an argument of type {} needs {}, but {} left",
                    Tag(tag),
                    bytes(needs),
                    remaining(left)
                )
            }
            Self::Untyped(left) => {
                write!(f, "no type tags before the last {}", bytes(left))
            }
            Self::Excess(left) => write!(f, "{} after the last argument", bytes(left)),
            Self::Captured { captured, of } => {
                write!(f, "only {captured} of {} were captured", bytes(of))
            }
        }
    }
}

fn bytes(n: usize) -> String {
    plural(n as u64, "byte")
}

/// As in `but 1 is left`.
fn remaining(n: usize) -> String {
    format!("{} {}", count(n as u64), if n == 1 { "is" } else { "are" })
}

/// A type tag as people read it.
struct Tag(u8);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "{}", char::from(self.0))
        } else {
            write!(f, "0x{:02x}", self.0)
        }
    }
}
