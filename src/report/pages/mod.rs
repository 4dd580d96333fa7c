//! What the commands other than `replay` and `live` print, one file or folder each.

pub mod against;
pub mod check;
pub mod diff;
pub mod doctor;
pub mod interfaces;
pub mod listeners;
pub mod listening;
pub mod osc;
pub mod port;
pub mod services;
