//! Sections of a page that a chore writes: what stands between two marks, which are comments.

use std::fs;
use std::path::Path;

use super::{Facts, MeasureError, shell};

/// Puts `body` between the marks of `name`; nothing where the text lacks them.
///
/// The marks are `<!-- begin name -->` and `<!-- end name -->`, each on a line of its own.
fn replace(text: &str, name: &str, body: &str) -> Option<String> {
    let (begin, end) = marks(name);
    let body_from = text.find(&begin)? + begin.len();
    let body_to = body_from + text[body_from..].find(&end)?;
    let (before, after) = (&text[..body_from], &text[body_to..]);
    Some(format!("{before}\n\n{}\n\n{after}", body.trim()))
}

/// Writes a section of a page: facts, command, then the body. A page that is not there is made; one
/// that lacks the marks is an error.
pub fn write_section(
    page: &Path,
    name: &str,
    (facts, command): (&Facts, &str),
    body: &str,
) -> Result<(), MeasureError> {
    let (begin, end) = marks(name);
    let text = if page.exists() {
        fs::read_to_string(page).map_err(MeasureError::disk("read", page))?
    } else {
        format!("# Benchmarks\n\n{begin}\n{end}\n")
    };
    let facts: Vec<_> =
        facts.lines().into_iter().map(|(name, value)| format!("- {name}: {value}")).collect();
    let body = format!("`{command}`\n\n{}\n\n{}", facts.join("\n"), body.trim());
    let Some(text) = replace(&text, name, &body) else {
        let what = format!("lacks the lines `{begin}` and `{end}`, between which the table goes");
        return Err(MeasureError::content(page, what));
    };
    shell::write(page, &text)
}

fn marks(name: &str) -> (String, String) {
    (format!("<!-- begin {name} -->"), format!("<!-- end {name} -->"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = "top\n<!-- begin a -->\nold\n<!-- end a -->\nmiddle\n<!-- begin b -->\n\
                    <!-- end b -->\n";
        let once = replace(page, "a", "new\n").unwrap();
        let expected = "top\n<!-- begin a -->\n\nnew\n\n<!-- end a -->\nmiddle\n<!-- begin b -->\n\
                        <!-- end b -->\n";
        assert_eq!(once, expected);
        assert_eq!(replace(&once, "a", "new").unwrap(), once, "twice is once");
    }

    #[test]
    fn marks_must_be_there_in_order() {
        assert_eq!(replace("nothing", "a", "x"), None);
        assert_eq!(replace("<!-- begin a -->", "a", "x"), None);
        assert_eq!(replace("<!-- end a -->\n<!-- begin a -->", "a", "x"), None);
    }

    #[test]
    fn a_page_that_is_not_there_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        let facts = Facts::gather(folder.path());
        for body in ["first", "second"] {
            write_section(&page, "a", (&facts, "cargo x"), body).unwrap();
        }
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains("`cargo x`") && text.contains("second") && !text.contains("first"));
        let error = write_section(&page, "b", (&facts, "cargo x"), "").unwrap_err();
        assert!(error.to_string().contains("<!-- begin b -->"), "{error}");
    }
}
