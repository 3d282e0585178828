//! Which proxy to go through; a bad one is said, not skipped.

use ureq::Proxy;

use super::error::FetchError;

/// Which proxy to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The one of `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY`, with the exceptions of `NO_PROXY`.
    Environment,
    /// None.
    Direct,
}

/// Reads the proxy that ureq would take; unlike ureq, refuses a bad one instead of skipping it.
pub fn from_environment(var: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, FetchError> {
    let names =
        ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    for name in names {
        match var(name) {
            Some(value) if !value.trim().is_empty() => {
                return match Proxy::new(value.trim()) {
                    // Read again by ureq, which adds the exceptions of NO_PROXY.
                    Ok(plain) => Ok(Some(Proxy::try_from_env().unwrap_or(plain))),
                    Err(_) => Err(FetchError::BadProxy { variable: name.into() }),
                };
            }
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_proxy_is_an_error_that_names_its_variable() {
        let bad = |name: &str| (name == "https_proxy").then(|| "http://:::bad".to_owned());
        match from_environment(bad) {
            Err(FetchError::BadProxy { variable }) => assert_eq!(variable, "https_proxy"),
            other => panic!("{other:?}"),
        }
        let empty = |_: &str| Some(String::new());
        assert!(from_environment(empty).is_ok_and(|proxy| proxy.is_none()));
        let good = |name: &str| (name == "HTTP_PROXY").then(|| "proxy.example:8080".to_owned());
        assert!(from_environment(good).is_ok_and(|proxy| proxy.is_some()));
    }
}
