//! BPF filters need libpcap, which this program does not use on Windows.

use std::convert::Infallible;

use super::{Frame, LinkType};
use crate::{Error, ErrorKind, Result};

/// A filter expression. No value of this type exists here.
pub struct Filter(Infallible);

impl Filter {
    /// Refuses the expression.
    ///
    /// # Errors
    /// Always ([`ErrorKind::Filter`]).
    pub fn compile(expression: &str, _: &[LinkType]) -> Result<Self> {
        let reason = "needs libpcap, which portlore does not use on Windows";
        Err(Error::new(ErrorKind::Filter, reason)
            .with_object(format_args!("filter '{expression}'"))
            .with_remedy("select flows with --where, or filter the capture with Wireshark"))
    }

    /// Whether the frame passes.
    pub fn matches(&mut self, _: &Frame<'_>) -> bool {
        match self.0 {}
    }

    /// Problems of the filter, one line each.
    pub fn problems(&self) -> std::iter::Empty<String> {
        match self.0 {}
    }
}
