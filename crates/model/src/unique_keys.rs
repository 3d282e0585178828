//! JSON in which no object has a key twice.
//!
//! Parsers take the first such value or the last, each as it likes: two programs would read two models
//! from one file.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Proves that no object of a JSON text, at any depth, has a key twice.
///
/// Errors say which key, or why the text is no JSON.
pub(crate) fn check(json: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<Unique>(json).map(|_| ()).map_err(|error| error.to_string())
}

/// Any JSON value, of which nothing is kept.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value::<Unique>()?;
            if let Some(key) = keys.replace(key) {
                // A key is data from outside, and the error one line.
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
        }
        Ok(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for json in [r#"{"a":{"a":[1,-1,1.5,"a",true,null]},"b":{"a":{}}}"#, "[]", "7"] {
            assert_eq!(check(json.as_bytes()), Ok(()), "{json}");
        }
        for json in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":[],"\u0061":{}}}]"#] {
            let error = check(json.as_bytes()).unwrap_err();
            assert!(error.contains(r#"duplicate key "a""#), "{error}");
        }
        assert!(check(b"{").is_err());
        assert!(check("[".repeat(100_000).as_bytes()).is_err());
    }
}
