//! The one integration-test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod arrival_order;
mod bad_input;
mod capture_order;
mod cli;
mod confusion;
mod diff;
mod documented;
mod examples;
mod expectations;
mod fast_path;
mod flow_outputs;
mod follow;
mod garbage;
mod golden;
mod html;
mod install;
mod interfaces;
mod layers;
mod live;
mod local_times;
mod losses;
mod net;
mod observed;
mod osc;
mod outputs;
mod phrases;
mod platforms;
mod ports;
mod privilege;
mod process;
mod proof;
mod recipes;
mod run;
#[cfg(target_os = "linux")]
mod sandbox;
mod saving;
mod screen;
mod seeds;
mod selected;
mod sensors;
mod services;
mod setup;
mod slice;
mod snapshot;
mod suggestions;
mod tenants;
mod terminal;
mod time_window;
mod watch;
