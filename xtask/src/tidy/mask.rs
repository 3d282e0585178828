//! Blanks out comments and literals, so that a word found afterwards is a word of the program.

/// The source with every comment, string and character literal turned into blanks; line by line as
/// long as before.
pub fn mask(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut masked = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        match end {
            Some(end) => {
                masked.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                // A whole word at once, so that the `r` of `bar"` starts no raw string.
                let word = chars[at..].iter().take_while(|c| is_word(**c)).count().max(1);
                masked.extend(&chars[at..at + word]);
                at += word;
            }
        }
    }
    masked
}

/// The lines, from 1 on, on which `word` stands as a word of its own in masked source.
pub fn lines_with(masked: &str, word: &str) -> Vec<usize> {
    let has = |line: &str| line.split(|c| !is_word(c)).any(|token| token == word);
    masked.lines().enumerate().filter(|(_, line)| has(line)).map(|(idx, _)| idx + 1).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the comment or literal that begins at `at` ends, if one does.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let rest = &chars[at..];
    match rest {
        ['/', '/', ..] => Some(at + rest.iter().take_while(|c| **c != '\n').count()),
        ['/', '*', ..] => Some(block_comment_end(chars, at)),
        ['"', ..] => Some(quoted_end(chars, at + 1, '"')),
        ['b' | 'c', '"', ..] => Some(quoted_end(chars, at + 2, '"')),
        ['b', '\'', ..] => Some(quoted_end(chars, at + 2, '\'')),
        ['\'', '\\', ..] => Some(quoted_end(chars, at + 1, '\'')),
        // Anything else after a quote is a lifetime or a label.
        ['\'', _, '\'', ..] => Some(at + 3),
        ['r', '"' | '#', ..] => raw_string_end(chars, at + 1),
        ['b' | 'c', 'r', '"' | '#', ..] => raw_string_end(chars, at + 2),
        _ => None,
    }
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of a raw string whose hashes begin at `at`; none where it is a raw identifier.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let n_hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    let start = at + n_hashes;
    if chars.get(start) != Some(&'"') {
        return None;
    }
    let closes = |end: &usize| {
        chars[*end] == '"'
            && chars[end + 1..].iter().take(n_hashes).filter(|c| **c == '#').count() == n_hashes
    };
    Some((start + 1..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + n_hashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let masked = mask(source);
        let words: Vec<_> = masked.split_whitespace().collect();
        assert_eq!(words.join(" "), expected, "{source}");
        assert_eq!(masked.lines().count(), source.lines().count());
    }

    #[test]
    fn comments_go() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check("//! a\n/// b\nc", "c");
        check("a /* b", "a");
    }

    #[test]
    fn literals_go() {
        check(r#"a "b \" c" d"#, "a d");
        check("a r\"b\\\" c", "a c");
        check("a r##\"b \"# c\"## d", "a d");
        check("a br#\"b\"# b\"c\" c\"d\" e", "a e");
        check("f('\"', '\\'', b'\"', 'x') g", "f( , , , ) g");
        check("a \"b", "a");
    }

    #[test]
    fn the_rest_stays() {
        check("fn f<'a>(x: &'a str) -> r#type", "fn f<'a>(x: &'a str) -> r#type");
        check("bar\"x\" 'outer: loop", "bar 'outer: loop");
    }

    #[test]
    fn words_and_their_lines() {
        let source = "unsafe_code\n// unsafe\n\"unsafe\"\nlet x = unsafe { 0 };\n";
        assert_eq!(lines_with(&mask(source), "unsafe"), [4]);
    }
}
