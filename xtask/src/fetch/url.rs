//! Addresses: what may be asked for, and where a redirect leads.
//!
//! Redirects are followed here and not by the HTTP library, so that each rule is one line that a
//! test can see: never to a scheme other than http and https, never from https back to http.

/// Joins a base address and a file name.
pub fn join(base: &str, name: &str) -> String {
    format!("{}/{name}", base.trim_end_matches('/'))
}

/// Whether text has the form of an http or https address with a host.
pub fn is_http(text: &str) -> bool {
    split(text).is_some_and(|(scheme, authority, _)| {
        matches!(scheme.as_str(), "http" | "https") && !authority.is_empty()
    })
}

/// The host of an address, for short notices.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

/// An address for messages: without the name and password it may carry.
pub fn shown(url: &str) -> String {
    match split(url) {
        Some((scheme, _, path)) => format!("{scheme}://{}{path}", host(url)),
        None => url.to_owned(),
    }
}

/// Where a redirect from `current` with this `Location` leads, or why it is not followed.
pub fn follow(current: &str, location: &str) -> Result<String, String> {
    let refuse = |why: &str| Err(format!("redirects to {}: {why}", printable(location)));
    if location.is_empty() || location.contains(|c: char| c.is_control() || c == ' ') {
        return refuse("not an address");
    }
    let Some((scheme, authority, path)) = split(current) else {
        return refuse("not followed from here");
    };
    let next = if let Some((new_scheme, new_authority, _)) = split(location) {
        match new_scheme.as_str() {
            "https" => {}
            "http" if scheme == "http" => {}
            "http" => return refuse("never from https to http"),
            _ => return refuse("only http and https are followed"),
        }
        if new_authority.is_empty() {
            return refuse("no host");
        }
        location.to_owned()
    } else if has_scheme(location) {
        return refuse("only http and https are followed");
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", path_only(path))
    } else {
        // The server resolves any dots: it is its own path.
        let folder = path_only(path).rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    Ok(next.split('#').next().unwrap_or(&next).to_owned())
}

/// Splits `scheme://authority/path?query`; the scheme in lower case.
fn split(url: &str) -> Option<(String, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if !is_scheme(scheme) {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((scheme.to_ascii_lowercase(), &rest[..end], &rest[end..]))
}

/// Whether an address begins with a scheme, with or without `//` after it (`mailto:`, `file:`).
fn has_scheme(url: &str) -> bool {
    let head = url.split(['/', '?', '#']).next().unwrap_or(url);
    head.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn path_only(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

/// A location on one line of an error message, whatever the server sent.
fn printable(location: &str) -> String {
    location.chars().take(200).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(current: &str, location: &str, expected: Result<&str, &str>) {
        match (follow(current, location), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected),
            (Err(got), Err(part)) => assert!(got.contains(part), "{got}"),
            (got, _) => panic!("{got:?} for {location}, not {expected:?}"),
        }
    }

    #[test]
    fn redirects_that_are_followed() {
        let here = "http://a.example:81/x/y.gz?q=1";
        check(here, "https://b.example/z", Ok("https://b.example/z"));
        check(here, "HTTP://b.example/z", Ok("HTTP://b.example/z"));
        check(here, "/z#part", Ok("http://a.example:81/z"));
        check(here, "//b.example/z", Ok("http://b.example/z"));
        check(here, "z.gz", Ok("http://a.example:81/x/z.gz"));
        check(here, "z:1.gz/../w", Err("only http"));
        check(here, "./z:1.gz", Ok("http://a.example:81/x/./z:1.gz"));
        check(here, "?r=2", Ok("http://a.example:81/x/y.gz?r=2"));
        check("http://a.example", "z", Ok("http://a.example/z"));
    }

    #[test]
    fn redirects_that_are_not() {
        let here = "https://a.example/x";
        check(here, "http://a.example/x", Err("never from https to http"));
        check(here, "HTTP://a.example/x", Err("never from https to http"));
        check(here, "file:///etc/hosts", Err("only http and https"));
        check(here, "file:/etc/hosts", Err("only http and https"));
        check(here, "ftp://a.example/x", Err("only http and https"));
        check(here, "javascript:alert(1)", Err("only http and https"));
        check(here, "https:///x", Err("no host"));
        check(here, "", Err("not an address"));
        check(here, "/a\r\nb", Err("not an address"));
    }

    #[test]
    fn parts_of_addresses() {
        assert_eq!(join("http://a/b/", "c.gz"), "http://a/b/c.gz");
        assert_eq!(join("http://a/b", "c.gz"), "http://a/b/c.gz");
        assert_eq!(host("https://user:secret@a.example:81/b?c"), "a.example:81");
        assert_eq!(shown("https://user:secret@a.example/b?c"), "https://a.example/b?c");
        assert!(is_http("https://a/b") && is_http("HTTP://a"));
        assert!(!is_http("http:///b") && !is_http("ftp://a/b") && !is_http("data/mnist"));
    }
}
