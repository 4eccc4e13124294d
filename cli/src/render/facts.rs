//! A block of `Key  value` lines; long values wrap under themselves.

use crate::screen::{Screen, Tone};

/// A value is not wrapped to less than this, however narrow the screen.
const VALUE_MIN: usize = 30;

/// A block of facts under construction.
#[derive(Debug, Default)]
pub struct Facts {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    key: &'static str,
    value: String,
    tone: Tone,
    wraps: bool,
}

impl Facts {
    /// No facts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact. An empty value is left out.
    pub fn add(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.add_line(Line { key, value: value.into(), tone: Tone::Dim, wraps: true })
    }

    /// Adds a fact if there is one.
    pub fn add_some(&mut self, key: &'static str, value: Option<impl Into<String>>) -> &mut Self {
        match value {
            Some(value) => self.add(key, value),
            None => self,
        }
    }

    /// Adds a fact with a coloured key.
    pub fn add_toned(&mut self, key: &'static str, value: impl Into<String>, tone: Tone) -> &mut Self {
        self.add_line(Line { key, value: value.into(), tone, wraps: true })
    }

    /// Adds a path or a command: never broken, because people copy it.
    pub fn add_verbatim(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.add_line(Line { key, value: value.into(), tone: Tone::Dim, wraps: false })
    }

    fn add_line(&mut self, line: Line) -> &mut Self {
        if !line.value.is_empty() {
            self.lines.push(line);
        }
        self
    }

    /// The block as text, without a line end after the last line.
    #[must_use]
    pub fn draw(&self, screen: &Screen) -> String {
        let key_width = self.lines.iter().map(|line| line.key.chars().count()).max().unwrap_or(0) + 2;
        let value_width = screen.report_columns().saturating_sub(key_width).max(VALUE_MIN);
        let mut lines = Vec::new();
        for Line { key, value, tone, wraps } in &self.lines {
            let pad = " ".repeat(key_width - key.chars().count());
            let width = if *wraps { value_width } else { usize::MAX };
            for (index, part) in wrapped(value, width).into_iter().enumerate() {
                let lead = match index {
                    0 => format!("{}{pad}", screen.paint(*tone, key)),
                    _ => " ".repeat(key_width),
                };
                lines.push(lead + &part);
            }
        }
        lines.join("\n")
    }
}

/// `text` in lines of at most `width` characters, broken at spaces. A longer word stays whole: paths are copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { continue };
        let fits = line.chars().count() + 1 + word.chars().count() <= width;
        match (line.is_empty(), fits) {
            (true, _) => line.push_str(word),
            (false, true) => line.extend([" ", word]),
            (false, false) => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_wrap_under_themselves_and_empty_ones_are_left_out() {
        let mut facts = Facts::new();
        facts.add("Name", "a").add("Empty", "").add("Words", "one two three four five six seven eight");
        assert_eq!(
            facts.draw(&Screen::plain(20)),
            "Name   a\nWords  one two three four five six\n       seven eight"
        );
    }
}
