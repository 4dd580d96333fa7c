//! The one error type of the crate.
//!
//! An error names an object, the reason and the remedy, and prints as one line:
//! `OBJECT: REASON; REMEDY`, or `OBJECT REASON; REMEDY` where the reason begins with the verb of
//! the object: `a.pcap is empty`. Its [`ErrorKind`] is what code asks, so that nobody has to read the
//! text.

use std::any::Any;
use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A capture file, a pipe or an interface cannot be read.
    Input,
    /// A report, a capture file or a socket cannot be written.
    Output,
    /// There is no room for a report or a capture file.
    Full,
    /// A capture filter is not valid, or cannot be applied to this input.
    Filter,
    /// A catalogue file is not valid.
    Catalogue,
    /// A file of expectations is not valid.
    Expectations,
    /// The user lacks a right, such as `CAP_NET_RAW`.
    Permission,
    /// The arguments contradict each other.
    Usage,
    /// The operating system refused a thread, a signal handler or a similar resource, or a thread
    /// panicked.
    System,
}

/// Characters of the message of a panic at most: it may quote what was read.
const MAX_PANIC: usize = 200;

impl ErrorKind {
    /// The kind of an output that the system cannot write for this reason.
    #[must_use]
    pub fn of_output(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Output,
        }
    }
}

/// One error, or several that were found together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    first: ErrorLine,
    rest: Vec<ErrorLine>,
}

/// A reason without the number that Rust adds to the errors of the operating system, as in
/// `No such file or directory (os error 2)`, and with the text of the system in lower case: it
/// stands behind a colon.
fn of_system(reason: &str) -> String {
    const NUMBER: &str = " (os error ";
    let found = reason.find(NUMBER).and_then(|at| {
        let end = reason[at..].find(')')? + at;
        let number = &reason[at + NUMBER.len()..end];
        number.bytes().all(|byte| byte.is_ascii_digit()).then_some((at, end))
    });
    let Some((at, end)) = found else { return reason.to_owned() };
    let begin = reason[..at].rfind(": ").map_or(0, |colon| colon + 2);
    let [before, text, after] = [&reason[..begin], &reason[begin..at], &reason[end + 1..]];
    [before, &lower_case(text), after].concat()
}

/// A text that begins in lower case, unless its first word is an abbreviation.
fn lower_case(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// The verbs with which a reason continues its object as a sentence, without a colon between.
const VERBS: [&str; 10] =
    ["already ", "are ", "cannot ", "contains ", "does ", "has ", "is ", "must ", "needs ", "was "];

/// One line of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct ErrorLine {
    kind: ErrorKind,
    object: String,
    reason: String,
    remedy: String,
}

impl Error {
    /// An error of which only the reason is known.
    #[must_use]
    pub fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        let reason = of_system(&reason.into());
        let fault = ErrorLine { kind, object: String::new(), reason, remedy: String::new() };
        Self { first: fault, rest: Vec::new() }
    }

    /// The reason of an error of the operating system, as it stands after a colon.
    pub(crate) fn system_reason(error: &std::io::Error) -> String {
        of_system(&error.to_string())
    }

    /// The error of a thread that panicked: `thread` is what it is called, `panic` is what
    /// [`join`](std::thread::JoinHandle::join) or [`catch_unwind`](std::panic::catch_unwind)
    /// returned. Asks for a report.
    #[must_use]
    pub fn from_panic(thread: &str, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text: String = text.unwrap_or("no message").chars().take(MAX_PANIC).collect();
        Self::new(ErrorKind::System, format!("{thread} panicked: {text}"))
            .with_remedy("this is a bug in portlore, please report it (SECURITY.md says how)")
    }

    /// Names what the error is about: a file, an interface, a flag.
    #[must_use]
    pub fn with_object(mut self, object: impl fmt::Display) -> Self {
        self.first.object = object.to_string();
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.first.remedy = remedy.into();
        self
    }

    /// Joins errors that were found together, in their order; `None` where there are none.
    #[must_use]
    pub fn from_all(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut faults = errors.into_iter().flat_map(|error| {
            let Self { first, rest } = error;
            std::iter::once(first).chain(rest)
        });
        let first = faults.next()?;
        Some(Self { first, rest: faults.collect() })
    }

    /// The kind of the first error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.first.kind
    }

    /// What the first error is about; empty where there is no object.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.first.object
    }

    /// Why the first error occurred.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.first.reason
    }

    /// What to do about the first error, where something can be done.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        Some(self.first.remedy.as_str()).filter(|remedy| !remedy.is_empty())
    }

    /// One line for each error.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::once(&self.first).chain(&self.rest).map(ErrorLine::to_string)
    }
}

impl fmt::Display for ErrorLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, reason, remedy, .. } = self;
        if !object.is_empty() {
            let continues = VERBS.iter().any(|verb| reason.starts_with(verb));
            write!(f, "{object}{}", if continues { " " } else { ": " })?;
        }
        f.write_str(reason)?;
        if !remedy.is_empty() {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(object: &str) -> Error {
        Error::new(ErrorKind::Input, "cannot be read").with_object(object)
    }

    #[test]
    fn an_error_is_one_line_of_object_reason_and_remedy() {
        let error = named("a.pcap").with_remedy("see who owns it");
        assert_eq!(error.to_string(), "a.pcap cannot be read; see who owns it");
        assert_eq!(named("a.pcap").to_string(), "a.pcap cannot be read");
        assert_eq!(Error::new(ErrorKind::System, "no thread").to_string(), "no thread");
        let full = std::io::Error::from_raw_os_error(28);
        let full = Error::new(ErrorKind::Output, format!("cannot be written: {full}, again"));
        assert_eq!(full.to_string(), "cannot be written: no space left on device, again");
        assert_eq!((error.kind(), error.object()), (ErrorKind::Input, "a.pcap"));
        assert_eq!((error.reason(), error.remedy()), ("cannot be read", Some("see who owns it")));
    }

    #[test]
    fn no_colon_stands_between_an_object_and_its_verb() {
        let error = |reason: &str| Error::new(ErrorKind::Input, reason).with_object("x");
        assert_eq!(error("is empty").to_string(), "x is empty");
        assert_eq!(error("must be later than --since").to_string(), "x must be later than --since");
        assert_eq!(error("no such interface").to_string(), "x: no such interface");
        assert_eq!(error("isolated").to_string(), "x: isolated");
    }

    #[test]
    fn the_text_of_the_system_is_in_lower_case() {
        let of = |text: &str| Error::new(ErrorKind::Output, text).to_string();
        assert_eq!(
            of("cannot be written: Is a directory (os error 21)"),
            "cannot be written: is a directory"
        );
        assert_eq!(of("Permission denied (os error 13)"), "permission denied");
        assert_eq!(of("RPC failed (os error 1)"), "RPC failed");
        assert_eq!(of("Keep is not of the system"), "Keep is not of the system");
    }

    #[test]
    fn several_errors_keep_their_order_a_line_each() {
        let two = Error::from_all([named("a"), named("b")]).unwrap();
        let three = Error::from_all([two, named("c")]).unwrap();
        let lines: Vec<_> = three.lines().collect();
        assert_eq!(lines, ["a cannot be read", "b cannot be read", "c cannot be read"]);
        assert_eq!(three.to_string(), lines.join("\n"));
        assert_eq!(Error::from_all([]), None);
    }
}
