//! What the commands that capture nothing print, one file each.

pub mod doctor;
pub mod interfaces;
pub mod port;
