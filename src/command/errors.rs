//! Errors of folders that still return texts, turned into the crate's error.

use portlore::catalogue::Fault;
use portlore::{Error, ErrorKind};

/// An error that is a text, or several.
pub trait ErrorText {
    /// The crate's error with the same lines.
    fn into_error(self, kind: ErrorKind) -> Error;
}

impl ErrorText for String {
    fn into_error(self, kind: ErrorKind) -> Error {
        Error::new(kind, self)
    }
}

impl ErrorText for Vec<String> {
    fn into_error(self, kind: ErrorKind) -> Error {
        let errors = self.into_iter().map(|line| Error::new(kind, line));
        Error::from_all(errors).unwrap_or_else(|| Error::new(kind, ""))
    }
}

impl ErrorText for Vec<Fault> {
    fn into_error(self, kind: ErrorKind) -> Error {
        self.iter().map(ToString::to_string).collect::<Vec<_>>().into_error(kind)
    }
}

impl ErrorText for Error {
    fn into_error(self, _: ErrorKind) -> Error {
        self
    }
}

/// Turns the error of a `Result` into the crate's error.
pub fn with_kind<E: ErrorText>(kind: ErrorKind) -> impl Fn(E) -> Error {
    move |error| error.into_error(kind)
}
