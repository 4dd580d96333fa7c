//! The inputs that are kept of a corpus, in one file: each behind four bytes that are its length,
//! least byte first.

use std::io;
use std::path::Path;

/// Reads all inputs.
///
/// # Errors
/// Where the file cannot be read or ends within an input.
pub fn read(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let bytes = std::fs::read(path)?;
    let mut rest = &bytes[..];
    let mut inputs = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk() {
        let len = u32::from_le_bytes(*len) as usize;
        let (input, next) = behind.split_at_checked(len).ok_or(io::ErrorKind::UnexpectedEof)?;
        inputs.push(input.to_vec());
        rest = next;
    }
    Ok(inputs)
}
