//! One file or folder for each protocol. They use the floors below: `detector`, `statement`,
//! `prefilter` and `formats`.

pub(super) mod amqp;
pub(super) mod artnet;
pub(super) mod bacnet;
pub(super) mod bittorrent;
pub(super) mod csta;
pub(super) mod dap;
pub(super) mod dhcp;
pub(super) mod dis;
pub(super) mod dnp3;
pub(super) mod dns;
pub(super) mod ftp;
pub(super) mod hbci;
pub(super) mod http;
pub(super) mod http2;
pub(super) mod iec104;
pub(super) mod imap;
pub(super) mod ipa;
pub(super) mod iperf3;
pub(super) mod jdwp;
pub(super) mod kafka;
pub(super) mod ldap;
pub(super) mod memcached;
pub(super) mod modbus;
pub(super) mod mongodb;
pub(super) mod mqtt;
pub(super) mod mysql;
pub(super) mod nats;
pub(super) mod netflow;
pub(super) mod ntp;
pub(super) mod opcua;
pub(super) mod osc;
pub(super) mod pjlink;
pub(super) mod pop3;
pub(super) mod postgresql;
pub(super) mod quic;
pub(super) mod rdp;
pub(super) mod redis;
pub(super) mod rsync;
pub(super) mod rtp;
pub(super) mod s7;
pub(super) mod sacn;
pub(super) mod sip;
pub(super) mod smb;
pub(super) mod smtp;
pub(super) mod snmp;
pub(super) mod socks;
pub(super) mod ssh;
pub(super) mod stun;
pub(super) mod syslog;
pub(super) mod telnet;
pub(super) mod text;
pub(super) mod tls;
pub(super) mod vnc;
pub(super) mod watchout;
pub(super) mod wireguard;

#[cfg(test)]
mod cut;
#[cfg(test)]
mod roles;
