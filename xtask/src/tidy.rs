//! placeholder
pub fn check(_: &std::path::Path) -> Result<Vec<String>, std::io::Error> {
    Ok(vec![])
}
