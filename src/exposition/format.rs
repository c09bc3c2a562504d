//! Which format and which encoding a scraper wants.

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that an `Accept` header prefers; text where it says nothing that is known.
    pub fn negotiate(accept: Option<&str>) -> Format {
        let mut best = (Format::Text, 0.0);
        for (media, parameters, quality) in accept.unwrap_or_default().split(',').filter_map(weighted) {
            let format = match media.as_str() {
                "application/openmetrics-text" => {
                    let version = parameters.iter().find_map(|p| p.strip_prefix("version="));
                    if version.is_some_and(|v| !matches!(v.trim_matches('"'), "1.0.0" | "0.0.1" | "1.0")) {
                        continue;
                    }
                    Format::OpenMetrics
                }
                "text/plain" => Format::Text,
                _ => continue,
            };
            if quality > best.1 {
                best = (format, quality);
            }
        }
        best.0
    }

    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// How the body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
}

impl Encoding {
    /// gzip where an `Accept-Encoding` header allows it.
    pub fn negotiate(accept: Option<&str>) -> Encoding {
        let mut wildcard = Encoding::Identity;
        for (coding, _, quality) in accept.unwrap_or_default().split(',').filter_map(weighted) {
            let encoding = if quality > 0.0 { Encoding::Gzip } else { Encoding::Identity };
            match coding.as_str() {
                "gzip" | "x-gzip" => return encoding,
                "*" => wildcard = encoding,
                _ => {}
            }
        }
        wildcard
    }
}

/// One element of an `Accept` header: its value, its parameters and its quality, 1 where none is given.
fn weighted(element: &str) -> Option<(String, Vec<String>, f64)> {
    let mut parts = element.split(';').map(|part| part.trim().to_ascii_lowercase());
    let value = parts.next().filter(|value| !value.is_empty())?;
    let parameters: Vec<String> = parts.collect();
    let quality = parameters.iter().find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
    Some((value, parameters, quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_the_scraper_prefers() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let cases = [
            (None, Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html,application/xhtml+xml"), Format::Text),
            (Some("application/openmetrics-text; version=1.0.0"), Format::OpenMetrics),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("application/openmetrics-text;version=2.0.0"), Format::Text),
            (Some("application/openmetrics-text;q=0.1, text/plain;q=0.9"), Format::Text),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some(prometheus), Format::OpenMetrics),
        ];
        for (accept, format) in cases {
            assert_eq!(Format::negotiate(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn gzip_is_used_only_where_it_is_allowed() {
        let cases = [
            (None, Encoding::Identity),
            (Some(""), Encoding::Identity),
            (Some("gzip"), Encoding::Gzip),
            (Some("deflate, GZIP;q=0.5, br"), Encoding::Gzip),
            (Some("gzip;q=0"), Encoding::Identity),
            (Some("*"), Encoding::Gzip),
            (Some("gzip;q=0, *"), Encoding::Identity),
            (Some("identity"), Encoding::Identity),
        ];
        for (accept, encoding) in cases {
            assert_eq!(Encoding::negotiate(accept), encoding, "{accept:?}");
        }
    }
}
