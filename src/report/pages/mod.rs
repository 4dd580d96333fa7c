//! What the commands other than `replay` and `live` print, one file or folder each.

pub mod doctor;
pub mod interfaces;
pub mod listeners;
pub mod listening;
pub mod osc;
pub mod port;

/// `a`, `a and b`, `a, b and c`; with `;` as the last link `a; b; c`.
fn joined(parts: &[String], last: &str) -> String {
    match parts {
        _ if last == ";" => parts.join("; "),
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
