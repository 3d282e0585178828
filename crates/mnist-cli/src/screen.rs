//! What stdout can show, and how wide it is.

use std::io::{self, IsTerminal};

use pictures::terminal::{Graphics, Terminal};

use crate::args::GraphicsName;

/// The width where nothing tells of another.
const DEFAULT_COLUMNS: usize = 80;

/// Where pictures are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    terminal: Terminal,
    is_terminal: bool,
    chosen: Option<Graphics>,
}

impl Screen {
    /// The standard output, drawn on as the options say, else as it allows.
    pub(crate) fn stdout(name: GraphicsName) -> Self {
        let chosen = match name {
            GraphicsName::Auto => None,
            GraphicsName::HalfBlock => Some(Graphics::HalfBlock),
            GraphicsName::Braille => Some(Graphics::Braille),
            GraphicsName::Ascii => Some(Graphics::Ascii),
        };
        let stdout = io::stdout();
        let size = terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
        Self::new(stdout.is_terminal(), size, chosen)
    }

    /// The standard error, drawn on as it allows.
    pub(crate) fn stderr() -> Self {
        let stderr = io::stderr();
        let size = terminal_size::terminal_size_of(&stderr).map(|(width, _)| usize::from(width.0));
        Self::new(stderr.is_terminal(), size, None)
    }

    fn new(is_terminal: bool, size: Option<usize>, chosen: Option<Graphics>) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self { terminal: terminal(is_terminal, size, variable), is_terminal, chosen }
    }

    /// Whether a person looks at it, not a file or a program.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The width in characters.
    pub(crate) fn columns(&self) -> usize {
        self.terminal.columns
    }

    /// What draws `count` images of `width` pixels side by side.
    pub(crate) fn graphics(&self, count: usize, width: usize) -> Graphics {
        self.chosen.unwrap_or_else(|| Graphics::choose(self.terminal, count, width))
    }
}

/// What a terminal of `size` columns can show by what the environment says of it.
fn terminal(
    is_terminal: bool,
    size: Option<usize>,
    variable: impl Fn(&str) -> Option<String>,
) -> Terminal {
    let is = |name: &str, test: &dyn Fn(&str) -> bool| variable(name).is_some_and(|v| test(&v));
    let term = |test: &dyn Fn(&str) -> bool| is("TERM", test);
    let is_able = is_terminal && !term(&|term| term == "dumb");
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&variable);
    let is_utf8 = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let has_24_bits = is("COLORTERM", &|value| ["truecolor", "24bit"].contains(&value))
        || term(&|term| term.ends_with("-direct"));
    let columns = || variable("COLUMNS").and_then(|columns| columns.parse().ok());
    Terminal {
        colours: is_able && has_24_bits && variable("NO_COLOR").is_none(),
        unicode: is_able && (is_utf8 || cfg!(windows)),
        columns: size.or_else(columns).filter(|&columns| columns > 0).unwrap_or(DEFAULT_COLUMNS),
    }
}

/// A name from outside (of a file, of a class) that moves no cursor and turns no line around.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c| {
        let marks = ['\u{200e}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        marks.iter().any(|marks| marks.contains(&c))
    };
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// A text in lines of at most `columns` characters where its words allow it, each with its end and with the
/// text's own blanks at its head.
pub(crate) fn wrap(text: &str, columns: usize) -> String {
    let words = text.trim_start_matches(' ');
    let indent = &text[..text.len() - words.len()];
    let mut lines = indent.to_owned();
    let mut used = indent.len();
    for (i, word) in words.split(' ').enumerate() {
        let width = word.chars().count();
        if i > 0 && used + 1 + width > columns {
            lines.push('\n');
            lines.push_str(indent);
            used = indent.len();
        } else if i > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += width;
    }
    lines.push('\n');
    lines
}

/// Sizes as `60000 x 28 x 28`.
pub(crate) fn times(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A terminal of so many columns.
    pub(crate) fn screen(columns: usize, unicode: bool, colours: bool) -> Screen {
        let terminal = Terminal { colours, unicode, columns };
        Screen { terminal, is_terminal: true, chosen: None }
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], size: Option<usize>, expected: (bool, bool, usize)) {
        let variable = |name: &str| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let (colours, unicode, columns) = expected;
        assert_eq!(terminal(true, size, variable), Terminal { colours, unicode, columns });
        let piped = terminal(false, None, variable);
        assert!(!piped.colours && !piped.unicode);
    }

    #[test]
    #[cfg(not(windows))]
    fn what_the_environment_says() {
        let full =
            [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "en_US.UTF-8")];
        let and = |more| [&full[..], &[more]].concat();
        check(&full, Some(120), (true, true, 120));
        check(&and(("NO_COLOR", "1")), Some(120), (false, true, 120));
        check(&and(("LC_ALL", "C")), Some(20), (true, false, 20));
        check(&and(("COLUMNS", "44")), Some(0), (true, true, 80));
        check(&and(("COLUMNS", "44")), None, (true, true, 44));
        check(&and(("COLUMNS", "-1")), None, (true, true, 80));
        check(
            &[("TERM", "dumb"), ("COLORTERM", "truecolor"), ("LANG", "x.utf8")],
            None,
            (false, false, 80),
        );
        check(&[("TERM", "xterm-direct"), ("LC_CTYPE", "UTF-8")], None, (true, true, 80));
        check(&[], None, (false, false, 80));
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("a bc def ghijklm", 6), "a bc\ndef\nghijklm\n");
        assert_eq!(wrap("a bc def", 80), "a bc def\n");
        assert_eq!(wrap("  a bc def", 6), "  a bc\n  def\n");
        assert_eq!(wrap("", 0), "\n");
    }

    #[test]
    fn names_move_no_cursor() {
        assert_eq!(printable("お\u{1b}[2J\n"), "お\\u{1b}[2J\\n");
        assert_eq!(printable("e\u{301}'\\\u{202e}"), "e\u{301}'\\\\u{202e}");
    }
}
