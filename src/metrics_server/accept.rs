//! Content negotiation: which of the two formats a client prefers (RFC 9110, section 12.5.1).

use crate::report::formats::openmetrics::ExpositionFormat;

/// The format that the values of `Accept` prefer: the text format if both have the same quality, or
/// neither is accepted.
#[must_use]
pub fn preferred(accept: &str) -> ExpositionFormat {
    let (open, text) =
        (quality(accept, ExpositionFormat::OpenMetrics), quality(accept, ExpositionFormat::Text));
    if open > text { ExpositionFormat::OpenMetrics } else { ExpositionFormat::Text }
}

/// The quality of a format in thousandths, from the most specific range that it falls in.
fn quality(accept: &str, format: ExpositionFormat) -> u32 {
    let matching = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next()?.to_ascii_lowercase();
        let (mut quality, mut version) = (1000, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value.trim()),
                "version" => version = Some(value.trim().trim_matches('"').to_owned()),
                _ => {}
            }
        }
        let (own, family, versions): (&str, &str, &[&str]) = match format {
            ExpositionFormat::OpenMetrics => {
                ("application/openmetrics-text", "application/*", &["1.0.0", "0.0.1"])
            }
            ExpositionFormat::Text => ("text/plain", "text/*", &["0.0.4"]),
        };
        let precision = match media_type.as_str() {
            exact if exact == own => 2 + u32::from(version.is_some()),
            wider if wider == family => 1,
            "*/*" => 0,
            _ => return None,
        };
        version
            .is_none_or(|version| versions.contains(&version.as_str()))
            .then_some((precision, quality))
    });
    matching.max().map_or(0, |(_, quality)| quality)
}

/// `0.75` as 750; 0 for what is no such number.
fn thousandths(text: &str) -> u32 {
    text.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_and_the_older_format_is_for_those_who_do_not() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            ("", ExpositionFormat::Text),
            ("*/*", ExpositionFormat::Text),
            ("text/html,*/*;q=0.8", ExpositionFormat::Text),
            ("application/openmetrics-text", ExpositionFormat::OpenMetrics),
            (
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                ExpositionFormat::OpenMetrics,
            ),
            ("application/openmetrics-text;version=9.0.0", ExpositionFormat::Text),
            ("application/openmetrics-text;q=0", ExpositionFormat::Text),
            ("application/openmetrics-text;q=0.2,text/plain;q=0.9", ExpositionFormat::Text),
            ("application/openmetrics-text;q=0.9,text/plain;q=0.2", ExpositionFormat::OpenMetrics),
            ("Application/OpenMetrics-Text ; Q=0.9 , text/*;q=0.1", ExpositionFormat::OpenMetrics),
            ("application/*;q=0.9,text/plain;q=0.1", ExpositionFormat::OpenMetrics),
            ("application/openmetrics-text;q=nonsense", ExpositionFormat::Text),
            (prometheus, ExpositionFormat::OpenMetrics),
        ] {
            assert_eq!(preferred(accept), format, "{accept}");
        }
    }
}
