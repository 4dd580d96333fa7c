//! How the packets of OSC follow each other in a stream.

/// A framing that a server may answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnsweredFraming {
    /// A length before each packet (OSC 1.0).
    LengthPrefix,
    /// The bytes of SLIP around each packet (OSC 1.1; RFC 1055).
    Slip,
}

impl AnsweredFraming {
    /// Both framings.
    pub const ALL: [Self; 2] = [Self::LengthPrefix, Self::Slip];

    /// The framing of that name in facts.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|framing| framing.as_str() == name)
    }

    /// The name in facts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LengthPrefix => "length-prefix",
            Self::Slip => "slip",
        }
    }

    /// The bit of a set.
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}
