//! Frames for people: by their numbers, and where several files were read, by file as well.

use super::escape::escape;
use crate::source::FrameFiles;

/// A frame, as in `frame 12` and `frame 1203417 (east-0007.pcap frame 4211)`. Escaped.
pub fn frame_text(files: Option<&FrameFiles>, frame: u64) -> String {
    let place = files.and_then(|files| Some((files, files.place(frame)?)));
    place.map_or_else(
        || format!("frame {frame}"),
        |(files, place)| {
            let file = escape(files.label(&place));
            format!("frame {frame} ({file} frame {})", place.frame)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_several_files_has_its_file_too() {
        let files =
            FrameFiles::of_chain([("rings/east-1.pcap", 3), ("rings/ea\u{1b}st-2.pcap", 9)]);
        assert_eq!(frame_text(None, 5), "frame 5");
        assert_eq!(frame_text(Some(&files), 3), "frame 3 (east-1.pcap frame 3)");
        assert_eq!(frame_text(Some(&files), 5), "frame 5 (ea\\x1bst-2.pcap frame 2)");
    }
}
