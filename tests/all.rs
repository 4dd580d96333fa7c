//! The one integration-test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod arrival_order;
mod bad_input;
mod capture_order;
mod cli;
mod confusion;
mod fast_path;
mod garbage;
mod golden;
mod layers;
mod live;
mod losses;
mod net;
mod observed;
mod osc;
mod outputs;
mod ports;
mod privilege;
mod process;
mod proof;
mod recipes;
mod run;
mod saving;
mod screen;
mod seeds;
mod services;
mod setup;
mod tenants;
mod watch;
