//! How live capture is to be done.

/// How to capture.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Names of the devices; `any` for all of them.
    pub interfaces: Vec<String>,
    /// Whether to capture frames for other machines too.
    pub promiscuous: bool,
    /// Maximum captured bytes per frame.
    pub snap_len: u32,
    /// Bytes of the kernel's buffer, for each device.
    pub buffer_bytes: u32,
    /// A BPF expression for the kernel.
    pub filter: Option<String>,
}
