//! The value of `--flows-to`.

use std::path::{Path, PathBuf};

use portlore::report::flows::{FLOW_FORMATS, FlowFormat, flow_format};

/// Where flows go, and in which format.
#[derive(Debug, Clone)]
pub struct FlowsTo {
    /// `None` for standard output.
    pub path: Option<PathBuf>,
    /// By the ending of the name.
    pub format: &'static FlowFormat,
}

impl FlowsTo {
    /// Whether the flows go to standard output.
    pub const fn is_standard(&self) -> bool {
        self.path.is_none()
    }
}

/// A file name whose ending is that of a format; `-` and the ending for standard output.
pub(super) fn flows_to(text: &str) -> Result<FlowsTo, String> {
    let path = Path::new(text);
    let Some(format) = flow_format(path) else {
        let endings: Vec<_> =
            FLOW_FORMATS.iter().map(|format| format!(".{}", format.ending)).collect();
        return Err(format!("the ending chooses the format; choose one of {}", endings.join(", ")));
    };
    let is_standard = path.file_stem().is_some_and(|stem| stem == "-")
        && path.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    Ok(FlowsTo { path: (!is_standard).then(|| path.to_owned()), format })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_chooses_the_format_and_a_dash_standard_output() {
        let of = |text: &str| flows_to(text).map(|flows| (flows.path, flows.format.ending));
        assert_eq!(of("-.csv"), Ok((None, "csv")));
        assert_eq!(of("./-.csv"), Ok((Some("./-.csv".into()), "csv")));
        assert_eq!(of("a/b.parquet"), Ok((Some("a/b.parquet".into()), "parquet")));
        for text in ["a.txt", "csv", "-", ".csv", "a.CSV "] {
            assert!(of(text).unwrap_err().contains(".csv, .ndjson, .parquet"), "{text}");
        }
    }
}
