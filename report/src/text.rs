//! Untrusted text, made inert. A cause may hold anything that a server or a model wrote: escape sequences that repaint a
//! terminal, characters that turn the reading direction, spreadsheet formulas, Markdown.

/// Stands for a character that is not shown.
const REPLACEMENT: char = '\u{FFFD}';

/// One line without control characters: white space becomes a space, everything that can command a terminal or turn the
/// reading direction becomes `\u{FFFD}`. At most `max` characters, cut with `…`.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let mut shown: String = text.chars().take(max).map(inert).collect();
    if text.chars().nth(max).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

fn inert(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_hostile(c) => REPLACEMENT,
        c => c,
    }
}

/// Whether a character commands a terminal (C0, DEL, C1) or is invisible and turns or hides text (bidirectional controls,
/// zero width characters, the byte order mark).
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// [`plain`], with every character that means something to Markdown or HTML escaped.
pub(crate) fn markdown(text: &str, max: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text, max).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// [`plain`], with an apostrophe before a text that a spreadsheet would take for a formula.
pub(crate) fn spreadsheet(text: &str, max: usize) -> String {
    let shown = plain(text, max);
    let formula = shown.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{shown}") } else { shown }
}

/// Breaks a text at spaces into lines of at most `width` characters; a longer word is cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in pieces(word, width) {
            push_word(&mut lines, &piece, width);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn push_word(lines: &mut Vec<String>, word: &str, width: usize) {
    let Some(line) = lines.last_mut() else { return };
    if line.is_empty() {
        line.push_str(word);
    } else if line.chars().count() + 1 + word.chars().count() <= width {
        line.push(' ');
        line.push_str(word);
    } else {
        lines.push(word.to_owned());
    }
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(width).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_turned_text_are_inert() {
        assert_eq!(
            plain("a\x1b[31mb\u{9b}c\r\nd\u{202e}e\u{7}", 99),
            "a\u{FFFD}[31mb\u{FFFD}c  d\u{FFFD}e\u{FFFD}"
        );
        assert_eq!(plain("abcdef", 4), "abc…");
        assert_eq!(plain("abcd", 4), "abcd");
    }

    #[test]
    fn markdown_and_formulas_are_inert() {
        assert_eq!(markdown("a|b `c` <img> [x](y)", 99), "a\\|b \\`c\\` &lt;img&gt; \\[x\\]\\(y\\)");
        for formula in ["=1+1", "+1", "-1", "@x", "\t=1", "  =1"] {
            assert!(spreadsheet(formula, 99).starts_with('\''), "{formula:?}");
        }
        assert_eq!(spreadsheet("num_ctx=2048", 99), "num_ctx=2048");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert!(wrap("", 5).is_empty());
    }
}
