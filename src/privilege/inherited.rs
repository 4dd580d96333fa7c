//! Descriptors that a process was started with.

/// Descriptors that are tried where the system does not list those that are open.
const MOST: i32 = 1024;

/// Closes all descriptors but standard input, output and error: for a helper process, which is given
/// its connection as standard input. To be called before the process opens anything.
pub fn close_inherited() {
    let number = |entry: std::io::Result<std::fs::DirEntry>| -> Option<i32> {
        entry.ok()?.file_name().to_str()?.parse().ok()
    };
    // The list is complete before anything is closed; its own descriptor is then closed already.
    let open: Vec<i32> = match std::fs::read_dir("/dev/fd") {
        Ok(entries) => entries.filter_map(number).collect(),
        Err(_) => (0..MOST).collect(),
    };
    for descriptor in open.into_iter().filter(|&descriptor| descriptor > 2) {
        // It was closed before, or is closed now.
        let _ = nix::unistd::close(descriptor);
    }
}
